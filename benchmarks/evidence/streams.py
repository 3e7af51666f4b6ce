"""Streams whose distribution is known: healthy ones for false alarms, and changes for delays.

A draw gives so many independent streams side by side, as the features of a model: (streams, events).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from detectors.types import FloatArray, IntArray, Rows

__all__ = ["HEALTHY", "Draw", "autoregressive", "correlated", "numbers", "words"]

Draw = Callable[[np.random.Generator, int, int], Rows]
"""From a generator, how many streams, and how many events."""

_NAMES = np.array([f"c{k}" for k in range(100_001)], dtype=object)


def numbers(x: FloatArray) -> Rows:
    """Rows of numeric features, (features, events)."""
    nothing = np.full(x.shape[1], np.nan)
    return Rows(x, (), [None] * x.shape[1], nothing, nothing, nothing, nothing)


def words(codes: IntArray) -> Rows:
    """Rows of categorical features, (features, events) of codes."""
    n = codes.shape[1]
    nothing = np.full(n, np.nan)
    columns = tuple(_NAMES[each].tolist() for each in np.minimum(codes, len(_NAMES) - 1))
    return Rows(np.empty((0, n)), columns, [None] * n, nothing, nothing, nothing, nothing)


def _gaps(rng: np.random.Generator, streams: int, n: int) -> Rows:
    x = rng.normal(size=(streams, n))
    x[rng.random((streams, n)) < 0.2] = np.nan
    return numbers(x)


HEALTHY: dict[str, Draw] = {
    "Gaussian": lambda rng, streams, n: numbers(rng.normal(size=(streams, n))),
    "lognormal": lambda rng, streams, n: numbers(rng.lognormal(size=(streams, n))),
    "t with 2 degrees of freedom": lambda rng, streams, n: numbers(rng.standard_t(2, size=(streams, n))),
    "Gaussian, a fifth missing": _gaps,
    "a flag, up in 2 %": lambda rng, streams, n: numbers((rng.random((streams, n)) < 0.02).astype(float)),
    "10 categories": lambda rng, streams, n: words(rng.geometric(0.3, (streams, n)).clip(max=10)),
    "Zipf categories": lambda rng, streams, n: words(rng.zipf(1.6, (streams, n))),
}
"""Kinds of healthy streams."""


def autoregressive(phi: float) -> Draw:
    """Streams that remember: x <- phi x + noise, of variance one."""

    def draw(rng: np.random.Generator, streams: int, n: int) -> Rows:
        noise = rng.normal(size=(streams, n + 100)) * np.sqrt(1 - phi**2)
        return numbers(lfilter([1.0], [1.0, -phi], noise, axis=1)[:, 100:])

    return draw


def correlated(rho: float) -> Draw:
    """The features of one model, each pair with this correlation."""

    def draw(rng: np.random.Generator, features: int, n: int) -> Rows:
        return numbers(np.sqrt(1 - rho) * rng.normal(size=(features, n)) + np.sqrt(rho) * rng.normal(size=n))

    return draw
