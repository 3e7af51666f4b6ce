"""Which rows of a table may be too old, without an index on their time: an index costs a microsecond a row."""

from __future__ import annotations

import math
from collections.abc import Iterable
from heapq import heappop, heappush

__all__ = ["Ages", "Span"]

Span = tuple[float, int, int]
"""A lower bound of the rows' times, their first and their last number."""

_ROWS = 256
"""Rows a span, about: a look at the oldest span reads them all."""


class Ages:
    """Spans of rows in the order of their oldest time; rows may come in any order of time."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._heap: list[Span] = sorted(spans)
        self._open: Span | None = None

    def add(self, oldest: float, first: int, last: int) -> None:
        """Rows `first` to `last` are new, the oldest of them is from `oldest`; infinity if none can get too old."""
        if self._open is not None:
            oldest, first = min(oldest, self._open[0]), self._open[1]
        self._open = (oldest, first, last)
        if last - first >= _ROWS:
            self.put_back(self._open)
            self._open = None

    def put_back(self, span: Span) -> None:
        """Keep a span in mind, unless its rows cannot get too old."""
        if span[0] < math.inf:
            heappush(self._heap, span)

    def take(self, before: float) -> list[Span]:
        """The spans that may have rows from before `before`; forgotten here until they are put back."""
        taken = []
        while self._heap and self._heap[0][0] < before:
            taken.append(heappop(self._heap))
        if self._open is not None and self._open[0] < before:
            taken.append(self._open)
            self._open = None
        return taken
