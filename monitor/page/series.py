"""A bounded record over time: fine at first, coarser as it grows, and from a longest span on the oldest goes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Point", "Series"]

_Merge = Callable[[float, float], float]


@dataclass(slots=True)
class Point:
    """What happened in one interval: its last time, its last event, and the merged values."""

    time: float
    event: int
    values: tuple[float, ...]


class Series:
    """At most `points` intervals; they double in width until `points` of them span `longest` seconds.

    A two-minute demo then shows every half second, and a process that ran for a week its last hours.
    """

    def __init__(self, merge: _Merge, *, width: float = 0.5, points: int = 240, longest: float = 7200.0) -> None:
        self._merge, self._width, self._points = merge, width, points
        self._widest = max(width, longest / points)
        self._kept: deque[Point] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, time: float, event: int, values: tuple[float, ...]) -> None:
        """Record `values` at `time` (seconds); a time that runs backwards counts as the last one."""
        last = self._kept[-1].time if self._kept else time
        if not math.isfinite(time):
            return
        self._put(self._kept, Point(max(time, last), event, values))
        while len(self._kept) > self._points:
            if self._width * 2 <= self._widest:
                self._coarsen()
            else:
                self._kept.popleft()

    def points(self) -> list[Point]:
        """Give the intervals, oldest first."""
        return [Point(p.time, p.event, p.values) for p in self._kept]

    def _put(self, kept: deque[Point], point: Point) -> None:
        if kept and kept[-1].time // self._width == point.time // self._width:
            kept[-1].values = tuple(map(self._merge, kept[-1].values, point.values))
            kept[-1].time, kept[-1].event = point.time, point.event
        else:
            kept.append(point)

    def _coarsen(self) -> None:
        self._width *= 2
        kept: deque[Point] = deque()
        for point in self._kept:
            self._put(kept, point)
        self._kept = kept
