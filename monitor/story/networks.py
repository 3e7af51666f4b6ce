"""Two small networks: fitted with scikit-learn, asked with a few lines of numpy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from detectors.types import FloatArray, IntArray
from monitor.story.images import Camera

__all__ = ["DIGITS", "Network", "fit_turned", "fit_upright"]


DIGITS = tuple(str(digit) for digit in range(10))
"""The classes, in the order of a network's probabilities."""
_WHITE = 16.0
_UPRIGHT_PICTURES = 24_000
_TURNED_PICTURES = 24_000
_TURNED = (-10.0, 50.0)  # degrees; beyond what the story needs at both ends, where a fit is weakest


@dataclass(frozen=True, slots=True)
class Network:
    """A perceptron with hidden layers: rectified linear, softmax at the end."""

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]

    @classmethod
    def fit(cls, pictures: IntArray, digits: IntArray, hidden: Sequence[int], epochs: int, seed: int) -> Self:
        """Fit to pictures (events, 8, 8) by stochastic gradients, for so many passes."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        model = MLPClassifier(tuple(hidden), alpha=1e-3, max_iter=epochs, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it stops early on purpose: the demo is waiting
            model.fit(_pixels(pictures), digits)
        return cls(tuple(model.coefs_), tuple(model.intercepts_))

    def probabilities(self, pictures: IntArray | FloatArray) -> FloatArray:
        """(events, 10) for pictures (events, 8, 8) or (events, 64)."""
        layer = _pixels(pictures)
        for weights, biases in zip(self.weights[:-1], self.biases[:-1], strict=True):
            layer = np.maximum(layer @ weights + biases, 0)
        logits = layer @ self.weights[-1] + self.biases[-1]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def fit_upright(camera: Camera, rng: np.random.Generator, seed: int) -> Network:
    """The model that is served: it has seen upright digits alone."""
    pictures, digits = camera.take(np.zeros(_UPRIGHT_PICTURES), rng)
    return Network.fit(pictures, digits, hidden=(64,), epochs=14, seed=seed)


def fit_turned(camera: Camera, rng: np.random.Generator, seed: int) -> Network:
    """The fallback: larger, and it has seen turned digits."""
    pictures, digits = camera.take(rng.uniform(*_TURNED, _TURNED_PICTURES), rng)
    return Network.fit(pictures, digits, hidden=(128,), epochs=16, seed=seed)


def _pixels(pictures: IntArray | FloatArray) -> FloatArray:
    return np.asarray(pictures.reshape(len(pictures), -1) / _WHITE)
