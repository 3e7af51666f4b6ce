"""Counts by group as they travel in a summary: none at all where a model has no segments."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from detectors.groups.counts import GroupBatch, GroupLabels
from detectors.groups.fitted import bands_of, members
from detectors.harm import BANDS
from detectors.types import BoolArray, FloatArray, IntArray, Stake
from monitor.joins.records import Pending
from monitor.packing import pack, unpack

__all__ = ["GroupCounts", "GroupLabelCounts", "GroupOutcomes", "group_batch", "group_events"]

_STAKES = len(Stake)


class GroupLabelCounts(msgspec.Struct, frozen=True, gc=False):
    """Outcomes by group of decisions that were made under one propensity."""

    propensity: float
    counts: Annotated[bytes, Meta(description="(groups, stakes, bands, 2), packed.")]
    overdue: Annotated[bytes, Meta(description="(groups, stakes), packed.")]


class GroupCounts(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Counts by the groups of the profile, in its order. They add up, as those of the version do."""

    n: Annotated[bytes, Meta(description="(groups,) predictions, packed.")] = b""
    passed: Annotated[bytes, Meta(description="(groups,) those that the model answered, packed.")] = b""
    traffic: Annotated[bytes, Meta(description="(groups, bands) predictions by confidence, packed.")] = b""
    labels: list[GroupLabelCounts] = []
    judged: Annotated[bytes, Meta(description="(groups,) weight of truths compared with a set, float64.")] = b""
    misses: Annotated[bytes, Meta(description="(groups,) weight of those outside of it, float64.")] = b""
    bits: Annotated[bytes, Meta(description="Groups of each score: bit g for group g, uint32.")] = b""


def group_events(
    bits: IntArray, groups: int, rank: FloatArray, passes: BoolArray, starts: IntArray
) -> list[GroupCounts]:
    """Count some batches of predictions, one item a batch; `starts`, (batches + 1,), says where each begins."""
    batches = len(starts) - 1
    batch = np.repeat(np.arange(batches), np.diff(starts))
    event, group = np.nonzero(members(bits, groups))
    place = batch[event] * groups + group
    n = _tally(place, batches * groups).reshape(batches, groups)
    passed = _tally(place[passes[event]], batches * groups).reshape(batches, groups)
    bands = bands_of(rank)[event]
    ranked = bands >= 0
    traffic = _tally(place[ranked] * BANDS + bands[ranked], batches * groups * BANDS).reshape(batches, groups, BANDS)
    return [
        GroupCounts(n=pack(n[i]), passed=pack(passed[i]), traffic=pack(traffic[i])) if n[i].any() else GroupCounts()
        for i in range(batches)
    ]


class GroupOutcomes:
    """Outcomes of one version that came with a batch, by group.

    An event in one of the groups `apart`, which are ruled on by themselves, counts for these and for no other group of
    its: their labels say nothing of the rest.
    """

    def __init__(self, groups: int, apart: int = 0) -> None:
        self._groups, self._apart = groups, apart
        self._answers: dict[float, tuple[list[int], list[int]]] = {}
        self._overdue: dict[float, IntArray] = {}
        self._bits: list[int] = []
        self._judged: tuple[list[int], list[float], list[float]] = ([], [], [])

    def add(self, pending: Pending, *, wrong: bool) -> None:
        """A label has come."""
        bits, places = self._answers.setdefault(pending.propensity, ([], []))
        bits.append(self._ruled(pending))
        places.append((pending.stake * BANDS + pending.band) * 2 + wrong)

    def overdue(self, pending: Pending, change: int) -> None:
        """A label is overdue (+1), or has come after all (-1)."""
        inside = members(np.array([self._ruled(pending)]), self._groups)[0]
        table = self._overdue.setdefault(pending.propensity, np.zeros((self._groups, _STAKES), np.int64))
        table[inside, pending.stake] += change

    def scored(self, pending: Pending, weight: float, *, missed: bool) -> None:
        """A truth was given its score, and compared with the set that was served, if there was one."""
        self._bits.append(pending.groups)
        if pending.score_bar is not None:
            bits, weights, misses = self._judged
            bits.append(pending.groups)
            weights.append(weight)
            misses.append(weight * missed)

    def into(self, counts: GroupCounts) -> GroupCounts:
        """Put them into the batch's counts."""
        bits, weights, missed = (np.array(values) for values in self._judged)
        inside = members(bits.astype(np.int64), self._groups)
        labels = [
            GroupLabelCounts(key, pack(self._counts(key)), pack(self._overdue.get(key, self._none())))
            for key in sorted({*self._answers, *self._overdue})
        ]
        judged = len(weights) > 0
        return msgspec.structs.replace(
            counts,
            labels=labels,
            judged=(weights @ inside).tobytes() if judged else b"",
            misses=(missed @ inside).tobytes() if judged else b"",
            bits=np.array(self._bits, dtype="<u4").tobytes(),
        )

    def _ruled(self, pending: Pending) -> int:
        """Groups that an event's label counts for."""
        return pending.groups & self._apart or pending.groups

    def _counts(self, key: float) -> IntArray:
        """(groups, stakes, bands, 2): right and wrong answers made under one propensity."""
        bits, places = (np.array(values, dtype=np.int64) for values in self._answers.get(key, ([], [])))
        event, group = np.nonzero(members(bits, self._groups))
        width = _STAKES * BANDS * 2
        return _tally(group * width + places[event], self._groups * width)

    def _none(self) -> IntArray:
        return np.zeros((self._groups, _STAKES), np.int64)


def group_batch(counts: GroupCounts | msgspec.UnsetType, groups: int) -> GroupBatch:
    """Counts as the detectors take them."""
    none = GroupBatch.nothing(groups)
    if counts is msgspec.UNSET:
        return none
    shape = (groups, _STAKES, BANDS, 2)
    return GroupBatch(
        n=unpack(counts.n) if counts.n else none.n,
        passed=unpack(counts.passed) if counts.passed else none.passed,
        traffic=unpack(counts.traffic).reshape(groups, BANDS) if counts.traffic else none.traffic,
        labels=tuple(
            GroupLabels(each.propensity, unpack(each.counts).reshape(shape), unpack(each.overdue).reshape(shape[:2]))
            for each in counts.labels
        ),
        judged=np.frombuffer(counts.judged) if counts.judged else none.judged,
        misses=np.frombuffer(counts.misses) if counts.misses else none.misses,
        bits=np.frombuffer(counts.bits, dtype="<u4").astype(np.int64),
    )


def _tally(places: NDArray[np.int64], length: int) -> IntArray:
    return np.bincount(places, minlength=length).astype(np.int64)
