"""Nonconformity of numbers: residual, normalised residual and CQR, and the intervals that a threshold leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from detectors.types import FloatArray

__all__ = ["LEAST_SPREAD", "Stated", "ValueScore", "ValueScoreName", "absolute_residual", "cqr", "normalised_residual"]

ValueScoreName = Literal["residual", "normalised", "cqr"]
LEAST_SPREAD = 1e-8
"""A spread below this is taken as this, as MAPIE does: nobody is infinitely sure."""


def absolute_residual(truth: FloatArray, value: FloatArray) -> FloatArray:
    """Regression's nonconformity score, `|truth - value|`.

    Examples
    --------
    >>> absolute_residual(np.array([3.0, 1.0]), np.array([1.0, 1.5])).tolist()
    [2.0, 0.5]
    """
    return np.abs(truth - value)


def normalised_residual(truth: FloatArray, value: FloatArray, spread: FloatArray) -> FloatArray:
    """The residual in units of the model's own spread, `|truth - value| / max(spread, 1e-8)`.

    References
    ----------
    Lei, G'Sell, Rinaldo, Tibshirani & Wasserman, "Distribution-free predictive inference for regression", JASA 2018.

    Examples
    --------
    >>> normalised_residual(np.array([3.0, 1.0]), np.array([1.0, 1.5]), np.array([2.0, .5])).tolist()
    [1.0, 1.0]
    """
    return np.asarray(np.abs(truth - value) / np.maximum(spread, LEAST_SPREAD))


def cqr(truth: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    r"""Conformalised quantile regression: how far the truth is outside the model's interval, negative inside.

    .. math:: \max(lower - truth, truth - upper)

    References
    ----------
    Romano, Patterson & Candès, "Conformalized quantile regression", NeurIPS 2019 (the symmetric correction).

    Examples
    --------
    >>> cqr(np.array([0.0, 5.0]), np.array([1.0, 1.0]), np.array([2.0, 8.0])).tolist()
    [1.0, -3.0]
    """
    return np.maximum(lower - truth, truth - upper)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a model says about some numbers: (events,) each, NaN where it says nothing."""

    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    spread: FloatArray

    @property
    def width(self) -> FloatArray:
        """Width of the model's own intervals, (events,): infinite where it is wider than numbers go, NaN without one.

        Two ends at the same infinity are no interval.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            width: FloatArray = self.upper - self.lower
        return width


@dataclass(frozen=True, slots=True)
class ValueScore:
    """A nonconformity score of numbers.

    Examples
    --------
    >>> said = Stated(*(np.array([x]) for x in (2.0, 1.0, 4.0, .5)))
    >>> [[end.tolist() for end in ValueScore(name).intervals(said, 2.0)] for name in ("residual", "normalised", "cqr")]
    [[[0.0], [4.0]], [[1.0], [3.0]], [[-1.0], [6.0]]]
    """

    name: ValueScoreName = "residual"

    @classmethod
    def by(cls, said: Stated) -> ValueScore:
        """The one that makes most of what nearly all events say: CQR of an interval, else normalised, else residual."""
        if not len(said.value):
            return cls()
        known = np.isfinite(said.value)
        for name, wanted in (("cqr", said.width), ("normalised", said.spread)):
            if known.any() and (~np.isnan(wanted[known])).mean() >= _NEARLY_ALL:
                return cls("cqr" if name == "cqr" else "normalised")
        return cls()

    def scores(self, truth: FloatArray, said: Stated) -> FloatArray:
        """Score of the truth, (events,); NaN where one of the two is missing."""
        if self.name == "cqr":
            return cqr(truth, *_ends(said))
        if self.name == "normalised":
            return normalised_residual(truth, said.value, said.spread)
        return absolute_residual(truth, said.value)

    def intervals(self, said: Stated, threshold: float | FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper ends, (events,) each: of the numbers whose score is at most `threshold`, one for all or each.

        Where they cross (CQR with a negative threshold) the interval has no number in it. Where the model did not say
        what the score needs, both are NaN.
        """
        if self.name == "cqr":
            lower, upper = _ends(said)
            return lower - threshold, upper + threshold
        reach = threshold if self.name == "residual" else threshold * np.maximum(said.spread, LEAST_SPREAD)
        return said.value - reach, said.value + reach


_NEARLY_ALL = 0.99


def _ends(said: Stated) -> tuple[FloatArray, FloatArray]:
    """The model's interval; an end alone that is missing is infinite."""
    neither = np.isnan(said.lower) & np.isnan(said.upper)
    lower = np.where(np.isnan(said.lower) & ~neither, -np.inf, said.lower)
    return lower, np.where(np.isnan(said.upper) & ~neither, np.inf, said.upper)
