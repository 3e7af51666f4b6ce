"""Streams of confidences and errors for the routing simulation, and the thresholds of who knows the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from detectors.profile import rank_of
from detectors.selective import SelectiveReference
from detectors.types import RANK_CELLS, BoolArray, FloatArray, IntArray
from monitor.fit.error_memory import memory_of_errors

__all__ = [
    "GENERATORS",
    "REFERENCE_ROWS",
    "SCENARIOS",
    "Generator",
    "Reference",
    "Stream",
    "cells",
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


class Reference(NamedTuple):
    """What is known before a stream: sorted confidences, errors by rank cell, and how much the errors remember."""

    ordered: FloatArray
    counted: SelectiveReference
    memory: float


Generator = Callable[[np.random.Generator, int], tuple[FloatArray, FloatArray, FloatArray]]
"""Confidence, probability of being right, the same after the change."""


def _sigmoid(logit: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-logit)))


def gaussian(r: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The design's own: the logit of the confidence is normal, and it is right until it becomes overconfident."""
    logit = r.normal(2.60, 1.98, n)
    confidence = np.maximum(_sigmoid(logit), 0.11)
    return confidence, confidence, _sigmoid(0.747 * logit - 0.006)


def classes(r: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Five classes of unequal difficulty, a beta confidence that is off from the start; two classes break."""
    kind = r.integers(0, 5, n)
    confidence = r.beta(3.0 + kind, 1.0, n)
    right = np.clip(confidence + np.array([0.04, 0.02, 0.0, -0.01, -0.02])[kind], 0.02, 0.998)
    return confidence, right, np.where(kind >= 3, right - 0.06, right)


def rounded(r: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Two decimals, a third of them .99 or 1.00: heavy-tailed logits of an overconfident net; later the odds halve."""
    logit: FloatArray = 3.0 + 2.0 * r.standard_t(3, n)
    confidence = np.asarray(np.round(np.maximum(_sigmoid(logit), 0.1), 2), np.float64)
    truth = 0.4 + 0.75 * np.clip(logit, -3.0, 8.0)
    return confidence, _sigmoid(truth), _sigmoid(truth - np.log(2))


def clusters(r: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A tenth of the time, 50 requests on end, errors have six times the odds; later a fifth of it, 100 on end."""
    logit = r.normal(2.60, 1.98, n)
    rights = []
    for share, length in ((0.1, 50), (0.2, 100)):
        spells = r.geometric(1 / length, (n // 20, 2)) * np.array([(1 - share) / share, 1.0])
        ends = np.cumsum(spells.ravel().astype(np.int64))
        bad = np.searchsorted(ends, np.arange(n), side="right") % 2
        rights.append(_sigmoid(logit + 0.25 - np.log(6) * bad))
    return np.maximum(_sigmoid(logit), 0.11), rights[0], rights[1]


def spells(r: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Good times and bad ones: log-odds that wander by 1 either way, and forget in 500 requests; then the change."""
    from scipy.signal import lfilter  # noqa: PLC0415  only this stream needs it

    kept = np.exp(-1 / 500)
    noise = r.normal(0.0, np.sqrt(1 - kept**2), n + 5_000)
    times = np.asarray(lfilter([1.0], [1.0, -kept], noise))[5_000:]
    logit = r.normal(2.60, 1.98, n)
    confidence = np.maximum(_sigmoid(logit), 0.11)
    return confidence, _sigmoid(logit + times), _sigmoid(0.747 * logit - 0.006 + times)


def leaves(r: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The first stream, told in five values as a small tree would: a quarter of the answers are the surest."""
    logit = r.normal(2.60, 1.98, n)
    confidence = np.array([0.4, 0.7, 0.9, 0.96, 0.99])[np.searchsorted([0.0, 1.5, 2.8, 4.0], logit)]
    return confidence, _sigmoid(logit), _sigmoid(0.747 * logit - 0.006)


GENERATORS: dict[str, Generator] = {
    "gaussian": gaussian,
    "classes": classes,
    "rounded": rounded,
    "clusters": clusters,
    "spells": spells,
    "leaves": leaves,
}

Shape = Callable[[FloatArray, FloatArray], FloatArray]
"""From the probability of being right before and after the change, that of each request."""


def _change(right: FloatArray, changed: FloatArray) -> FloatArray:
    half = right.shape[0] // 2
    return np.concatenate([right[:half], changed[half:]])


def _surest_wrong(right: FloatArray, changed: FloatArray, wrong: float) -> FloatArray:
    del changed
    half = right.shape[0] // 2
    return np.concatenate([right[:half], np.minimum(right[half:], 1 - wrong)])


def _recovery(right: FloatArray, changed: FloatArray) -> FloatArray:
    quarter = right.shape[0] // 4
    return np.concatenate([right[:quarter], changed[quarter : 2 * quarter], right[2 * quarter :]])


def _gradual(right: FloatArray, changed: FloatArray) -> FloatArray:
    share = np.clip((np.arange(right.shape[0]) - 20_000) / 20_000, 0, 1)
    return np.asarray((1 - share) * right + share * changed)


def _three_points(right: FloatArray, changed: FloatArray) -> FloatArray:
    del changed
    half = right.shape[0] // 2
    return np.concatenate([right[:half], right[half:] - 0.03])


def _growing(right: FloatArray, changed: FloatArray) -> FloatArray:
    """From 20,000 on the odds of an error double every 10,000 requests."""
    del changed
    doublings = np.maximum(np.arange(right.shape[0]) - 20_000, 0) / 10_000
    return np.asarray(right / (right + (1 - right) * 2**doublings))


def _same(right: FloatArray, changed: FloatArray) -> FloatArray:
    del changed
    return right


SCENARIOS: dict[str, tuple[int, Shape]] = {
    "change": (60_000, _change),
    "none": (200_000, _same),
    **{f"surest {share} % wrong": (40_000, partial(_surest_wrong, wrong=share / 100)) for share in (6, 10, 12, 15)},
    "stop": (40_000, _same),
    "half-lost": (60_000, _change),
    "recovery": (60_000, _recovery),
    "gradual": (60_000, _gradual),
    "three-points": (60_000, _three_points),
    "growing": (60_000, _growing),
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


def reference(generator: str, r: np.random.Generator) -> Reference:
    """Draw it as the stream before its change is drawn."""
    confidence, right, _ = GENERATORS[generator](r, REFERENCE_ROWS)
    wrong = r.random(REFERENCE_ROWS) >= right
    ordered = np.sort(confidence)
    rank = ranks(ordered, confidence)
    counts = np.zeros((RANK_CELLS, 2), np.int64)
    np.add.at(counts, (cells(rank), wrong.astype(int)), 1)
    memory = memory_of_errors(rank, wrong.astype(np.float64)).temper
    return Reference(ordered, SelectiveReference(counts, REFERENCE_ROWS, 86_400.0), memory)


def ranks(ordered: FloatArray, confidence: FloatArray) -> FloatArray:
    """Share of the reference that is at most as sure as each, as a profile has it."""
    return rank_of(confidence, ordered)


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
    # who is as sure as the last to pass, passes too
    whole = np.diff(confidence[order], append=-np.inf) < 0
    met = np.flatnonzero((error <= max_error) & whole)
    return float(confidence[order[met[-1]]]) if met.size else float(np.inf)
