"""Programs run as torch would run them, each row for itself, and do nothing else."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from detectors.errors import ProgramError, TorchMissing
from detectors.programs import Program
from tests.programs import exported, hand_made
from tests.tools import require_torch

ROWS = np.random.default_rng(0).normal(size=(40, 64))


@pytest.fixture
def torch() -> Any:
    torch = require_torch()
    torch.manual_seed(0)
    return torch


def convolution(torch: Any, *, random: bool = False) -> Any:
    nn: Any = torch.nn

    class Net(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.GELU(), nn.MaxPool2d(2), nn.Flatten())
            self.head = nn.Sequential(nn.Linear(36, 16), nn.Dropout(0.3), nn.Linear(16, 10))

        def forward(self, x: Any) -> Any:
            found = self.head(self.body(x.reshape(x.shape[0], 1, 8, 8)))
            return {"logits": found, "probabilities": torch.softmax(found, -1)}

    model = Net()
    model(torch.randn(50, 64))
    model.eval()
    if random:
        model.head[1].train()
    return model


@pytest.mark.torch
def test_it_gives_what_torch_gives(torch: Any) -> None:
    """Convolution, batch norm, pooling: the same numbers as by torch.export.load; doubles agree to single precision."""
    data = exported(convolution(torch), 64)
    theirs = torch.export.load(io.BytesIO(data)).module()(torch.tensor(ROWS, dtype=torch.float32))
    ours, double = Program.load(data).run(ROWS), Program.load(data, double=True).run(ROWS)
    assert list(ours) == ["logits", "probabilities"]
    for name, found in ours.items():
        assert np.allclose(found, theirs[name].detach().numpy(), atol=1e-6)
        assert np.allclose(double[name], found, atol=1e-5)


@pytest.mark.torch
def test_attention_is_run(torch: Any) -> None:
    """A transformer's layer in evaluation mode gives what torch gives."""

    class Net(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.layer(x.reshape(x.shape[0], 8, 8)).mean(1)

    data = exported(Net().eval(), 64)
    theirs = torch.export.load(io.BytesIO(data)).module()(torch.tensor(ROWS, dtype=torch.float32))
    assert np.allclose(Program.load(data).run(ROWS)["0"], theirs.detach().numpy(), atol=1e-5)


@pytest.mark.torch
def test_rows_do_not_know_of_each_other(torch: Any) -> None:
    """Rounded to 2^-20, in double precision, a row's answer is the same to the last bit alone and among any others."""
    program = Program.load(exported(convolution(torch), 64), double=True)
    whole = np.rint(program.run(ROWS)["logits"] * 2**20)
    alone = np.concatenate([np.rint(program.run(row[None])["logits"] * 2**20) for row in ROWS])
    many = np.rint(program.run(np.tile(ROWS, (60, 1)))["logits"] * 2**20)
    assert np.array_equal(whole, alone)
    assert np.array_equal(many, np.tile(whole, (60, 1)))


@pytest.mark.torch
def test_dropout_has_the_same_masks_for_all_rows(torch: Any) -> None:
    """A seed gives the same answer whatever rows are there; another seed another; their mean is that without."""
    program = Program.load(exported(convolution(torch, random=True), 64), double=True)
    assert program.random
    one, again = program.run(ROWS, 1)["logits"], program.run(ROWS[:7], 1)["logits"]
    assert np.allclose(one[:7], again)
    assert not np.allclose(one, program.run(ROWS, 2)["logits"], atol=1e-3)
    plain = Program.load(exported(convolution(torch), 64), double=True)
    assert not plain.random


@pytest.mark.torch
def test_what_looks_at_other_rows_is_refused(torch: Any) -> None:
    """Batch norm in training mode changes its state, or its answer with the rows beside: both are refused."""

    class Centred(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x - x.mean(0)

    with pytest.raises(ProgramError, match="changes with the rows beside"):
        Program.load(exported(Centred(), 64))
    with pytest.raises(ProgramError, match="evaluation mode"):
        Program.load(exported(torch.nn.BatchNorm1d(64).train(), 64))


@pytest.mark.torch
def test_random_numbers_are_refused(torch: Any) -> None:
    """Only dropout may draw."""

    class Noisy(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x + torch.randn_like(x)

    with pytest.raises(ProgramError, match="draws random numbers"):
        Program.load(exported(Noisy(), 64))


def _targets(target: str, *more: tuple[str, Any]) -> bytes:
    def wrong(parts: dict[str, Any]) -> None:
        node = parts["model"]["graph_module"]["graph"]["nodes"][0]
        node["target"] = target
        node["inputs"] += [{"name": name, "arg": arg, "kind": 1} for name, arg in more]

    return hand_made(wrong)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_targets("os.system"), "only operations of torch"),
        (_targets("torch.ops.load_library"), "only operations of torch"),
        (_targets("torch.ops.aten.__class__.default"), "does not offer"),
        (_targets("torch.ops.aten.from_file.default"), "does not offer"),
        (_targets("torch.ops.aten.save.default"), "does not offer"),
        (_targets("torch.ops.aten.name.upper"), "does not offer"),
        (_targets("torch.ops.aten.linear.overloads"), "does not offer"),
        (_targets("torch.ops.aten.no_such.default"), "does not offer"),
        (_targets("torch.ops.aten.linear.default.__globals__"), "does not offer"),
        (_targets("torch.ops.prim.Print.default"), "only operations of torch"),
        (_targets("torch.ops.aten.linear.default", ("approximate", {"as_string": "/etc/passwd"})), "no setting"),
        (_targets("torch.ops.aten.linear.default", ("bias", {"as_tensor": {"name": "later"}})), "was not computed"),
        (_targets("torch.ops.aten.relu_.default"), "failed"),
        (_targets("torch.ops.aten.sum.default"), "failed"),
    ],
)
def test_a_hostile_program_is_refused(data: bytes, words: str, tmp_path: Any, monkeypatch: Any) -> None:
    """Nothing but tensors: no files, no libraries, no Python; and a program that fails says so when it is loaded."""
    require_torch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProgramError, match=words):
        Program.load(data)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.torch
def test_the_pickle_in_a_file_is_never_read(torch: Any) -> None:
    """The hand-made file has one that ends the process: it is loaded and run, and the process lives."""
    program = Program.load(hand_made())
    found = program.run(np.eye(3))
    assert (program.shape, program.outputs) == ((3,), ("probabilities",))
    weights = np.arange(6.0).reshape(2, 3)
    powers = np.exp(weights.T)
    assert np.allclose(found["probabilities"], powers / powers.sum(axis=1, keepdims=True), atol=1e-6)
    with pytest.raises(ProgramError, match="rows of shape"):
        program.run(np.eye(4))
    assert program.run(np.empty((0, 3)))["probabilities"].shape == (0, 2)


def test_without_torch_it_is_said_what_to_do() -> None:
    """The message names the extra."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        with pytest.raises(TorchMissing, match=r"holdback\[torch\]"):
            Program.load(hand_made())
