"""What of a batch is counted by group: arrays whose first axis is that of the profile's groups."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.harm import BANDS
from detectors.types import FloatArray, IntArray, Stake

__all__ = ["GroupBatch", "GroupLabels"]


@dataclass(frozen=True, slots=True)
class GroupLabels:
    """Outcomes that came in one batch, counted by group.

    Attributes
    ----------
    propensity
        The share of accepted answers whose label was asked for when these decisions were made (1 if all are known).
    counts
        (groups, stakes, bands, 2): right and wrong answers of the model.
    overdue
        (groups, stakes): +1 when a label is overdue, -1 when the label of an overdue one has come after all.
    """

    propensity: float
    counts: IntArray
    overdue: IntArray


@dataclass(frozen=True, slots=True)
class GroupBatch:
    """A batch's counts by group.

    Attributes
    ----------
    n, passed
        (groups,) requests, and those that the model answered.
    traffic
        (groups, bands) requests by confidence.
    labels
        Outcomes, one item a propensity.
    judged, misses
        (groups,) weight of the truths that were compared with a set that was served, and of those outside of it.
    bits
        (scores,): the groups of each of the batch's nonconformity scores, bit g for group g.
    """

    n: IntArray
    passed: IntArray
    traffic: IntArray
    labels: tuple[GroupLabels, ...]
    judged: FloatArray
    misses: FloatArray
    bits: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @classmethod
    def nothing(cls, groups: int) -> GroupBatch:
        """A batch in which nothing came.

        Examples
        --------
        >>> GroupBatch.nothing(2).traffic.shape
        (2, 10)
        """
        none, weight = np.zeros(groups, np.int64), np.zeros(groups)
        return cls(none, none, np.zeros((groups, BANDS), np.int64), (), weight, weight)

    @property
    def answers(self) -> IntArray:
        """(groups, stakes, bands, 2): right and wrong answers of all its labels."""
        shape = (len(self.n), len(Stake), BANDS, 2)
        return sum((each.counts for each in self.labels), np.zeros(shape, dtype=np.int64))
