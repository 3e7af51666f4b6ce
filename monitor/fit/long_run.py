"""Do rows remember? The variance of sums over blocks of rows, against that of as many independent rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from detectors.layout import Layout
from detectors.types import FloatArray, IntArray

__all__ = ["BLOCK", "BlockSums", "LongRun", "LongRunVariance", "Summed", "long_runs"]

BLOCK = 10
"""Rows of the shortest block; longer ones are twice, four times, ... as long."""
_LEAST_BLOCKS = 40  # 400 rows: the replay of a reference of 1,000 has 500
_FALSE = 0.01  # chance that any view of independent rows is called significant, by Bonferroni and a normal tail
_LEVELS = 24


@dataclass(frozen=True, slots=True)
class LongRun:
    """How much a view's sums vary: 1 for independent rows, (1 + a) / (1 - a) for rows that follow x <- a x + noise.

    Attributes
    ----------
    view
        Its name.
    ratio
        Variance of the sum over a block, over that of as many independent rows: of the significant lengths, the one
        that is surely largest.
    noise
        Its relative standard error.
    rows
        Length of the block.
    significant
        Whether independent rows would hardly show it, all views, scores and lengths considered.
    """

    view: str
    ratio: float
    noise: float
    rows: int
    significant: bool

    @property
    def temper(self) -> float:
        """What bets on this view are to be divided by: 1 unless the memory is significant."""
        return max(self.ratio, 1.0) if self.significant else 1.0


class BlockSums:
    """Moments of sums over blocks of 10, 20, 40, ... rows, in bounded memory.

    Parameters
    ----------
    views
        Of each, two scores are summed.
    """

    def __init__(self, views: int) -> None:
        self._nothing = np.empty((0, 2, views))
        self._rest: list[FloatArray] = []
        self._moments: list[FloatArray] = []  # only of the lengths that there were: a context has many cells
        self.blocks = np.zeros(_LEVELS, dtype=np.int64)

    def add(self, sums: FloatArray) -> None:
        """Take in sums over blocks of 10 rows that follow each other: (blocks, 2, views)."""
        for level in range(_LEVELS):
            if level == len(self._moments):
                self._rest.append(self._nothing)
                self._moments.append(np.zeros((4, *self._nothing.shape[1:])))
            sums = np.concatenate([self._rest[level], sums])
            whole = len(sums) // 2 * 2
            fresh = sums[len(self._rest[level]) :]
            self.blocks[level] += len(fresh)
            power = fresh
            for moment in range(4):
                self._moments[level][moment] += power.sum(axis=0)
                power = power * fresh
            self._rest[level] = sums[whole:]
            sums = sums[:whole].reshape(-1, 2, *sums.shape[1:]).sum(axis=1)
            if not len(sums):
                break

    @property
    def moments(self) -> FloatArray:
        """(lengths, 4, 2, views): sums of the first four powers of the sums over blocks."""
        there = np.array(self._moments) if self._moments else np.empty((0, 4, *self._nothing.shape[1:]))
        missing = np.zeros((_LEVELS - len(there), *there.shape[1:]))
        return np.concatenate([there, missing])


class Summed(Protocol):
    """What long-run variances are read from."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the views."""
        ...

    @property
    def sums(self) -> BlockSums:
        """Two scores a view, over blocks of rows that follow each other."""
        ...

    def variances(self) -> FloatArray:
        """(2, views): of the scores of a single row."""
        ...


class LongRunVariance:
    """Adds up the rows' bins.

    A view's bins get two scores, from the reference's counts: the normal score of the bin's rank, and its square. That
    sees a level or a spread that lasts, in categories and pairs as well: any coding of them lasts when they do.
    """

    def __init__(self, layout: Layout, reference: IntArray) -> None:
        self.names = layout.names
        self.sums = BlockSums(len(self.names))
        self._starts = layout.starts()[:-1]
        self._scores = _scores(reference, layout.starts())
        self._bins = np.zeros(len(reference), dtype=np.int64)

    def add(self, counts: IntArray) -> None:
        """Take in blocks of 10 rows that follow each other: (blocks, width)."""
        if len(counts):
            self._bins += counts.sum(axis=0)
            sums = [np.add.reduceat(counts * score, self._starts, axis=1) for score in self._scores]
            self.sums.add(np.stack(sums, axis=1))

    def variances(self) -> FloatArray:
        """(2, views): variance of each score of a single row, times the share of rows that the view counts."""
        n = np.add.reduceat(self._bins, self._starts).astype(float)
        first, second = (
            np.stack([np.add.reduceat(self._bins * score**power, self._starts) for score in self._scores])
            for power in (1, 2)
        )
        rows = max(float(n.max(initial=0.0)), 1.0)
        known = np.maximum(n, 1.0)
        return np.asarray((second / known - (first / known) ** 2) * n / rows)


