"""How sure is the model, and how far off was it? Scores from arrays alone, with MAPIE's definitions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .types import BoolArray, FloatArray, IntArray

__all__ = [
    "SUM_TOLERANCE",
    "absolute_residual",
    "confidence",
    "entropy",
    "invalid_probabilities",
    "lac",
    "predicted",
    "value_confidence",
]

SUM_TOLERANCE = 1e-3
"""Probabilities written with four decimals over ten classes still pass; percentages and logits do not."""


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
    scores = 1 - np.take_along_axis(probabilities, np.maximum(true, 0)[:, None], axis=1)[:, 0]
    return np.where(true < 0, np.inf, scores)


def absolute_residual(truth: FloatArray, value: FloatArray) -> FloatArray:
    """Regression's nonconformity score, `|truth - value|`.

    Examples
    --------
    >>> absolute_residual(np.array([3.0, 1.0]), np.array([1.0, 1.5])).tolist()
    [2.0, 0.5]
    """
    return np.abs(truth - value)


def predicted(probabilities: FloatArray) -> IntArray:
    """Index of the most probable class of each row; the first of equals.

    Examples
    --------
    >>> predicted(np.array([[.2, .8], [.5, .5]])).tolist()
    [1, 0]
    """
    return np.asarray(np.argmax(probabilities, axis=1), dtype=np.int64)


def confidence(probabilities: FloatArray) -> FloatArray:
    """Greatest probability of each row.

    Examples
    --------
    >>> confidence(np.array([[.2, .8], [.5, .5]])).tolist()
    [0.8, 0.5]
    """
    return np.asarray(probabilities.max(axis=1))


def value_confidence(
    events: int,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
    spread: FloatArray | None = None,
) -> FloatArray:
    """Confidence of a regression: minus its own interval's width, or minus its spread, or 0 where it gives neither.

    Greater is surer. A constant confidence ranks nobody above anybody: such a model passes as a whole or not at all.

    Examples
    --------
    >>> value_confidence(2, np.array([0.0, 1.0]), np.array([1.0, 4.0])).tolist()
    [-1.0, -3.0]
    >>> value_confidence(2).tolist()
    [0.0, 0.0]
    """
    if lower is not None and upper is not None:
        return lower - upper
    if spread is not None:
        return -spread
    return np.zeros(events)


def entropy(probabilities: FloatArray) -> FloatArray:
    """Shannon entropy of each row in nats, `-sum p log p`, with `0 log 0 = 0`.

    Examples
    --------
    >>> np.round(entropy(np.array([[.5, .5], [1.0, 0.0]])), 3).tolist()
    [0.693, 0.0]
    """
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
    return np.asarray(np.abs((probabilities * logs).sum(axis=1)))


def invalid_probabilities(probabilities: FloatArray | Sequence[Sequence[float]]) -> BoolArray:
    """Rows that are no probabilities: something negative, not a number or infinite, or a sum off one by over 1e-3.

    Parameters
    ----------
    probabilities
        (events, classes).

    Returns
    -------
    BoolArray
        (events,) True where the row must not be used.

    Examples
    --------
    >>> invalid_probabilities([[.6, .4], [1.2, -.2], [.6, .6], [float("nan"), 1.0]]).tolist()
    [False, True, True, True]
    """
    rows = np.asarray(probabilities, dtype=np.float64)
    if rows.shape[1] == 0:
        return np.ones(rows.shape[0], dtype=np.bool_)
    with np.errstate(invalid="ignore", over="ignore"):  # a sum beyond all numbers is not one either
        bad: BoolArray = (rows < 0).any(axis=1) | ~(np.abs(rows.sum(axis=1) - 1) <= SUM_TOLERANCE)
    return bad
