"""How sure is the model? Confidence from arrays alone; greater is surer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.types import BoolArray, FloatArray, IntArray

__all__ = [
    "SUM_TOLERANCE",
    "confidence",
    "energy",
    "entropy",
    "invalid_probabilities",
    "margin",
    "max_logit",
    "mutual_information",
    "of_label",
    "predicted",
    "softmax",
    "value_confidence",
]

SUM_TOLERANCE = 1e-3
"""Probabilities written with four decimals over ten classes still pass; percentages and logits do not."""


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


def of_label(probabilities: FloatArray, label: IntArray) -> FloatArray:
    """Probability of the label that was given, (events,); NaN where it is none of the classes (-1).

    Examples
    --------
    >>> of_label(np.array([[.2, .8], [.5, .5]]), np.array([0, -1])).tolist()
    [0.2, nan]
    """
    found = probabilities[np.arange(len(label)), np.maximum(label, 0)]
    return np.asarray(np.where(label < 0, np.nan, found))


def margin(probabilities: FloatArray, label: IntArray) -> FloatArray:
    """By how much the label that was given is likelier than the likeliest other one, in [-1, 1].

    Parameters
    ----------
    probabilities
        (events, classes).
    label
        (events,) index of the label that was given; -1, where it is none of the classes, gives NaN.

    Returns
    -------
    FloatArray
        (events,); negative where the model gave a label that it holds for less likely than another.

    References
    ----------
    Scheffer, Decomain & Wrobel, "Active hidden Markov models for information extraction", IDA 2001.

    Examples
    --------
    >>> np.round(margin(np.array([[.7, .2, .1], [.3, .6, .1]]), np.array([0, 0])), 6).tolist()
    [0.5, -0.3]
    """
    others = probabilities.copy()
    np.put_along_axis(others, np.maximum(label, 0)[:, None], -np.inf, axis=1)
    best = others.max(axis=1) if probabilities.shape[1] > 1 else np.zeros(len(label))
    return np.asarray(of_label(probabilities, label) - best)


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities of each row of logits, (events, classes).

    Examples
    --------
    >>> np.round(softmax(np.array([[0.0, np.log(3)], [1e300, -1e300]])), 6).tolist()
    [[0.25, 0.75], [1.0, 0.0]]
    """
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def energy(logits: FloatArray) -> FloatArray:
    """Minus the free energy of each row, `log sum exp(logits)`: it knows of the logits' size, which softmax forgets.

    References
    ----------
    Liu, Wang, Owens & Li, "Energy-based out-of-distribution detection", NeurIPS 2020 (temperature 1).

    Examples
    --------
    >>> np.round(energy(np.array([[0.0, 0.0], [1000.0, 0.0]])), 3).tolist()
    [0.693, 1000.0]
    """
    top = logits.max(axis=1)
    return np.asarray(top + np.log(np.exp(logits - top[:, None]).sum(axis=1)))


def max_logit(logits: FloatArray) -> FloatArray:
    """Greatest logit of each row, (events,).

    References
    ----------
    Hendrycks et al., "Scaling out-of-distribution detection for real-world settings", ICML 2022.

    Examples
    --------
    >>> max_logit(np.array([[0.0, 2.0], [-1.0, -3.0]])).tolist()
    [2.0, -1.0]
    """
    return np.asarray(logits.max(axis=1))


def mutual_information(samples: FloatArray) -> FloatArray:
    """Disagreement of an ensemble in nats: entropy of the mean minus mean of the entropies; 0 where all say the same.

    Parameters
    ----------
    samples
        (events, members, classes): the probabilities that each member, or each Monte-Carlo draw, gave.

    Returns
    -------
    FloatArray
        (events,), at least 0. Confidence is minus this.

    References
    ----------
    Houlsby et al., "Bayesian active learning for classification and preference learning", 2011 (BALD).

    Examples
    --------
    >>> np.round(mutual_information(np.array([[[1.0, 0.0], [0.0, 1.0]], [[.5, .5], [.5, .5]]])), 3).tolist()
    [0.693, 0.0]
    """
    n, members, classes = samples.shape
    apart = entropy(samples.reshape(n * members, classes)).reshape(n, members).mean(axis=1)
    return np.asarray(np.maximum(entropy(samples.mean(axis=1)) - apart, 0.0))


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
