"""Run lengths: how far a detector comes before it alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.tables import rounded
from detectors.types import FloatArray

from .watchers import First

__all__ = ["Lengths", "lengths"]


@dataclass(frozen=True)
class Lengths:
    """Events before the alarm, a run each; a run that was ended without one has all the events that it was given."""

    events: FloatArray
    alarmed: int

    @property
    def mean(self) -> float:
        """Events of all runs by alarm: as long as runs are ended at random, the mean run length."""
        return float(self.events.sum() / self.alarmed) if self.alarmed else float("inf")

    def __str__(self) -> str:
        """The mean, with its standard error while no run was cut short."""
        if not self.alarmed:
            return f"none in {self.events.sum():,.0f}"
        if self.alarmed < len(self.events):
            return f"{rounded(self.mean)} ({self.alarmed} alarms)"
        return f"{rounded(self.mean)} ± {rounded(float(self.events.std() / np.sqrt(len(self.events))))}"


def lengths(first: First, streams: Iterable[FloatArray], count: Callable[[int], float] = float) -> Lengths:
    """Run over each stream until the alarm; `count` turns the place of the alarming event into a run length."""
    found, alarmed = [], 0
    for x in streams:
        at = first(x)
        alarmed += at is not None
        found.append(count(x.shape[1] - 1 if at is None else at))
    return Lengths(np.array(found), alarmed)
