"""Contexts that may explain why rows differ: the hour of the day, the weekday, both, the segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.types import FloatArray, IntArray

__all__ = ["LEAST_ROWS", "NONE", "TIMED", "Cells", "cells_of_rows", "choose_cells"]

NONE = "none"
TIMED = ("day_of_week", "hour_of_day", "hour_of_week")
"""From the coarsest to the finest; the segment is tried at its place by its number of cells."""
LEAST_ROWS = 500
"""Rows that each cell must have to learn from."""
_REST = 0.05  # share of rows in segments that are too rare for a cell of their own, at most
_HOUR = 3600
_MONDAY = 4 * 86400  # 1970-01-05


@dataclass(frozen=True, slots=True)
class Cells:
    """A context that can be tried: its name, how many cells, and the segments that have one of their own."""

    context: str
    n: int
    segments: tuple[str, ...] = ()


def choose_cells(times: FloatArray | None, segments: Sequence[str]) -> list[Cells]:
    """The contexts in which every cell has at least 500 of these rows, from the fewest cells to the most.

    Without `times` (a file has none) only the segment remains. Segments too rare for a cell share one.
    """
    found = []
    for context in TIMED if times is not None else ():
        cells = Cells(context, {"day_of_week": 7, "hour_of_day": 24, "hour_of_week": 168}[context])
        if times is not None and np.bincount(_timed(context, times), minlength=cells.n).min() >= LEAST_ROWS:
            found.append(cells)
    counts = Counter(segments)
    own = tuple(sorted(name for name, n in counts.items() if n >= LEAST_ROWS))
    rest = len(segments) - sum(counts[name] for name in own)
    if len(counts) > 1 and own and rest <= _REST * len(segments) and (len(own) > 1 or rest >= LEAST_ROWS):
        found.append(Cells("segment", len(own) + (rest >= LEAST_ROWS), own))
    return sorted(found, key=lambda cells: cells.n)


def cells_of_rows(cells: Cells, times: FloatArray, segments: Sequence[str]) -> IntArray:
    """The cell of each row; -1 for a segment that is too rare to have one."""
    if cells.context == NONE:
        return np.zeros(len(times), dtype=np.int64)
    if cells.context != "segment":
        return _timed(cells.context, times)
    place = {name: i for i, name in enumerate(cells.segments)}
    rest = len(cells.segments) if cells.n > len(cells.segments) else -1
    return np.array([place.get(name, rest) for name in segments], dtype=np.int64)


def _timed(context: str, times: FloatArray) -> IntArray:
    hours = np.floor_divide(np.nan_to_num(times) - _MONDAY, _HOUR).astype(np.int64)
    return hours % 24 if context == "hour_of_day" else hours // 24 % 7 if context == "day_of_week" else hours % 168
