"""Some of the rows, or rows one after the other, whatever fields they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from detectors.types import IntArray, Rows

__all__ = ["joined", "taken"]

_ROWS_FIRST = frozenset({"embedding"})
"""Arrays whose first axis is that of the rows; of all others it is the last."""


def taken(rows: Rows, places: IntArray) -> Rows:
    """The rows at `places`, in that order."""
    chosen = places.tolist()
    return Rows(**{each.name: _taken(each.name, getattr(rows, each.name), places, chosen) for each in fields(rows)})


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows of `parts`, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    names = [each.name for each in fields(parts[0])]
    return Rows(**{name: _joined(name, [getattr(part, name) for part in parts]) for name in names})


def _taken(name: str, values: Any, places: IntArray, chosen: list[int]) -> Any:
    """Texts are lists, and several columns of them stand in a tuple."""
    if isinstance(values, np.ndarray):
        return values[places] if name in _ROWS_FIRST else values[..., places]
    if isinstance(values, tuple):
        return tuple(_taken(name, each, places, chosen) for each in values)
    return [values[i] for i in chosen] if isinstance(values, list) else values


def _joined(name: str, values: list[Any]) -> Any:
    if any(each is None for each in values):
        return None
    if isinstance(values[0], np.ndarray):
        return np.concatenate(values, axis=0 if name in _ROWS_FIRST else -1)
    if isinstance(values[0], tuple):
        return tuple(_joined(name, list(column)) for column in zip(*values, strict=True))
    return [value for part in values for value in part]
