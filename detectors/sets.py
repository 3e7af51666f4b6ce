"""Prediction sets and intervals that go on covering: the quantile of a sliding window, its level steered by misses."""

from __future__ import annotations

import math

import numpy as np

from .types import BoolArray, FloatArray, Reading, State

__all__ = ["MAPIE_EPSILON", "AdaptiveSets", "conformal_quantile", "default_window", "intervals", "prediction_sets"]

_LEAST_WINDOW = 200
_MISSES_IN_WINDOW = 20
_STEP_SHARE = 0.01
MAPIE_EPSILON = 1e-8
"""MAPIE takes a class into the set up to this much above the quantile; so do we, to give the same sets."""


def default_window(coverage: float) -> int:
    """As many scores as hold 20 expected misses, at least 200: fewer make a noisy quantile, more follow too slowly.

    Examples
    --------
    >>> default_window(.9), default_window(.99)
    (200, 2000)
    """
    return max(_LEAST_WINDOW, math.ceil(round(_MISSES_IN_WINDOW / (1 - coverage), 6)))


def conformal_quantile(scores: FloatArray, weights: FloatArray, alpha: float) -> float:
    """Least score that has `(1 - alpha) * (sum of weights + 1)` of the weight at or below it; infinite if none has.

    With weights of one this is the `ceil((n + 1) * (1 - alpha))`-th smallest score, MAPIE's split-conformal quantile.
    The 1 is the weight of the event to come. Weights are not scaled here: where they are shares of something, scale
    them to a mean of one.

    Examples
    --------
    >>> scores = np.arange(1.0, 20.0)
    >>> conformal_quantile(scores, np.ones(19), .1)
    18.0
    >>> conformal_quantile(scores, np.ones(19), .01)
    inf
    """
    n = scores.shape[0]
    if alpha <= 0 or n == 0:
        return float(np.inf)
    if np.all(weights == 1):
        k = max(int(np.ceil((n + 1) * (1 - alpha))), 1)
        return float(np.partition(scores, k - 1)[k - 1]) if k <= n else float(np.inf)
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(weights[order])
    at = int(np.searchsorted(below, (1 - alpha) * (below[-1] + 1)))
    return float(scores[order[at]]) if at < n else float(np.inf)


def prediction_sets(probabilities: FloatArray, threshold: float) -> BoolArray:
    """Classes whose LAC score is at most `threshold`: (events, classes). All of them where it is infinite.

    Examples
    --------
    >>> prediction_sets(np.array([[.7, .25, .05]]), .8).tolist()
    [[True, True, False]]
    """
    return (1 - probabilities) - threshold <= MAPIE_EPSILON


def intervals(value: FloatArray, threshold: float) -> tuple[FloatArray, FloatArray]:
    """Lower and upper ends `value -+ threshold`, each (events,); infinite where the threshold is.

    Examples
    --------
    >>> [end.tolist() for end in intervals(np.array([1.0, 2.0]), .5)]
    [[0.5, 1.5], [1.5, 2.5]]
    """
    return value - threshold, value + threshold


