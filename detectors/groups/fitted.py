"""Which groups a version has, and what their reference was: fixed when the profile is fitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.harm import BANDS
from detectors.types import BoolArray, FloatArray, IntArray, State

__all__ = ["LEAST_ROWS", "MOST_GROUPS", "Groups", "Membership", "Segment", "bands_of", "members"]

MOST_GROUPS = 32
"""Groups of a version at most: each costs a share of the evidence, a few hundred bytes a summary, and metrics."""
LEAST_ROWS = 50
"""Rows of the reference that make a group; fewer say nothing of it, and identifiers are no groups."""
_LEVELS = np.concatenate([np.arange(0.02, 0.90, 0.02), np.arange(0.90, 0.99, 0.005), np.arange(0.99, 1.0, 0.001)])
_BEYOND = 1.1 ** np.arange(1, 25)
"""Scores beyond the reference's greatest, up to ten times it, in steps of a tenth."""
_PARTS = ("n", "traffic", "errors", "edges", "scores")

Segment = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a version. A group is one value of one segment name; an event is in at most one of each name.

    Attributes
    ----------
    pairs
        (name, value) of each group; those of one name stand together.
    n
        (groups,) rows of the reference.
    traffic
        (groups, bands) of them by confidence.
    errors
        (groups, bands, 2): right and wrong answers of the model.
    edges
        (bins,) rising: the upper ends of the bins of nonconformity scores, the last of them infinite.
    scores
        (groups, bins) scores of the reference.

    Examples
    --------
    >>> segments = [(("region", "north"),)] * 60 + [(("region", "south"),)] * 60 + [(("region", "rare"),)] * 5
    >>> rank = np.linspace(0, 1, 125)
    >>> groups = Groups.fit(segments, rank, np.zeros(125), np.linspace(0, 1, 125))
    >>> groups.labels, groups.n.tolist(), groups.traffic.sum(axis=1).tolist()
    (('region=north', 'region=south'), [60, 60], [60, 60])
    """

    pairs: tuple[tuple[str, str], ...]
    n: IntArray
    traffic: IntArray
    errors: IntArray
    edges: FloatArray
    scores: IntArray

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def labels(self) -> tuple[str, ...]:
        """Each as `name=value`: how people and the ledger call it."""
        return tuple(f"{name}={value}" for name, value in self.pairs)

    @property
    def names(self) -> tuple[str, ...]:
        """Segment names, in the order of their groups."""
        return tuple(dict.fromkeys(name for name, _ in self.pairs))

    @property
    def name_of(self) -> IntArray:
        """(groups,): the place in `names` of each group's name."""
        names = self.names
        return np.array([names.index(name) for name, _ in self.pairs], dtype=np.int64)

    @classmethod
    def fit(cls, segments: Sequence[Segment], rank: FloatArray, wrong: FloatArray, scores: FloatArray) -> Groups | None:
        """Find the most frequent values of each segment name; None if there are none to tell apart.

        Parameters
        ----------
        segments
            (name, value) pairs of each row.
        rank
            (rows,) confidence ranks; NaN where there is none.
        wrong
            (rows,): 1 where the model was wrong, 0 where it was right, NaN where that is not known.
        scores
            (rows,) nonconformity scores; NaN where there is none.
        """
        counted: Counter[tuple[str, str]] = Counter()
        combined = Counter(tuple(each) for each in segments)
        for segment, rows in combined.items():
            counted.update(dict.fromkeys(segment, rows))
        pairs = _chosen(counted, len(segments))
        if not pairs:
            return None
        bits = Membership(pairs).of([dict(each) for each in segments])[0]
        inside = members(bits, len(pairs))
        edges = _edges(scores)
        place = np.searchsorted(edges, scores)
        bands, known = bands_of(rank), ~np.isnan(wrong) & ~np.isnan(rank)
        answers = bands[known] * 2 + wrong[known].astype(np.int64)
        scored = ~np.isnan(scores)
        return cls(
            pairs=pairs,
            n=inside.sum(axis=0).astype(np.int64),
            traffic=np.stack([_tally(bands[(bands >= 0) & each], BANDS) for each in inside.T]),
            errors=np.stack([_tally(answers[each[known]], 2 * BANDS).reshape(BANDS, 2) for each in inside.T]),
            edges=edges,
            scores=np.stack([_tally(place[scored & each], len(edges)) for each in inside.T]),
        )

    def told(self) -> list[list[str]]:
        """What the manifest of a profile says."""
        return [list(pair) for pair in self.pairs]

    def state(self) -> State:
        """Its arrays."""
        return {name: getattr(self, name) for name in _PARTS}

    @classmethod
    def of(cls, told: Sequence[Sequence[str]], state: State) -> Groups:
        """Read back what `told` and `state` gave."""
        return cls(tuple((name, value) for name, value in told), **{name: state[name] for name in _PARTS})  # type: ignore[arg-type]  # as they were written


