"""The optimum of scaling by torch's L-BFGS, where the extra `torch` is there and asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from detectors.errors import UnfitReference
from detectors.types import FloatArray, IntArray

__all__ = ["torch_optimum"]


def torch_optimum(logs: FloatArray, true: IntArray, start: FloatArray, ridge: float) -> FloatArray:
    """Least mean log-loss of `softmax(scale * log p + shift)`, plus `ridge` times the squared way from `start`.

    Parameters
    ----------
    logs
        (events, classes) log-probabilities.
    start
        (1,): one scale for all classes; or (2 * classes,): their scales, then their shifts.

    Raises
    ------
    UnfitReference
        torch is not installed.
    """
    try:
        torch: Any = import_module("torch")
    except ImportError as error:
        raise UnfitReference("torch is not installed: install holdback[torch], or leave `optimiser: scipy`") from error
    x, y, centre = torch.from_numpy(logs), torch.from_numpy(true), torch.from_numpy(start)
    at = centre.clone().requires_grad_()
    solver = torch.optim.LBFGS(
        [at],
        max_iter=500,
        tolerance_grad=1e-10,
        tolerance_change=1e-14,
        history_size=20,
        line_search_fn="strong_wolfe",
    )
    classes = logs.shape[1]

    def closure() -> Any:
        solver.zero_grad()
        logits = x * at if len(start) == 1 else x * at[:classes] + at[classes:]
        loss = torch.nn.functional.cross_entropy(logits, y) + ridge * ((at - centre) ** 2).sum()
        loss.backward()
        return loss

    solver.step(closure)
    return np.asarray(at.detach().numpy(), dtype=np.float64)
