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

    def growth(self, pooled: FloatArray, counts: FloatArray) -> FloatArray:
        """Log-growth of each bet, `counts @ log_payoff`: (..., bets).

        Parameters
        ----------
        pooled
            (..., bins): all counts so far, those of the batch among them, bins in the order of their values.
        counts
            (..., bins): those of the batch.
        """
        total = np.maximum(pooled.sum(axis=-1, keepdims=True), 1.0)
        below = np.cumsum(pooled, axis=-1)[..., :-1]
        above = total - below
        v = np.minimum(below, above) / total
        upper = below > above
        at = _cell(v) + upper * _CELLS
        crosses = _crosses(upper)
        halves = np.zeros((*pooled.shape[:-1], pooled.shape[-1] + 1))
        inner = halves[..., 1:-1]
        growth = np.empty((*pooled.shape[:-1], len(self._base)))
        for bet, (base, slope) in enumerate(zip(self._base, self._slope, strict=True)):
            np.multiply(slope.take(at), v, out=inner)
            inner += base.take(at)
            mass = np.diff(halves, axis=-1)
            mass += crosses
            # an empty bin pays no event: its mass must only not poison the sum
            np.log(np.maximum(mass, _LEAST, out=mass), out=mass)
            growth[..., bet] = np.einsum("...b,...b", counts, mass)
        share = np.where(pooled == 0, 1.0, pooled / total)
        growth -= np.einsum("...b,...b", counts, np.log(share))[..., None]
        return growth


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
    """1 for the bin that holds rank 1/2: its mass is E - 0 below plus 1 - E above, signed halves lack the 1."""
    crosses = np.ones((*upper.shape[:-1], upper.shape[-1] + 1), dtype=bool)
    crosses[..., :-1] = upper
    crosses[..., 1:] &= ~upper
    return crosses.astype(np.float64)
