"""Nonconformity of classes: LAC, APS and RAPS, and the sets of labels that a threshold on them leaves possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from detectors.sets import MAPIE_EPSILON
from detectors.types import BoolArray, FloatArray, IntArray

__all__ = ["ClassScore", "ClassScoreName", "aps", "lac", "raps"]

ClassScoreName = Literal["lac", "aps", "raps"]
_PENALTIES = (0.001, 0.01, 0.1, 0.2, 0.5)


def lac(probabilities: FloatArray, true: IntArray) -> FloatArray:
    """Least ambiguous set-valued classifier's nonconformity score, `1 - p[true]`.

    Parameters
    ----------
    probabilities
        (events, classes).
    true
        (events,) index of the true class; -1 where the truth is none of the classes, which is infinitely nonconforming.

    Returns
    -------
    FloatArray
        (events,) in [0, 1], or infinite.

    References
    ----------
    Sadinle, Lei & Wasserman, "Least ambiguous set-valued classifiers with bounded error levels", JASA 2019.

    Examples
    --------
    >>> lac(np.array([[.75, .25], [.5, .5]]), np.array([1, -1])).tolist()
    [0.75, inf]
    """
    return _of_true(1 - probabilities, true)


def aps(probabilities: FloatArray, true: IntArray, draws: FloatArray) -> FloatArray:
    """Adaptive prediction sets' score: probability of all classes down to the true one, a share `draws` of it left out.

    Parameters
    ----------
    probabilities
        (events, classes). Of equal ones the later class comes first, as in MAPIE.
    true
        (events,) index of the true class; -1 where it is none of them.
    draws
        (events,), uniform on [0, 1).

    References
    ----------
    Romano, Sesia & Candès, "Classification with valid and adaptive coverage", NeurIPS 2020.

    Examples
    --------
    >>> aps(np.array([[.5, .25, .25]] * 2), np.array([0, 2]), np.array([.5, 0.0])).tolist()
    [0.25, 0.75]
    """
    return _of_true(_cumulated(probabilities)[0] - draws[:, None] * probabilities, true)


def raps(probabilities: FloatArray, true: IntArray, draws: FloatArray, penalty: float, size: float) -> FloatArray:
    """Regularised APS: plus `penalty * max(0, place - size)`, the likeliest class being at place 1.

    References
    ----------
    Angelopoulos, Bates, Malik & Jordan, "Uncertainty sets for image classifiers using conformal prediction", ICLR 2021.

    Examples
    --------
    >>> raps(np.array([[.5, .25, .25]]), np.array([1]), np.zeros(1), penalty=.5, size=1).tolist()
    [2.0]
    """
    cumulated, place = _cumulated(probabilities)
    regularised = cumulated - draws[:, None] * probabilities + penalty * np.maximum(place - size, 0)
    return _of_true(regularised, true)


@dataclass(frozen=True, slots=True)
class ClassScore:
    """A nonconformity score of classes, with its parameters.

    The score of a label draws a number for each event (APS, RAPS; LAC needs none). In the set that is served, a
    `randomised` score takes the same draw, which makes the coverage exact and sets now and then empty; without it each
    set keeps the label at which the sum reaches the threshold (MAPIE's `include_last_label=True`), so it covers a
    little more than promised and is never empty.

    On probabilities that differ the sets are MAPIE's. Where two labels of an event are equally likely, both are in the
    set or neither; MAPIE's randomised sets keep the second. MAPIE's randomised RAPS divides by another number from
    `size + 2` labels on than the score that it calibrates with; here the set is always that of the labels whose score
    is at most the threshold.

    Attributes
    ----------
    name
        `lac`, `aps` or `raps`.
    randomised
        Whether sets are drawn.
    penalty, size
        RAPS: what each label beyond `size` costs.

    Examples
    --------
    >>> p = np.array([[.6, .3, .1]])
    >>> ClassScore("lac").sets(p, .8, np.zeros(1)).tolist(), ClassScore("aps").sets(p, .8, np.zeros(1)).tolist()
    ([[True, True, False]], [[True, True, False]])
    >>> ClassScore("aps", randomised=True).sets(p, .8, np.array([0.0])).tolist()
    [[True, False, False]]
    """

    name: ClassScoreName = "lac"
    randomised: bool = False
    penalty: float = 0.0
    size: float = 0.0

    @property
    def draws(self) -> bool:
        """Whether it looks at the draws."""
        return self.name != "lac"

    def scores(self, probabilities: FloatArray, true: IntArray, draws: FloatArray) -> FloatArray:
        """Score of the truth, (events,); infinite where it is none of the classes, NaN where nothing was stated."""
        if self.name == "lac":
            return lac(probabilities, true)
        return raps(probabilities, true, draws, self.penalty, self.size)

    def sets(self, probabilities: FloatArray, threshold: float | FloatArray, draws: FloatArray) -> BoolArray:
        """Classes that a threshold leaves possible, (events, classes); `threshold` is one for all or (events, 1)."""
        if self.name == "lac":
            # the comparison of `prediction_sets`
            return np.asarray((1 - probabilities) - threshold <= MAPIE_EPSILON)
        cumulated, place = _cumulated(probabilities)
        if self.randomised:
            scores = cumulated - draws[:, None] * probabilities + self.penalty * np.maximum(place - self.size, 0)
            return np.asarray(scores - threshold <= MAPIE_EPSILON)
        # before each label: the sum of the likelier ones, all ties of it apart; before the likeliest nothing
        before, likelier = _before(probabilities)
        reached = before + self.penalty * np.maximum(likelier - self.size, 0)
        return np.asarray((reached - threshold < -MAPIE_EPSILON) | (likelier == 0))

    @classmethod
    def tuned(cls, probabilities: FloatArray, true: IntArray, alpha: float, *, randomised: bool = False) -> ClassScore:
        """Fit RAPS: its size is the quantile of the truth's place, as in MAPIE, its penalty that of the smallest sets.

        MAPIE chooses among the same penalties (those of the paper), but compares them with the penalty in place of the
        size, so it may find another.

        Parameters
        ----------
        probabilities, true
            (events, classes) and (events,), of other events than those that the threshold will be taken from.
        alpha
            One minus the coverage.
        """
        known = true >= 0
        p, labels = probabilities[known], true[known]
        if not len(labels):
            return cls("raps", randomised, _PENALTIES[1], 1.0)
        cumulated, place = _cumulated(p)
        size = float(_quantile(_of_true(place.astype(np.float64), labels), alpha))
        best = (np.inf, 0.0)
        for penalty in _PENALTIES:
            scores = _of_true(cumulated + penalty * np.maximum(place - size, 0), labels)
            kept = cls("raps", randomised=False, penalty=penalty, size=size)
            mean = float(kept.sets(p, _quantile(scores, alpha), np.zeros(len(p))).sum(axis=1).mean())
            if mean < best[0] - MAPIE_EPSILON:
                best = mean, penalty
        return cls("raps", randomised, best[1], size)


def _quantile(scores: FloatArray, alpha: float) -> float:
    """The `ceil((n + 1)(1 - alpha))`-th smallest, the greatest where that is beyond all."""
    k = min(max(int(np.ceil((len(scores) + 1) * (1 - alpha))), 1), len(scores))
    return float(np.partition(scores, k - 1)[k - 1])


def _of_true(scores: FloatArray, true: IntArray) -> FloatArray:
    found = scores[np.arange(len(true)), np.maximum(true, 0)]
    return np.where(true < 0, np.inf, found)


def _cumulated(probabilities: FloatArray) -> tuple[FloatArray, IntArray]:
    """Probability of all classes down to each one, and the place of each from 1 on: (events, classes) both."""
    order = np.argsort(probabilities, axis=1, kind="stable")[:, ::-1]
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(1, order.shape[1] + 1), order.shape), axis=1)
    falling = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    return np.take_along_axis(falling, place - 1, axis=1), place


def _before(probabilities: FloatArray) -> tuple[FloatArray, IntArray]:
    """Probability and number of the classes that are likelier than each one, equal ones left out."""
    order = np.argsort(probabilities, axis=1, kind="stable")[:, ::-1]
    falling = np.take_along_axis(probabilities, order, axis=1)
    sums = np.cumsum(falling, axis=1)
    # the place of the first of equals; what lies before it is the same for all of them
    new = np.ones(falling.shape, dtype=np.bool_)
    new[:, 1:] = falling[:, 1:] != falling[:, :-1]
    first = np.maximum.accumulate(np.where(new, np.arange(falling.shape[1]), 0), axis=1)
    before = np.take_along_axis(np.concatenate([np.zeros((len(sums), 1)), sums], axis=1), first, axis=1)
    back = np.empty_like(order)
    np.put_along_axis(back, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    return np.take_along_axis(before, back, axis=1), np.take_along_axis(first, back, axis=1)
