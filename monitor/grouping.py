"""The groups of a batch's events, and what is in force for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from detectors.groups.fitted import Groups, Membership, members
from detectors.profile import Profile
from detectors.types import BoolArray, FloatArray, IntArray
from fallback.segments import SEVERITY, InForce, in_force
from fallback.types import BreakerState, Verdict
from monitor.events import Prediction
from monitor.group_counts import GroupCounts, group_events

__all__ = ["Grouped", "Grouping", "apart", "rulings"]

_FOLLOWS = (BreakerState.CLOSED, BreakerState.FORCED_CLOSED)


@dataclass(frozen=True, slots=True)
class Grouped:
    """The groups of a batch.

    Attributes
    ----------
    labels
        What the groups are called.
    bits
        (events,): bit g is set where the event is in group g.
    others
        Segment values that belong to no group.
    force
        What is in force for each event.
    """

    labels: tuple[str, ...]
    bits: IntArray
    others: int
    force: InForce

    def count(self, rank: FloatArray, passes: BoolArray, starts: IntArray) -> list[GroupCounts]:
        """Counts by group of each of the poll's batches."""
        return group_events(self.bits, len(self.labels), rank, passes, starts)

    def states(self) -> list[str]:
        """The breaker's state that holds for each event."""
        names = [each.value for each in SEVERITY]
        return [names[place] for place in self.force.state.tolist()]

    def ruled_by(self) -> list[str | UnsetType]:
        """The group whose breaker holds for each event; unset where the version's does."""
        return [UNSET if place < 0 else self.labels[place] for place in self.force.ruled_by.tolist()]


class Grouping:
    """Finds the groups of predictions, by version."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._groups = {version: each.fitted.groups for version, each in profiles.items()}
        self._finds = {version: Membership(each.pairs) for version, each in self._groups.items() if each is not None}

    def of(self, version: str, predictions: Sequence[Prediction], verdict: Verdict) -> Grouped | None:
        """Groups of a version's predictions; None where it has none."""
        groups = self._groups.get(version)
        if groups is None:
            return None
        bits, others = self._finds[version].of([each.segment for each in predictions])
        labels = groups.labels
        return Grouped(labels, bits, others, in_force(verdict, members(bits, len(labels)), labels))

    def bits(self, version: str, segments: Sequence[Mapping[str, str]]) -> list[int]:
        """Groups of some segments as bits; 0 where the version has none."""
        found = self._finds.get(version)
        return [0] * len(segments) if found is None else found.of(segments)[0].tolist()

    def apart(self, verdicts: Mapping[str, Verdict]) -> dict[str, int]:
        """Of each version the groups that are ruled on by themselves, as bits."""
        return {v: apart(groups, verdicts[v]) for v, groups in self._groups.items() if groups and v in verdicts}


def apart(groups: Groups, verdict: Verdict) -> int:
    """Groups whose own breaker is not closed, as bits: their labels say nothing of the version's other requests."""
    own = {each.group for each in verdict.groups if each.state not in _FOLLOWS}
    return sum(1 << place for place, label in enumerate(groups.labels) if label in own) if own else 0


def rulings(
    bar: float | FloatArray, verdict: Verdict, grouped: Grouped | None, n: int
) -> tuple[list[float], list[str], list[float], list[str | UnsetType]]:
    """Bar, breaker, threshold on scores, and by which group's breaker: of each of `n` events."""
    if grouped is None or isinstance(bar, float):
        return [bar] * n, [verdict.state.value] * n, [verdict.set_threshold] * n, [UNSET] * n  # type: ignore[list-item]  # one bar
    return bar.tolist(), grouped.states(), grouped.force.set_threshold.tolist(), grouped.ruled_by()
