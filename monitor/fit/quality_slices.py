"""A slice that looks poisoned: a small cluster of rows that agree on an outcome which nearly no row around them has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.types import BoolArray, FloatArray, IntArray

__all__ = ["NEAR", "RING", "Slice", "slices_of"]

NEAR = 15
RING = 400
"""Neighbours that are looked at. A slice is seen if it has 8 rows of the sample at least, and a quarter of the ring at
most: 0.16 to 2 % of 5,000."""
_AGREE = 6  # of the 7 nearest have the row's own outcome
_NEAREST = 7
_RARE = 0.25  # share of it in the ring, at most
_LEAST = 8
_EXAMPLES = 5
_CONDITIONS = 2
_CLASSES = 200  # beyond, outcomes are hardly classes any more


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows close to each other whose outcome is another than that around them.

    Attributes
    ----------
    n
        Rows of the sample in it.
    label, around
        Their outcome, and that of most rows around them.
    where
        What they have in common, as (feature, least, greatest) of those in which they spread least.
    rows
        Some of them.
    """

    n: int
    label: str
    around: str
    where: tuple[tuple[str, float, float], ...]
    rows: tuple[int, ...]


def slices_of(
    near: IntArray, labels: IntArray, names: Sequence[str], features: Sequence[str], values: FloatArray
) -> list[Slice]:
    """The slices among rows whose nearest neighbours are `near`, (rows, ring), the nearest first.

    A row belongs to one if at least 6 of its 7 nearest rows share its outcome, and at most a quarter of the ring do,
    where another has the majority. Rows of the kind that are among each other's 15 nearest make a slice of 8 or more.
    Where outcomes are noise around a smooth rate p, 6 of 7 agree on what the ring has at most a quarter of with a
    chance below 0.2 %; that 8 such rows are neighbours does not happen by it. A rare class that is a cluster of its own
    does look so, and has to be looked at, too. `values` is (features, rows), what is said of a slice.
    """
    if len(names) > _CLASSES:
        return []
    same = labels[near] == labels[:, None]
    ring = same.mean(axis=1)
    major = _majority(labels[near], len(names))
    lonely = (same[:, :_NEAREST].sum(axis=1) >= _AGREE) & (ring <= _RARE) & (major >= 0) & (major != labels)
    found = []
    for rows in _clusters(near[:, :NEAR], lonely, labels):
        if len(rows) >= _LEAST:
            around = int(np.bincount(major[rows]).argmax())
            where = _common(rows, features, values)
            found.append(
                Slice(len(rows), names[labels[rows[0]]], names[around], where, tuple(rows[:_EXAMPLES].tolist()))
            )
    return sorted(found, key=lambda each: -each.n)


def _majority(labels: IntArray, classes: int) -> IntArray:
    """(rows,): the outcome that more than half of a row's ring has, else -1."""
    rows, ring = labels.shape
    places = (np.arange(rows)[:, None] * classes + labels).ravel()
    votes = np.bincount(places, minlength=rows * classes).reshape(rows, classes)
    return np.where(votes.max(axis=1) > ring / 2, votes.argmax(axis=1), -1)


def _clusters(near: IntArray, lonely: BoolArray, labels: IntArray) -> list[IntArray]:
    """Rows that are connected by being among each other's nearest, of one outcome."""
    left = set(np.flatnonzero(lonely).tolist())
    clusters = []
    while left:
        seed = min(left)
        left.discard(seed)
        members, edge = [seed], [seed]
        while edge:
            row = edge.pop()
            fresh = [n for n in near[row].tolist() if n in left and labels[n] == labels[seed] and row in near[n]]
            left.difference_update(fresh)
            members += fresh
            edge += fresh
        clusters.append(np.sort(np.array(members, dtype=np.int64)))
    return clusters


def _common(rows: IntArray, features: Sequence[str], values: FloatArray) -> tuple[tuple[str, float, float], ...]:
    """The features in which these rows spread least, against all rows."""
    told = []
    for name, column in zip(features, values, strict=True):
        inside = column[rows]
        inside = inside[~np.isnan(inside)]
        known = np.sort(column[~np.isnan(column)])
        if len(inside) < len(rows) / 2 or not len(known):
            continue
        low, high = float(inside.min()), float(inside.max())
        span = np.searchsorted(known, high, side="right") - np.searchsorted(known, low)
        told.append((float(span / len(known)), name, low, high))
    return tuple((name, low, high) for share, name, low, high in sorted(told)[:_CONDITIONS] if share < 0.5)
