"""A peer's one-dimensional detectors, one a feature; any of them alarms for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Each", "Step"]

Step = Callable[[float], bool]
"""Takes a number; whether it alarmed. It begins anew by itself."""
_WARM_UP = 1000


class Each:
    """Detectors that learn a number at a time; they have seen the last 1,000 rows of the reference."""

    block = 100

    def __init__(self, new: Callable[[], Step], reference: NDArray[Any]) -> None:
        self._steps = [new() for _ in range(reference.shape[1])]
        self.take(reference[-_WARM_UP:])

    def take(self, rows: NDArray[np.float64]) -> list[int]:
        """Learn some events; where in them a feature alarmed."""
        found = []
        for at, row in enumerate(rows.tolist()):
            alarmed = False
            for step, x in zip(self._steps, row, strict=True):
                alarmed |= step(x)
            if alarmed:
                found.append(at)
        return found
