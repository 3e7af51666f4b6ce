"""A small autoencoder that is trained on the reference, and exported as any other program is."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.errors import TorchMissing

__all__ = ["train"]

_HIDDEN = 128
_MOST_CODE = 32
_EPOCHS = 60
_BATCH = 64
_LEARNING_RATE = 3e-3


def train(vectors: NDArray[np.floating], rng: np.random.Generator, epochs: int = _EPOCHS) -> bytes:
    """Train an autoencoder on vectors, (rows, dimensions), and give its `.pt2` file.

    Vectors are centred and divided by one common scale, go through a hidden layer of 128 units into a code of a quarter
    of their dimensions, at most 32, and back. The program gives `vector`, the code, and `reconstruction`.

    References
    ----------
    Hinton & Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 2006; Rabanser,
    Günnemann & Lipton, "Failing loudly", NeurIPS 2019.
    """
    try:
        import torch
    except ImportError as error:
        raise TorchMissing("torch is needed to train an autoencoder: pip install 'holdback[torch]'") from error
    torch.set_num_threads(1)
    x = torch.tensor(np.ascontiguousarray(vectors), dtype=torch.float32)
    seed = int(rng.integers(2**31))
    # torch draws first weights from a state that the whole process shares, so it is put back
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _model(torch, x)
        _learn(torch, model, (x - model.centre) / model.scale, epochs, seed)
        return _exported(torch, model.eval(), x)


def _model(torch: Any, x: Any) -> Any:
    dimensions = x.shape[1]
    code = max(min(dimensions // 4, _MOST_CODE), 1)

    class Autoencoder(torch.nn.Module):  # type: ignore[misc]  # torch is imported only here
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("centre", x.mean(dim=0))
            self.register_buffer("scale", x.std().clamp_min(1e-12))
            layer = torch.nn.Linear
            self.down = torch.nn.Sequential(layer(dimensions, _HIDDEN), torch.nn.ReLU(), layer(_HIDDEN, code))
            self.up = torch.nn.Sequential(layer(code, _HIDDEN), torch.nn.ReLU(), layer(_HIDDEN, dimensions))

        def forward(self, vectors: Any) -> Any:
            vector = self.down((vectors - self.centre) / self.scale)
            return {"vector": vector, "reconstruction": self.up(vector) * self.scale + self.centre}

    return Autoencoder()


def _learn(torch: Any, model: Any, x: Any, epochs: int, seed: int) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
    order = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=order).split(_BATCH):
            optimiser.zero_grad()
            given = x[batch]
            torch.nn.functional.mse_loss(model.up(model.down(given)), given).backward()
            optimiser.step()


def _exported(torch: Any, model: Any, x: Any) -> bytes:
    rows = torch.export.Dim("rows")
    example = (torch.zeros(2, x.shape[1]),)
    program = torch.export.export(model, example, dynamic_shapes=({0: rows},))
    file = io.BytesIO()
    torch.export.save(program, file)
    return file.getvalue()
