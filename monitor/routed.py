"""What the router is given, and what it hands on: one version's predictions, and how it ruled on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from detectors.types import FloatArray
from fallback.routing import Routed
from fallback.types import Verdict
from monitor.events import Prediction, Source
from monitor.grouping import Grouped
from monitor.joins.records import Pending
from monitor.rows import Arranged

__all__ = ["RoutedBatch", "Work"]


@dataclass(slots=True)
class Work:
    """One version's predictions of a poll: the records, where they were read, and their times."""

    version: str
    predictions: list[Prediction] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    batch: list[int] = field(default_factory=list)
    """The batch of 100 of the poll that each belongs to."""

    def without(self, places: Sequence[int]) -> Work:
        """All but those at `places`."""
        gone = set(places)
        keep = [i for i in range(len(self.predictions)) if i not in gone]
        return Work(
            self.version,
            *([column[i] for i in keep] for column in (self.predictions, self.sources, self.times, self.batch)),  # type: ignore[arg-type]  # columns in order
        )


@dataclass(frozen=True, slots=True)
class RoutedBatch:
    """What became of some work: arrays with one entry an event."""

    work: Work
    arranged: Arranged | None
    rank: FloatArray
    routed: Routed
    verdict: Verdict
    pending: list[Pending]
    priority: FloatArray
    grouped: Grouped | None = None

    @property
    def set_threshold(self) -> float | FloatArray:
        """Score up to which a label or value belongs to the set: for all, or (events,) where groups have their own."""
        return self.verdict.set_threshold if self.grouped is None else self.grouped.force.set_threshold
