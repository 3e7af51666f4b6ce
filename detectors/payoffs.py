r"""Bets that the counts have changed, and what each pays per bin.

A bet is a density :math:`e_k` on ranks in (0, 1). Over the interval of ranks ``(lo, hi)`` that a bin stands for it pays
its mean there,

.. math:: \frac{E_k(hi) - E_k(lo)}{hi - lo},

with :math:`E_k` its distribution function. The shares of the bins are those of the pooled counts, the batch included,
so under the pooled counts every bet pays one on average: it can't gain unless something changed.

References
----------
Vovk, Gammerman & Shafer, *Algorithmic Learning in a Random World*, 2nd ed., ch. 8 (betting against exchangeability);
Shin, Ramdas & Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", 2023.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from .ranks import RankTable
from .types import FloatArray

__all__ = ["LOCATIONS", "ODDS", "SCALES", "SHARES", "Bets", "OrderedBets", "PairBets", "StepBets", "step_growth"]

LOCATIONS = (-1.0, -0.5, -0.25, -0.125, 0.125, 0.25, 0.5, 1.0)
"""Shifts of the normal score; the smallest bounds how slow a drift can be seen, and is the tolerance."""
SCALES = (0.5, 0.75, 1.35, 2.0)
"""Factors on the normal score."""
SHARES = (0.003, 0.01, 0.05)
"""Shares of events that a step bet puts on one bin."""
ODDS = (0.25, 0.5, 2.0, 4.0)
"""Factors on the odds that a pair is concordant."""

_SPECIALS = 2  # outside and missing, the last two bins of an ordered view
_MISSING = -1


class Bets(Protocol):
    """Bets on the bins of one kind of view."""

    @property
    def size(self) -> int:
        """Bets a view."""
        ...

    def growth(self, pooled: FloatArray, counts: FloatArray) -> FloatArray:
        """Log-growth of each bet over a batch: (batches, views, bets) from counts (batches, views, bins)."""
        ...


def step_growth(pooled: FloatArray, counts: FloatArray, pooled_n: FloatArray, n: FloatArray) -> FloatArray:
    """Log-growth of the step bets on each bin, (..., bins, shares): λ/p + (1 − λ) on the bin, 1 − λ beside it."""
    shares = np.array(SHARES)
    # an empty bin has no events to be paid for: any odds will do there
    odds = pooled_n[..., None] / np.maximum(pooled, 1.0)
    gain = np.log1p(odds[..., None] * (shares / (1 - shares)))
    growth: FloatArray = n[..., None, None] * np.log1p(-shares) + counts[..., None] * gain
    return growth


class OrderedBets:
    """Location and scale bets on ranks among the ordinary bins, step bets on the special ones.

    The last two bins are special. What is *outside* the reference may be on either side of it: half of its ranks are at
    either end, and a bet pays what it has at both. That is where a greater spread shows first. *Missing* has no rank:
    location and scale bets pay one there.

    Parameters
    ----------
    tolerance
        Smallest shift, in standard deviations of the reference, that is worth a bet.

    Examples
    --------
    >>> bets = OrderedBets()
    >>> pooled = np.array([[[250.0, 250, 250, 250, 0, 0]]])
    >>> growth = bets.growth(pooled, np.array([[[0.0, 0, 5, 45, 0, 0]]]))
    >>> growth.shape, bool(growth[0, 0, 7] > growth[0, 0, 0])
    ((1, 1, 18), True)
    """

    def __init__(self, tolerance: float = min(map(abs, LOCATIONS))) -> None:
        self.locations = tuple(each for each in LOCATIONS if abs(each) >= tolerance) or (-tolerance, tolerance)
        """Shifts that are bet on, in order; the scales come after them, then the steps."""
        self._table = RankTable(self.locations, SCALES)

    @property
    def ranked(self) -> int:
        """Bets on ranks; they come first."""
        return len(self.locations) + len(SCALES)

    @property
    def size(self) -> int:
        """Bets a view."""
        return self.ranked + _SPECIALS * len(SHARES)

    def growth(self, pooled: FloatArray, counts: FloatArray) -> FloatArray:
        """Log-growth of each bet over a batch: (batches, views, bets).

        Parameters
        ----------
        pooled
            (batches, views, bins): all counts so far, each batch included in its own.
        counts
            (batches, views, bins): the batch.
        """
        ranked = self._table.growth(pooled[..., :_MISSING], counts[..., :_MISSING], tails=True)
        steps = step_growth(pooled[..., -_SPECIALS:], counts[..., -_SPECIALS:], pooled.sum(-1), counts.sum(-1))
        return np.concatenate([ranked, steps.reshape(*steps.shape[:-2], -1)], axis=-1)


class StepBets:
    """For categories: a share of the events on each bin in turn.

    Examples
    --------
    >>> growth = StepBets(3).growth(np.array([[[900.0, 90, 10]]]), np.array([[[80.0, 10, 10]]]))
    >>> growth.shape, round(float(growth[0, 0, 8]), 1)
    ((1, 1, 9), 13.2)
    """

    def __init__(self, bins: int) -> None:
        self._bins = bins

    @property
    def size(self) -> int:
        """Bets a view."""
        return self._bins * len(SHARES)

    def growth(self, pooled: FloatArray, counts: FloatArray) -> FloatArray:
        """Log-growth of each bet over a batch: (batches, views, bets)."""
        growth = step_growth(pooled, counts, pooled.sum(-1), counts.sum(-1))
        return growth.reshape(*growth.shape[:-2], -1)


class PairBets:
    """For concordance: the odds of "same side" times a factor.

    Examples
    --------
    >>> growth = PairBets().growth(np.array([[[500.0, 500]]]), np.array([[[70.0, 30]]]))
    >>> growth.shape, bool(growth[0, 0, 2] > 0 > growth[0, 0, 1])
    ((1, 1, 4), True)
    """

    size = len(ODDS)

    def growth(self, pooled: FloatArray, counts: FloatArray) -> FloatArray:
        """Log-growth of each bet over a batch: (batches, pairs, bets)."""
        agreed, n = counts[..., 0], counts[..., 0] + counts[..., 1]
        same = pooled[..., 0] / np.maximum(pooled[..., 0] + pooled[..., 1], 1.0)
        growth = np.empty((*same.shape, len(ODDS)))
        for bet, (odds, log_odds) in enumerate(zip(ODDS, np.log(ODDS), strict=True)):
            growth[..., bet] = agreed * log_odds - n * np.log1p(same * (odds - 1))
        return growth
