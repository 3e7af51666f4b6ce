"""Prediction sets and intervals that cover within each group: binned windows, a level each, the whole as a fallback."""

from __future__ import annotations

import numpy as np

from detectors.groups.fitted import members
from detectors.sets import default_window
from detectors.types import BoolArray, FloatArray, IntArray, State

__all__ = ["GroupSets"]

_STEP_SHARE = 0.01
_HIGHEST = 3.0
_ENOUGH = 0.5


class GroupSets:
    r"""Thresholds on nonconformity scores by group (Mondrian conformal prediction), in step with their misses.

    Each group has a window of its own, as a histogram whose weights decay with each of the group's labels, and a level
    :math:`\alpha_g` that follows the group's misses as that of `AdaptiveSets` follows those of all:

    .. math:: \alpha_g \leftarrow \min(\alpha_g + \gamma / (1 + outstanding_g / 100) \sum_{i \in g} (\alpha^* - err_i),
              \ 3 \alpha^*)

    The threshold is the upper end of the bin that holds the conformal quantile, so it errs towards larger sets, by the
    width of a bin. An event in several groups is served the greatest of their thresholds. A group with less than half a
    window backs off to the threshold of all: its own threshold is NaN.

    **What holds**, for any sequence, any overlap and a constant step g: of N judged decisions of a group, while it has
    a threshold of its own, at most `alpha* + (alpha_1 + g (o + 1)) / (g N)` are misses, o the most ever outstanding: at
    `alpha <= 0` the set is infinite and misses nothing, a more cautious neighbour only takes misses away, and the upper
    clip lowers alpha, which makes sets larger. **What does not**: coverage over a short stretch, right after a change,
    or for a group that backs off, which has what the whole has.

    Parameters
    ----------
    coverage
        The share of truths to be covered, in (0, 1).
    edges
        (bins,) upper ends, the last infinite.
    reference
        (groups, bins) scores of the reference, the window at the start.
    window
        Labels whose weight the window holds, `default_window(coverage)` if None.

    References
    ----------
    Vovk, "Conditional validity of inductive conformal predictors", ACML 2012; Gibbs & Candès, "Adaptive conformal
    inference under distribution shift", NeurIPS 2021.

    Examples
    --------
    >>> edges = np.append(np.arange(1.0, 101.0), np.inf)
    >>> reference = np.zeros((2, 101)); reference[0, :100] = 4; reference[1, :5] = 1
    >>> sets = GroupSets(.9, edges, reference)
    >>> sets.thresholds.tolist()
    [91.0, nan]
    """

    def __init__(
        self, coverage: float, edges: FloatArray, reference: FloatArray | IntArray, window: int | None = None
    ) -> None:
        self._target = round(1 - coverage, 12)
        self._step = _STEP_SHARE * self._target
        self._window = float(default_window(coverage) if window is None else window)
        self._edges = edges
        n = reference.sum(axis=1, keepdims=True)
        self._mass = reference * np.minimum(1.0, self._window / np.maximum(n, 1))
        self._alpha = np.full(len(reference), self._target)
        self._thresholds = self._quantiles()

    @property
    def thresholds(self) -> FloatArray:
        """(groups,): score up to which a label or value belongs to the set; NaN where the group backs off."""
        return self._thresholds

    @property
    def alpha(self) -> FloatArray:
        """(groups,): present levels."""
        return self._alpha

    def update(
        self,
        scores: FloatArray,
        weights: FloatArray,
        bits: IntArray,
        misses: FloatArray,
        judged: FloatArray,
        outstanding: FloatArray,
    ) -> None:
        """Take in a batch of labels.

        Parameters
        ----------
        scores, weights, bits
            (labels,) nonconformity scores, their weights, and their groups, bit g for group g.
        misses, judged
            (groups,) weight of decisions that did not cover the truth at what they were served, and of all of them.
        outstanding
            (groups,) labels asked for, not come and not expired.
        """
        if not len(scores):
            return
        label, group = np.nonzero(members(bits, len(self._alpha)))
        places = group * len(self._edges) + np.searchsorted(self._edges, scores)[label]
        added = np.bincount(places, weights=weights[label], minlength=self._mass.size).reshape(self._mass.shape)
        self._mass *= np.exp(-added.sum(axis=1, keepdims=True) / self._window)
        self._mass += added
        own = ~np.isnan(self._thresholds)
        moved = self._step / (1 + np.maximum(outstanding, 0.0) / 100) * (self._target * judged - misses)
        # misses while it backs off are those of the whole's threshold
        self._alpha = np.where(own, np.minimum(self._alpha + moved, _HIGHEST * self._target), self._alpha)
        self._thresholds = self._quantiles()

    def state(self) -> State:
        """Windows and levels."""
        return {"mass": self._mass.copy(), "alpha": self._alpha.copy()}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same groups and bins."""
        self._mass, self._alpha = state["mass"].astype(np.float64), state["alpha"].astype(np.float64)
        self._thresholds = self._quantiles()

    def _quantiles(self) -> FloatArray:
        below = np.cumsum(self._mass, axis=1)
        n = below[:, -1]
        # the 1 is the weight of the event to come, taken as the greatest there is
        needed = (1 - self._alpha) * (n + 1)
        bin_of: IntArray = (below < needed[:, None] * (1 - 1e-12)).sum(axis=1)
        own: BoolArray = n >= _ENOUGH * self._window
        reach = np.append(self._edges, np.inf)
        found = np.where(self._alpha <= 0, np.inf, reach[bin_of])
        return np.where(own, found, np.nan)
