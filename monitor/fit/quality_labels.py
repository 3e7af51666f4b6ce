"""Outcomes that look wrong: those of nearly all similar rows are another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.types import FloatArray, IntArray
from monitor.fit.quality_slices import NEAR, RING, Slice, slices_of

__all__ = ["Suspicious", "SuspiciousLabel", "suspicious_labels"]


_SAMPLE = 5_000  # the search compares all pairs: 25 million, some seconds at most
_NEIGHBOURS = NEAR
_AGREE = 13  # of these; with two classes and a chance of one half, 13 agree against a label in 4 of 1,000 rows
_PURE = 0.9  # and where most rows agree with their neighbours at all: noisy outcomes surprise nobody
_LEVELS = 20
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class SuspiciousLabel:
    """A row's outcome, and the one that its neighbours have."""

    row: int
    label: str
    neighbours: str


@dataclass(frozen=True, slots=True)
class Suspicious:
    """How many of the rows that were looked at have a suspicious outcome, and some of them."""

    looked_at: int
    n: int
    examples: tuple[SuspiciousLabel, ...]
    slices: tuple[Slice, ...] = ()


def suspicious_labels(
    numeric: FloatArray,
    codes: Sequence[IntArray],
    truth: Sequence[str | float | None],
    rng: np.random.Generator,
    features: Sequence[str] = (),
) -> Suspicious:
    """Rows whose outcome is another than that of at least 13 of their 15 nearest neighbours.

    `numeric` is (features, rows), `codes` has a small integer a row for each category. Outcomes that are numbers are
    not looked at, nor those that the features hardly determine: there a lonely outcome is no surprise. `features` are
    the names of the numeric ones, for what is said of a slice.
    """
    known = np.array([i for i, t in enumerate(truth) if isinstance(t, str)], dtype=np.int64)
    if len(known) <= 2 * _NEIGHBOURS or not len(numeric) + len(codes):
        return Suspicious(0, 0, ())
    rows = np.sort(rng.choice(known, min(_SAMPLE, len(known)), replace=False))
    names, labels = np.unique(np.array([str(truth[i]) for i in rows]), return_inverse=True)
    near = _nearest(_space(numeric[:, rows], [c[rows] for c in codes]))
    votes = _votes(near, labels, len(names))
    winner, share = votes.argmax(axis=1), votes.max(axis=1)
    own = votes[np.arange(len(rows)), labels]
    bad = np.flatnonzero((winner != labels) & (share >= _AGREE))
    if len(names) < 2 or float((winner == labels).mean()) < _PURE:
        return Suspicious(len(rows), 0, ())
    worst = bad[np.lexsort((rows[bad], own[bad] - share[bad]))][:_EXAMPLES]
    examples = tuple(SuspiciousLabel(int(rows[i]), str(names[labels[i]]), str(names[winner[i]])) for i in worst)
    found = slices_of(near, labels, names.tolist(), features or _numbered(numeric), numeric[:, rows])
    slices = tuple(replace(each, rows=tuple(int(rows[i]) for i in each.rows)) for each in found)
    return Suspicious(len(rows), len(bad), examples, slices)


def _nearest(space: FloatArray) -> IntArray:
    """(rows, neighbours), the nearest first, itself left out: a ring of 400, or what a quarter of the rows allows."""
    from sklearn.neighbors import NearestNeighbors

    n = max(_NEIGHBOURS, min(RING, len(space) // 4))
    search = NearestNeighbors(n_neighbors=n, algorithm="brute", n_jobs=1).fit(space)
    near: IntArray = search.kneighbors(return_distance=False)  # without an argument no row is its own neighbour
    return near


def _votes(near: IntArray, labels: IntArray, classes: int) -> IntArray:
    """(rows, classes) labels of each row's nearest neighbours."""
    votes = np.zeros((len(near), classes), dtype=np.int64)
    for k in range(_NEIGHBOURS):
        votes[np.arange(len(near)), labels[near[:, k]]] += 1
    return votes


def _numbered(numeric: FloatArray) -> list[str]:
    return [f"feature {i}" for i in range(len(numeric))]


def _space(numeric: FloatArray, codes: Sequence[IntArray]) -> FloatArray:
    """Rows as points: numbers by their rank, which no unit or outlier distorts, and one column a frequent category."""
    columns = [_ranks(values) for values in numeric]
    for code in codes:
        levels, counts = np.unique(code, return_counts=True)
        frequent = levels[np.argsort(-counts, kind="stable")[:_LEVELS]]
        # Two categories that differ are as far apart as the two ends of a number.
        columns += [(code == level) * np.sqrt(0.5) for level in frequent]
    return np.stack(columns, axis=1)


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks in (0, 1], equal values alike; a missing one in the middle."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place.ravel()] / len(values)
    return np.where(np.isnan(values), 0.5, ranks)
