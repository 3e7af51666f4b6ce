"""Distribution functions of the rank bets, tabulated so that a batch costs two look-ups a bin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .types import BoolArray, FloatArray, IntArray

__all__ = ["RankTable"]

_CELLS_AN_OCTAVE_LOG2 = 5
_OCTAVES = 40
_CELLS = _OCTAVES << _CELLS_AN_OCTAVE_LOG2
_SHIFT = 52 - _CELLS_AN_OCTAVE_LOG2
_LEAST = 1e-300
_BINS_AT_ONCE = 16_384
"""Bins of all rows that are looked up together: about what stays in a core's cache."""


class RankTable:
    r"""Normal-score bets: :math:`E_\delta(u) = \Phi(\Phi^{-1}(u) - \delta)`, :math:`E_s(u) = \Phi(\Phi^{-1}(u) / s)`.

    A piecewise linear :math:`E` on a grid that is finer the nearer it comes to 0 or 1 (32 cells an octave, 40 octaves).
    The density between grid points is constant: a bet as good as the one it stands for, and it integrates to one
    exactly. Above rank 1/2 complements are tabulated, 1 - E in terms of 1 - u, where a plain difference cancels.

    Parameters
    ----------
    locations, scales
        The bets, in this order.

    Examples
    --------
    >>> table = RankTable([.5], [2.0])
    >>> pooled = np.tile([10.0, 20, 30, 40], (4, 1))
    >>> payoff = np.exp(table.growth(pooled, np.eye(4)))
    >>> np.round(np.array([.1, .2, .3, .4]) @ payoff, 12).tolist()
    [1.0, 1.0]
    """

    def __init__(self, locations: Sequence[float], scales: Sequence[float]) -> None:
        from scipy.special import ndtr, ndtri

        grid = _grid()
        z = ndtri(grid)[:, None]
        shift, factor = np.array(locations), np.array(scales)
        # 1 - E(u) of a shift is E(1 - u) of the opposite shift; a scale is its own mirror image
        lower = np.concatenate([ndtr(z - shift), ndtr(z / factor)], axis=1)
        upper = -np.concatenate([ndtr(z + shift), ndtr(z / factor)], axis=1)
        base, slope = zip(_lines(grid, lower), _lines(grid, upper), strict=True)
        # a row a bet: one bet at a time over all bins stays in the cache
        self._base = np.ascontiguousarray(np.concatenate(base).T)
        self._slope = np.ascontiguousarray(np.concatenate(slope).T)

    def growth(self, pooled: FloatArray, counts: FloatArray, *, tails: bool = False) -> FloatArray:
        """Log-growth of each bet, `counts @ log_payoff`: (..., bets).

        Parameters
        ----------
        pooled
            (..., bins): all counts so far, those of the batch among them, bins in the order of their values.
        counts
            (..., bins): those of the batch.
        tails
            Whether the last bin holds what lies beyond the others on either side: it has half of its share of the
            ranks at either end, and is paid what a bet has at both.
        """
        if tails:
            half, nothing = pooled[..., -1:] / 2, np.zeros_like(counts[..., :1])
            pooled = np.concatenate([half, pooled[..., :-1], half], axis=-1)
            counts = np.concatenate([nothing, counts], axis=-1)
        bins = pooled.shape[-1]
        pooled_rows, rows = pooled.reshape(-1, bins), counts.reshape(-1, bins)
        growth = np.empty((len(rows), len(self._base)))
        at_once = max(_BINS_AT_ONCE // bins, 1)
        for start in range(0, len(rows), at_once):
            part = slice(start, start + at_once)
            self._grow(pooled_rows[part], rows[part], growth[part], tails=tails)
        return growth.reshape(*pooled.shape[:-1], -1)

    def density(self, ranks: FloatArray) -> FloatArray:
        """Density of each bet at some ranks in [0, 1]: (..., bets)."""
        upper = ranks > 0.5
        at = _cell(np.where(upper, 1.0 - ranks, ranks)) + upper * _CELLS
        density: FloatArray = np.moveaxis(np.abs(self._slope.take(at, axis=1)), 0, -1)
        return np.maximum(density, _LEAST)

    def _grow(self, pooled: FloatArray, counts: FloatArray, out: FloatArray, *, tails: bool) -> None:
        """Log-growth of each bet, (rows, bets), of as many rows as the cache holds."""
        total = np.maximum(pooled.sum(axis=-1, keepdims=True), 1.0)
        below = np.cumsum(pooled, axis=-1)
        above = total - below
        v = np.minimum(below, above) / total
        upper = below > above
        upper[:, -1] = True
        at = _cell(v) + upper * _CELLS
        # an empty bin pays no event: its mass must only not poison the sum
        crosses, least = _crosses(upper), np.full_like(v, _LEAST)
        mass = np.empty(v.shape)
        for bet, (base, slope) in enumerate(zip(self._base, self._slope, strict=True)):
            # at a bin's upper end: E below rank 1/2, E - 1 above; 0 at the last, where the next row begins as well
            ends = slope.take(at)
            ends *= v
            ends += base.take(at)
            mass[0, 0] = ends[0, 0]
            np.subtract(ends.ravel()[1:], ends.ravel()[:-1], out=mass.ravel()[1:])
            mass += crosses
            if tails:
                mass[:, -1] += mass[:, 0]
            np.log(np.maximum(mass, least, out=mass), out=mass)
            out[:, bet] = np.einsum("rb,rb->r", counts, mass)
        share = np.maximum(pooled / total, least)
        if tails:
            share[:, -1] *= 2
        out -= np.einsum("rb,rb->r", counts, np.log(share))[:, None]


def _grid() -> FloatArray:
    """Grid points in (0, 1/2], (cells + 1,); the first cell begins at 0."""
    steps = 1 << _CELLS_AN_OCTAVE_LOG2
    octave = 0.5 * 2.0 ** np.arange(-_OCTAVES, 0)[:, None] * (1 + np.arange(steps) / steps)
    points = np.append(octave.ravel(), 0.5)
    points[0] = 0.0
    return points


def _cell(v: FloatArray) -> IntArray:
    """Index of the cell that holds `v`, from the bits of the double: exponent and leading mantissa."""
    first = np.array(0.5 * 2.0**-_OCTAVES).view(np.int64) >> _SHIFT
    return np.clip((np.ascontiguousarray(v).view(np.int64) >> _SHIFT) - first, 0, _CELLS - 1)


def _lines(grid: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Intercept and slope of the line in each cell."""
    slope = np.diff(values, axis=0) / np.diff(grid)[:, None]
    return values[:-1] - slope * grid[:-1, None], slope


def _crosses(upper: BoolArray) -> FloatArray:
    """1 for the bin that holds rank 1/2: its mass is E - 0 below plus 1 - E above, signed ends lack the 1."""
    crosses = upper.copy()
    crosses[:, 1:] &= ~upper[:, :-1]
    return crosses.astype(np.float64)