class AdaptiveSets:
    r"""Threshold on nonconformity scores, from the last `window` of them and a level that follows the misses.

    .. math:: \alpha \leftarrow \alpha + \frac{\gamma}{1 + o / 100} \sum (\alpha^* - err)

    `err` is judged on the threshold that was served with the decision, once per id. alpha is never clipped from below:
    `alpha <= 0` means an infinite set, which is held back. From above it stops at 1: a model without a miss for a
    month would otherwise spend the month's credit before its sets grow again; this only makes sets larger.

    What holds, for any sequence and a constant step g: the share of misses among `N` judged decisions is at most
    `alpha* + (alpha_1 + g * (o + 1)) / (g * N)`, o being the most decisions ever outstanding. What does not: coverage
    over a short stretch, right after a change (late labels cannot help inside their own delay), or for one class.

    Parameters
    ----------
    coverage
        The share of truths to be covered, in (0, 1).
    window
        Scores kept, `default_window(coverage)` if None. Long enough for a steady quantile, short enough to follow;
        `docs/uncertainty.md` has figures.
    step
        gamma, by default a hundredth of alpha*: the window follows fast, the level only has to take out what bias is
        left. Five times as much made a fifth of the intervals infinite through years of drift. 0 keeps alpha still.

    References
    ----------
    Gibbs & Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021; Angelopoulos, Barber &
    Bates, "Online conformal prediction with decaying step sizes", ICML 2024.

    Examples
    --------
    >>> sets = AdaptiveSets(.9)
    >>> sets.update(np.arange(1.0, 100.0), misses=0, n=0, outstanding=0)
    >>> sets.threshold
    90.0
    >>> sets.update(np.array([95.0]), misses=1, n=1, outstanding=0)
    >>> round(sets.alpha, 3), sets.threshold
    (0.099, 91.0)
    """

    def __init__(self, coverage: float, window: int | None = None, step: float | None = None) -> None:
        if not 0 < coverage < 1:
            msg = f"coverage is {coverage!r}; it must lie between 0 and 1, as 0.9 does"
            raise ValueError(msg)
        # 1 - .9 is not .1 in binary; MAPIE takes the decimal difference, and ceil() would show the gap
        self._target = round(1 - coverage, 12)
        self._step = _STEP_SHARE * self._target if step is None else step
        window = default_window(coverage) if window is None else window
        self._scores = np.empty(window)
        self._weights = np.empty(window)
        self._position = 0
        self._alpha = self._target
        self._judged = 0.0
        self._missed = 0.0
        self._threshold = float(np.inf)

    @property
    def alpha(self) -> float:
        """Present level; at most 0 means infinite sets."""
        return self._alpha

    @property
    def threshold(self) -> float:
        """Score up to which a label or value belongs to the set; infinite while there is too little to go by."""
        return self._threshold

    def update(
        self,
        scores: FloatArray,
        misses: float,
        n: float,
        outstanding: float,
        weights: FloatArray | None = None,
    ) -> None:
        """Take in a batch of labels.

        Parameters
        ----------
        scores
            (labels,) nonconformity scores in order of arrival; NaN is ignored.
        misses
            How many of the judged decisions did not cover the truth at the threshold that they were served with.
        n
            How many were judged. Under `known: asked` both are weighted: 1 audited, the propensity held back.
        outstanding
            Labels asked for, not come and not expired.
        weights
            (labels,) of the scores, 1 by default; under `known: asked` 1 audited, the propensity held back. Within the
            window only their shares count, so that one of held-back requests alone is as good as any other.
        """
        self._push(scores, np.ones(scores.shape[0]) if weights is None else weights)
        if n:
            self._alpha += self._step / (1 + max(outstanding, 0.0) / 100) * (self._target * n - misses)
            self._alpha = min(self._alpha, 1.0)
            self._judged += n
            self._missed += misses
        if n or scores.shape[0]:
            self._threshold = self._quantile()

    def reading(self) -> Reading:
        """Misses so far against those promised; it never alarms, the harm view of coverage does."""
        share = self._missed / self._judged if self._judged else self._target
        floor = np.finfo(np.float64).tiny
        return Reading(
            "coverage", float(np.log(max(share, floor))), float(np.log(self._target)), int(self._judged), False
        )

    def state(self) -> State:
        """Window, level and tallies."""
        tallies = np.array([self._alpha, self._judged, self._missed])
        filled = min(self._position, self._scores.shape[0])
        return {
            "scores": self._scores[:filled].copy(),
            "weights": self._weights[:filled].copy(),
            "position": np.array(self._position),
            "tallies": tallies,
        }

    def restore(self, state: State) -> None:
        """Continue from `state`, which must come from the same window."""
        filled = state["scores"].shape[0]
        self._scores[:filled] = state["scores"]
        self._weights[:filled] = state["weights"]
        self._position = int(state["position"])
        self._alpha, self._judged, self._missed = (float(x) for x in state["tallies"])
        self._threshold = self._quantile() if self._position or self._judged else float(np.inf)

    def _push(self, scores: FloatArray, weights: FloatArray) -> None:
        """Overwrite the oldest scores; `_position` counts all that ever came, so that the ring restores to the bit."""
        known = ~np.isnan(scores)
        kept = scores[known][-self._scores.shape[0] :]
        self._position += int(known.sum()) - kept.shape[0]
        at = (self._position + np.arange(kept.shape[0])) % self._scores.shape[0]
        self._scores[at] = kept
        self._weights[at] = weights[known][-self._scores.shape[0] :]
        self._position += kept.shape[0]

    def _quantile(self) -> float:
        filled = min(self._position, self._scores.shape[0])
        weights = self._weights[:filled]
        total = float(weights.sum())
        if total <= 0:
            return float(np.inf)
        # unscaled, a window of held-back requests alone would weigh too little for a finite quantile, and stay so
        return conformal_quantile(self._scores[:filled], weights * (filled / total), self._alpha)
