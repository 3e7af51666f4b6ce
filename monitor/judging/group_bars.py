"""Which bar the labels of a group bear out: few as they are, they lean on what is known of the whole."""

from __future__ import annotations

import numpy as np

from detectors.groups.fitted import Groups
from detectors.harm import BANDS
from detectors.logistic import RankLogistic, fit_logistic, least_threshold
from detectors.types import RANK_CELLS, FloatArray, IntArray

__all__ = ["Bars"]

_CELLS = RANK_CELLS // BANDS
_LOOSENESS = 1.0


class Bars:
    """Thresholds by the logistic of errors over confidence, each group's around that of the whole reference.

    Parameters
    ----------
    groups
        With their reference.
    rank_counts
        (rank cells, 2): right and wrong answers of the whole reference.
    target
        τ·a*.
    """

    def __init__(self, groups: Groups, rank_counts: IntArray, target: float) -> None:
        self._target = target
        self._whole = fit_logistic(rank_counts.astype(np.float64))
        self._fits = [self._fit(errors, self._whole) for errors in groups.errors]
        self._traffic = groups.traffic

    def offsets(self, threshold: float) -> FloatArray:
        """(groups,): what the reference bears out above λ."""
        found = [self._least(fit, traffic) - threshold for fit, traffic in zip(self._fits, self._traffic, strict=True)]
        return np.maximum(np.array(found, dtype=np.float64), 0.0)

    def offset(self, place: int, answers: FloatArray, traffic: FloatArray, threshold: float) -> float:
        """What `answers`, (bands, 2), of one group bear out above λ on recent `traffic`, (bands,)."""
        return max(self._least(self._fit(answers, self._fits[place]), traffic) - threshold, 0.0)

    def _least(self, fit: RankLogistic, traffic: FloatArray | IntArray) -> float:
        return least_threshold(fit.rates(), np.repeat(traffic.astype(np.float64), _CELLS), self._target)

    @staticmethod
    def _fit(answers: FloatArray | IntArray, prior: RankLogistic) -> RankLogistic:
        return fit_logistic(np.repeat(answers / _CELLS, _CELLS, axis=0), prior=prior, looseness=_LOOSENESS)
