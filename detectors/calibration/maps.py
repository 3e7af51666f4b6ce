"""Fitted maps from what a model says to probabilities: applied to batches, kept in arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from detectors.scores.confidence import softmax
from detectors.types import FloatArray, IntArray, State

__all__ = ["LEAST_PROBABILITY", "TOKENS", "Map", "Temperature", "Tokens", "Vector", "VennAbers", "log_of", "map_of"]

LEAST_PROBABILITY = 1e-12
"""A probability below this is taken as this before its logarithm."""
TOKENS = ("mean log-probability", "least log-probability", "margin", "log of the length")
"""What a language model's answer is judged by, in order."""


class Map(Protocol):
    """Makes probabilities of probabilities; (events, classes) both, row by row, NaN stays NaN."""

    name: ClassVar[str]

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities."""
        ...

    def state(self) -> State:
        """Its arrays, for a profile."""
        ...


def log_of(probabilities: FloatArray) -> FloatArray:
    """Logarithms, none below that of 1e-12."""
    return np.asarray(np.log(np.maximum(probabilities, LEAST_PROBABILITY)))


@dataclass(frozen=True, slots=True)
class Temperature:
    r"""Temperature scaling: `softmax(log p / T)`, the same as `softmax(logits / T)`; the order of the classes stays.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> np.round(Temperature(.5).apply(np.array([[.75, .25]])), 3).tolist()
    [[0.9, 0.1]]
    """

    temperature: float
    name: ClassVar[str] = "temperature"

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities, (events, classes)."""
        return softmax(log_of(probabilities) / self.temperature)

    def state(self) -> State:
        """The temperature."""
        return {"temperature": np.array([self.temperature])}


@dataclass(frozen=True, slots=True)
class Vector:
    """Vector scaling: `softmax(scale * log p + shift)`, a scale and a shift a class.

    It works on log-probabilities, which everybody sends; with the logits' own constant it would be another map.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> np.round(Vector(np.ones(2), np.log([1.0, 3.0])).apply(np.array([[.75, .25]])), 3).tolist()
    [[0.5, 0.5]]
    """

    scale: FloatArray
    shift: FloatArray
    name: ClassVar[str] = "vector"

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities, (events, classes)."""
        return softmax(log_of(probabilities) * self.scale + self.shift)

    def state(self) -> State:
        """Scale and shift."""
        return {"scale": self.scale, "shift": self.shift}


@dataclass(frozen=True, slots=True)
class VennAbers:
    """Inductive Venn-Abers predictors, one class against the rest, as tables; then each row is made to sum to one.

    A predictor is a step function of the class's probability: its value changes at the probabilities of the fit alone,
    so a table of the values at these `points` and between them is all of it.

    Attributes
    ----------
    points
        Sorted probabilities of all classes, one class after the other.
    values
        Two a point and one more a class: below the first point, at it, above it, at the second, ...
    starts
        (classes + 1,): where each class's points begin, and the end.

    References
    ----------
    Vovk, Petej & Fedorova, "Large-scale probabilistic predictors with and without guarantees of validity", NIPS 2015.
    """

    points: FloatArray
    values: FloatArray
    starts: IntArray
    name: ClassVar[str] = "venn-abers"

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities, (events, classes)."""
        found = np.empty_like(probabilities)
        for k, (start, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            points, column = self.points[start:end], probabilities[:, k]
            at = np.searchsorted(points, column, side="left") + np.searchsorted(points, column, side="right")
            found[:, k] = self.values[2 * start + k + at]
        found[np.isnan(probabilities).any(axis=1)] = np.nan
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def state(self) -> State:
        """The tables."""
        return {"points": self.points, "values": self.values, "starts": self.starts}


@dataclass(frozen=True, slots=True)
class Tokens:
    """Confidence of a language model's answer: a logistic in its log-probabilities, its margin and its length.

    Attributes
    ----------
    centre, scale
        (4,): what each number is on the reference, on average, and its standard deviation.
    weights
        (5,): the intercept, then one a number.

    Examples
    --------
    >>> tokens = Tokens(np.zeros(4), np.ones(4), np.array([0.0, 2.0, 0.0, 0.0, 0.0]))
    >>> np.round(tokens.confidence(np.array([[1.0, np.nan, 0.0, 0.0], [np.nan] * 4])), 3).tolist()
    [0.881, nan]
    """

    centre: FloatArray
    scale: FloatArray
    weights: FloatArray

    def confidence(self, tokens: FloatArray) -> FloatArray:
        """Probability that each answer is right; NaN where the mean log-probability is unknown.

        Parameters
        ----------
        tokens
            (events, 4): numbers in the order of `TOKENS`; others that are missing count as usual.
        """
        standard = np.nan_to_num((tokens - self.centre) / self.scale)
        logit = np.clip(self.weights[0] + standard @ self.weights[1:], -30, 30)
        return np.where(np.isnan(tokens[:, 0]), np.nan, 1 / (1 + np.exp(-logit)))

    def state(self) -> State:
        """Its arrays."""
        return {"centre": self.centre, "scale": self.scale, "weights": self.weights}


def map_of(name: str, state: State) -> Map | None:
    """Read a map back; None for `none`."""
    if name == "temperature":
        return Temperature(float(state["temperature"][0]))
    if name == "vector":
        return Vector(state["scale"].astype(np.float64), state["shift"].astype(np.float64))
    if name == "venn-abers":
        points, values = (state[each].astype(np.float64) for each in ("points", "values"))
        return VennAbers(points, values, state["starts"].astype(np.int64))
    return None