class Membership:
    """Which groups events are in, as one integer each: bit g is set where the event is in group g."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._bits: dict[str, dict[str | None, int]] = {}
        for place, (name, value) in enumerate(pairs):
            self._bits.setdefault(name, {})[value] = 1 << place

    def of(self, segments: Sequence[Mapping[str, str]]) -> tuple[IntArray, int]:
        """Bits of each event, (events,); and how many values belong to no group, which is how they are counted.

        Looks up the names that have groups and no others, so an event with thousands of keys costs as much as any.

        Examples
        --------
        >>> bits, others = Membership([("a", "x"), ("a", "y"), ("b", "x")]).of([{"a": "y", "b": "x"}, {"a": "z"}, {}])
        >>> bits.tolist(), others
        ([6, 0, 0], 1)
        """
        bits = np.zeros(len(segments), dtype=np.int64)
        others = 0
        for name, places in self._bits.items():
            values = [each.get(name) for each in segments]
            found = np.array([places.get(value, 0) for value in values], dtype=np.int64)
            others += len(values) - values.count(None) - int(np.count_nonzero(found))
            bits |= found
        return bits, others


def members(bits: IntArray, groups: int) -> BoolArray:
    """(events, groups): which event is in which group.

    Examples
    --------
    >>> members(np.array([5, 0]), 3).tolist()
    [[True, False, True], [False, False, False]]
    """
    return (bits[:, None] >> np.arange(groups) & 1).astype(np.bool_)


def bands_of(rank: FloatArray) -> IntArray:
    """Band of each rank, 0 to 9; -1 for NaN."""
    bands = np.minimum(np.nan_to_num(rank, nan=0.0) * BANDS, BANDS - 1).astype(np.int64)
    return np.where(np.isnan(rank), -1, bands)


def _chosen(counted: Counter[tuple[str, str]], rows: int) -> tuple[tuple[str, str], ...]:
    """The most frequent pairs, those of a name together; a value that all rows have is the whole, and no group."""
    fit = [(pair, n) for pair, n in counted.items() if LEAST_ROWS <= n < rows]
    most = sorted(fit, key=lambda each: (-each[1], each[0]))[:MOST_GROUPS]
    order = list(dict.fromkeys(pair[0] for pair, _ in most))
    return tuple(sorted((pair for pair, _ in most), key=lambda pair: order.index(pair[0])))


def _edges(scores: FloatArray) -> FloatArray:
    """Upper ends of bins: quantiles of all scores, dense at the top, and steps beyond the greatest."""
    known = scores[np.isfinite(scores)]
    if not len(known):
        return np.array([np.inf])
    top = float(known.max())
    inner = np.quantile(known, _LEVELS, method="inverted_cdf")
    return np.unique(np.concatenate([inner, [top], top * _BEYOND if top > 0 else [], [np.inf]]))


def _tally(places: IntArray, length: int) -> IntArray:
    return np.bincount(places, minlength=length).astype(np.int64)
