"""The changes whose delay is measured: what a stream is before, what it is after, and what is aimed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from detectors.types import FloatArray, Rows

from .streams import numbers, words

__all__ = ["CHANGES", "HEALTHY_BEFORE", "Change", "Stream"]

HEALTHY_BEFORE = 1000
"""Events before the change."""
_CATEGORIES = 8


@dataclass(frozen=True)
class Stream:
    """A reference (features, rows), events (features, events), and which event is the first of the change."""

    reference: FloatArray
    events: FloatArray
    begins: int


@dataclass(frozen=True)
class Change:
    """A change of some features.

    Attributes
    ----------
    name, features, rows
        What it is; how many features there are, and rows of the reference.
    apply
        What becomes of the events, (features, events), from the change on, in place.
    most
        Events after the change in which it must be seen.
    aims
        By events a batch, the delay that is aimed at.
    categories
        Whether the numbers are codes of categories.
    """

    name: str
    features: int
    rows: int
    apply: Callable[[np.random.Generator, FloatArray], None]
    most: int
    aims: Mapping[int, float] = field(default_factory=dict)
    categories: bool = False

    def stream(self, run: int, batch: int) -> Stream:
        """A seeded stream; the change comes at a random place in a batch."""
        rng = np.random.default_rng([run, self.features, self.rows, len(self.name)])
        begins = HEALTHY_BEFORE + int(rng.integers(batch))
        reference, events = self._draw(rng, self.rows), self._draw(rng, begins + self.most)
        self.apply(rng, events[:, begins:])
        return Stream(reference, events, begins)

    def healthy(self, run: int, events: int) -> Stream:
        """A seeded stream in which nothing changes."""
        rng = np.random.default_rng([run, self.features, self.rows, 777])
        return Stream(self._draw(rng, self.rows), self._draw(rng, events), events)

    def as_rows(self, x: FloatArray) -> Rows:
        """As the production code takes them."""
        return words(x.astype(np.int64)) if self.categories else numbers(x)

    def _draw(self, rng: np.random.Generator, n: int) -> FloatArray:
        if self.categories:
            return rng.integers(0, _CATEGORIES, (self.features, n)).astype(float)
        return rng.normal(size=(self.features, n))


def _shift(sigmas: float, features: int = 1) -> Callable[[np.random.Generator, FloatArray], None]:
    def apply(_rng: np.random.Generator, x: FloatArray) -> None:
        x[:features] += sigmas

    return apply


def _wider(_rng: np.random.Generator, x: FloatArray) -> None:
    x[0] *= 1.5


def _gradual(_rng: np.random.Generator, x: FloatArray) -> None:
    x[0] += np.minimum(np.arange(x.shape[1]) / 5000, 1.0)


def _correlated(_rng: np.random.Generator, x: FloatArray) -> None:
    x[6] = 0.6 * x[5] + 0.8 * x[6]


def _new_category(rng: np.random.Generator, x: FloatArray) -> None:
    x[0, rng.random(x.shape[1]) < 0.05] = _CATEGORIES


CHANGES = (
    Change("½ σ", 1, 10_000, _shift(0.5), 2000, {10: 106}),
    Change("1 σ", 1, 10_000, _shift(1.0), 1000, {10: 34}),
    Change("¼ σ", 1, 10_000, _shift(0.25), 4000, {10: 360}),
    Change(".15 σ", 1, 10_000, _shift(0.15), 6000, {10: 900}),
    Change("scale × 1.5", 1, 1000, _wider, 2000, {10: 80}),
    Change("gradually 1 σ in 5,000 events", 1, 10_000, _gradual, 6000),
    Change("a new category at 5 %", 1, 10_000, _new_category, 1000, {10: 70}, categories=True),
    Change("½ σ in 1 of 20", 20, 10_000, _shift(0.5), 2000, {10: 135}),
    Change(".15 σ in all of 20", 20, 10_000, _shift(0.15, 20), 2000, {10: 200}),
    Change("correlation 0 to .6 in one pair of 20", 20, 10_000, _correlated, 3000, {100: 400}),
    Change("½ σ in 10 of 50", 50, 10_000, _shift(0.5, 10), 1000),
    Change("½ σ in 1 of 200", 200, 10_000, _shift(0.5), 1500),
)
"""One after the other, those of as many features together."""