def long_runs(parts: Sequence[Summed]) -> tuple[LongRun, ...]:
    """The memory of each view, in the order of the first part's layout.

    Several parts are the cells of a context, each with a level and a spread of its own: what lasts within them counts.
    """
    found: dict[str, list[tuple[FloatArray, FloatArray]]] = {}
    blocks = np.array([part.sums.blocks for part in parts])
    for part in parts:
        ratio, noise = _ratios(part)
        for view, name in enumerate(part.names):
            found.setdefault(name, []).append((ratio[..., view], noise[..., view]))
    tests = max(2 * len(found) * _lengths(blocks.sum(axis=0)), 1)
    bar = _normal_quantile(_FALSE / tests)
    weights = np.maximum(blocks - 1, 0)
    return tuple(
        _judged(name, pairs, weights if len(pairs) == len(parts) else weights[: len(pairs)], bar)
        for name, pairs in found.items()
    )


def _judged(name: str, pairs: list[tuple[FloatArray, FloatArray]], weights: IntArray, bar: float) -> LongRun:
    """Pool the parts, and take what is surely largest; else the ratio of the level at the longest block."""
    share = weights[..., None] / np.maximum(weights.sum(axis=0), 1)[:, None]
    ratio = (np.array([each for each, _ in pairs]) * share).sum(axis=0)
    noise = np.sqrt((np.array([each for _, each in pairs]) ** 2 * share**2).sum(axis=0))
    enough = (weights.sum(axis=0) >= _LEAST_BLOCKS)[:, None] & (noise > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        significant = enough & (np.log(ratio) > bar * noise)
    if significant.any():
        # long blocks are few: the largest ratio itself would be the luckiest one
        sure = np.where(significant, ratio * np.exp(-noise), 0.0)
        level, score = np.unravel_index(int(sure.argmax()), ratio.shape)
    else:
        level, score = np.int64(max(int(enough[:, 0].sum()) - 1, 0)), np.int64(0)
    known = bool(enough[level, score])
    return LongRun(
        name,
        float(ratio[level, score]) if known else 1.0,
        float(noise[level, score]) if known else math.inf,
        BLOCK << int(level),
        bool(significant[level, score]),
    )


def _ratios(part: Summed) -> tuple[FloatArray, FloatArray]:
    """(levels, 2, views): ratio of variances at each length, and its relative standard error."""
    n = np.maximum(part.sums.blocks, 1)[:, None, None].astype(float)
    moments = part.sums.moments
    one, two, three, four = (moments[:, k] / n for k in range(4))
    m2 = np.maximum(two - one**2, 0.0)
    m4 = four - 4 * one * three + 6 * one**2 * two - 3 * one**4
    alone = part.variances() * (BLOCK << np.arange(_LEVELS))[:, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(alone > 0, m2 * n / np.maximum(n - 1, 1) / alone, 1.0)
        noise = np.sqrt(np.maximum(m4 / m2**2 - 1, 0.0) / n)
    # rows that never vary remember nothing
    flat = ~(alone > 0) | ~(m2 > 0)
    return np.where(flat, 1.0, ratio), np.where(flat, 0.0, noise)


def _scores(reference: IntArray, starts: IntArray) -> FloatArray:
    """(2, width): normal score of each bin's middle rank in its view, centred, and its square, centred."""
    from scipy.special import ndtri

    counts = reference.astype(float)
    sizes = np.diff(starts)
    smooth = counts + np.repeat(0.5 / np.maximum(sizes, 1), sizes)
    before = np.cumsum(smooth) - smooth
    below = before - np.repeat(before[starts[:-1]], sizes)
    total = np.repeat(np.add.reduceat(smooth, starts[:-1]), sizes)
    level = ndtri((below + smooth / 2) / total)
    scores = np.stack([level, level**2])
    shares = counts / np.maximum(np.repeat(np.add.reduceat(counts, starts[:-1]), sizes), 1.0)
    means = np.stack([np.repeat(np.add.reduceat(shares * each, starts[:-1]), sizes) for each in scores])
    return np.asarray(scores - means)


def _lengths(blocks: IntArray) -> int:
    return int((blocks >= _LEAST_BLOCKS).sum())


def _normal_quantile(tail: float) -> float:
    from scipy.special import ndtri

    return float(-ndtri(tail))
