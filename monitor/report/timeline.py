"""What happened along the stream, in at most 480 stretches of equal length, however long it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.types import FloatArray

__all__ = ["Stretches", "Timeline"]

_MOST = 480
_FIRST = 100


@dataclass(frozen=True, slots=True)
class Stretches:
    """The stretches with anything in them: where each begins and ends, and (stretches, columns) of sums and of tops."""

    starts: FloatArray
    ends: FloatArray
    sums: FloatArray
    tops: FloatArray


class Timeline:
    """Adds numbers up and keeps greatest ones by position; stretches of 100 events double as the stream grows."""

    def __init__(self, sums: int, tops: int) -> None:
        self.width = _FIRST
        self._sums, self._tops = np.zeros((_MOST, sums)), np.full((_MOST, tops), -np.inf)
        self._any = np.zeros(_MOST, dtype=bool)

    def add(self, event: int, sums: tuple[float, ...] = (), tops: tuple[float, ...] = ()) -> None:
        """Note what happened at a position; nothing of either kind leaves that kind as it was."""
        while event >= self.width * _MOST:
            self._double()
        at = max(event, 0) // self.width
        self._any[at] = True
        if sums:
            self._sums[at] += sums
        if tops:
            self._tops[at] = np.maximum(self._tops[at], tops)

    def stretches(self, events: int) -> Stretches:
        """All stretches of a stream that has so many events."""
        there = np.flatnonzero(self._any)
        starts: FloatArray = there.astype(np.float64) * self.width
        ends: FloatArray = np.minimum(starts + self.width, np.float64(max(events, 1)))
        return Stretches(starts, ends, self._sums[there], self._tops[there])

    def _double(self) -> None:
        half = _MOST // 2
        self.width *= 2
        sums, tops, seen = self._sums, self._tops, self._any
        self._sums, self._tops, self._any = np.zeros_like(sums), np.full_like(tops, -np.inf), np.zeros_like(seen)
        self._sums[:half] = sums[::2] + sums[1::2]
        self._tops[:half] = np.maximum(tops[::2], tops[1::2])
        self._any[:half] = seen[::2] | seen[1::2]
