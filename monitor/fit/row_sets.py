"""Some of the rows, in any order, whatever columns they have."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from detectors.types import IntArray, Rows

__all__ = ["taken"]

_ROWS_FIRST = frozenset({"embedding"})
"""Arrays whose first axis is that of the rows; of all others it is the last."""


def taken(rows: Rows, places: IntArray) -> Rows:
    """The rows at `places`, in that order."""
    chosen = places.tolist()
    return Rows(**{each.name: _taken(each.name, getattr(rows, each.name), places, chosen) for each in fields(rows)})


def _taken(name: str, values: Any, places: IntArray, chosen: list[int]) -> Any:
    """Texts are lists, and several columns of them stand in a tuple."""
    if isinstance(values, np.ndarray):
        return values[places] if name in _ROWS_FIRST else values[..., places]
    if isinstance(values, tuple):
        return tuple(_taken(name, each, places, chosen) for each in values)
    return [values[i] for i in chosen] if isinstance(values, list) else values
