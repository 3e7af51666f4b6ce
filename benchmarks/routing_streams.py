"""Streams of confidences and errors for the routing simulation, and the thresholds of who knows the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detectors.selective import SelectiveReference
from detectors.types import RANK_CELLS, BoolArray, FloatArray, IntArray

__all__ = [
    "GENERATORS",
    "REFERENCE_ROWS",
    "SCENARIOS",
    "Generator",
    "Stream",
    "cells",
    "classes",
    "gaussian",
    "make",
    "oracle",
    "ranks",
    "reference",
    "static_threshold",
]

REFERENCE_ROWS = 4_000


@dataclass(frozen=True, slots=True)
class Stream:
    """Confidence, whether the answer is wrong, and whether its label ever comes: (events,) each."""

    confidence: FloatArray
    wrong: BoolArray
    comes: BoolArray


Generator = Callable[[np.random.Generator, int], tuple[FloatArray, FloatArray, FloatArray]]


def gaussian(r: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Confidence, probability of being right, the same after the change: the design's own generator."""
    logit = r.normal(2.60, 1.98, n)
    confidence = np.maximum(1 / (1 + np.exp(-logit)), 0.11)
    return confidence, confidence, 1 / (1 + np.exp(-(0.747 * logit - 0.006)))


def classes(r: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Five classes of unequal difficulty, a beta confidence that is off from the start; two classes break."""
    kind = r.integers(0, 5, n)
    confidence = r.beta(3.0 + kind, 1.0, n)
    right = np.clip(confidence + np.array([0.04, 0.02, 0.0, -0.01, -0.02])[kind], 0.02, 0.998)
    return confidence, right, np.where(kind >= 3, right - 0.06, right)


GENERATORS: dict[str, Generator] = {"gaussian": gaussian, "classes": classes}


def _change(right: FloatArray, changed: FloatArray) -> FloatArray:
    half = right.shape[0] // 2
    return np.concatenate([right[:half], changed[half:]])


def _impossible(right: FloatArray, changed: FloatArray) -> FloatArray:
    del changed
    half = right.shape[0] // 2
    return np.concatenate([right[:half], np.minimum(right[half:], 0.85)])


def _recovery(right: FloatArray, changed: FloatArray) -> FloatArray:
    quarter = right.shape[0] // 4
    return np.concatenate([right[:quarter], changed[quarter : 2 * quarter], right[2 * quarter :]])


def _gradual(right: FloatArray, changed: FloatArray) -> FloatArray:
    share = np.clip((np.arange(right.shape[0]) - 20_000) / 20_000, 0, 1)
    return (1 - share) * right + share * changed


def _three_points(right: FloatArray, changed: FloatArray) -> FloatArray:
    del changed
    half = right.shape[0] // 2
    return np.concatenate([right[:half], right[half:] - 0.03])


SCENARIOS: dict[str, tuple[int, Callable[[FloatArray, FloatArray], FloatArray]]] = {
    "change": (60_000, _change),
    "none": (200_000, lambda right, _: right),
    "impossible": (40_000, _impossible),
    "stop": (40_000, lambda right, _: right),
    "half-lost": (60_000, _change),
    "recovery": (60_000, _recovery),
    "gradual": (60_000, _gradual),
    "three-points": (60_000, _three_points),
}


def make(scenario: str, generator: str, r: np.random.Generator) -> tuple[Stream, FloatArray]:
    """Draw a stream and its true probability of being right."""
    n, shape = SCENARIOS[scenario]
    confidence, right, changed = GENERATORS[generator](r, n)
    truth = shape(right, changed)
    wrong = r.random(n) >= truth
    comes = np.ones(n, dtype=np.bool_)
    if scenario == "stop":
        comes[n // 2 :] = False
    if scenario == "half-lost":
        comes &= ~wrong | (r.random(n) < 0.5)
    return Stream(confidence, wrong, comes), truth


def reference(generator: str, r: np.random.Generator) -> tuple[FloatArray, SelectiveReference]:
    """Sorted reference confidences, and errors by rank cell."""
    confidence, right, _ = GENERATORS[generator](r, REFERENCE_ROWS)
    wrong = r.random(REFERENCE_ROWS) >= right
    ordered = np.sort(confidence)
    counts = np.zeros((RANK_CELLS, 2), np.int64)
    np.add.at(counts, (cells(ranks(ordered, confidence)), wrong.astype(int)), 1)
    return ordered, SelectiveReference(counts, REFERENCE_ROWS, 86_400.0)


def ranks(ordered: FloatArray, confidence: FloatArray) -> FloatArray:
    """Share of the reference that is less sure than each."""
    return np.asarray(np.searchsorted(ordered, confidence) / ordered.shape[0])


def cells(rank: FloatArray) -> IntArray:
    """Cell of each rank."""
    return np.minimum((rank * RANK_CELLS).astype(np.int64), RANK_CELLS - 1)


def static_threshold(known: SelectiveReference, max_error: float, delta: float = 0.05) -> float:
    """Learn-then-Test on the reference: fixed sequence from the surest tenth down, Hoeffding-Bentkus' binomial half."""
    from scipy.stats import binom  # noqa: PLC0415  only the table needs it

    at = RANK_CELLS
    for cell in range(round(0.9 * RANK_CELLS), -1, -1):
        n, wrong = int(known.counts[cell:].sum()), int(known.counts[cell:, 1].sum())
        if binom.cdf(wrong, n, max_error) > delta:
            break
        at = cell
    return at / RANK_CELLS


def oracle(confidence: FloatArray, truth: FloatArray, max_error: float) -> float:
    """Least confidence from which answers are wrong at most `max_error` of the time, known by the truth."""
    order = np.argsort(-confidence)
    error = np.cumsum(1 - truth[order]) / np.arange(1, order.shape[0] + 1)
    met = np.flatnonzero(error <= max_error)
    return float(confidence[order[met[-1]]]) if met.size else float(np.inf)
