"""Which bets are on which view: their shares, the drift that they are set against, and how they are tempered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .layout import Layout
from .payoffs import Bets, OrderedBets, PairBets, StepBets
from .tolerance import Tolerance
from .types import FloatArray, IntArray

__all__ = ["SMALLEST_SHIFT", "BetRules", "Stakes"]

SMALLEST_SHIFT = 0.125
"""Shift, in standard deviations, below which no bet is worth while: it drowns in a growing reference."""
_ON_SPECIALS = 0.1
"""Share of an ordered view's stake that is on its special bins. A bet there wins fast when it wins, so a small share
delays it by few events; what the bets on ranks lack delays all changes of a shift or a spread."""


@dataclass(frozen=True, slots=True)
class BetRules:
    """How the bets are set up.

    Attributes
    ----------
    tolerance
        Smallest shift, in standard deviations, that is worth a bet on an ordered view.
    shares
        By the name of a view, the share of its events that may move: not worth waking anyone.
    temper
        (views,): what the logarithm of each view's payoffs is divided by; None for 1.
    """

    tolerance: float = SMALLEST_SHIFT
    shares: Mapping[str, float] = field(default_factory=dict)
    temper: FloatArray | None = None


class Stakes:
    r"""All bets of all views, side by side, and what they pay.

    Where a view tolerates drift, its bets are set against the drift that is kindest to them (`tolerance.py`).

    Tempered, a view's payoffs are taken to the power 1/v. For Gaussian rows with long-run variance v a location bet
    then pays one on average again; for all else it is a heuristic, which is measured and not proven.

    Parameters
    ----------
    layout
        The views.
    rules
        Tolerances and temper.

    Examples
    --------
    >>> layout = Layout(("x",), 6, (), (), (), ("single",))
    >>> stakes = Stakes(layout)
    >>> growth = stakes.growth(np.array([[250, 250, 250, 250, 0, 0]]), np.array([[0, 0, 5, 45, 0, 0]]))
    >>> growth.shape, bool(growth[0, 7] > growth[0, 0])
    ((1, 18), True)
    """

    def __init__(self, layout: Layout, rules: BetRules | None = None) -> None:
        rules = rules or BetRules()
        self._layout = layout
        self._ordered = ordered = OrderedBets(rules.tolerance)
        self._bets: tuple[Bets, ...] = (ordered, StepBets(layout.step_bins), PairBets())
        counts = (len(layout.ordered), len(layout.stepped), len(layout.pairs))
        sizes = np.repeat([bets.size for bets in self._bets], counts)
        self.starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self.view = np.repeat(np.arange(len(sizes)), sizes)
        self.log_share = self._shares(sizes)
        self._tolerance = Tolerance(layout, rules.shares, ordered) if rules.shares else None
        temper = np.ones(len(sizes)) if rules.temper is None else np.maximum(rules.temper, 1.0)
        self._power = None if (temper == 1.0).all() else 1.0 / temper[self.view]

    def growth(self, pooled: IntArray, counts: IntArray) -> FloatArray:
        """Log-growth of all bets: (batches, bets).

        Parameters
        ----------
        pooled
            (batches, width): all counts so far, each batch included in its own.
        counts
            (batches, width): the batches.
        """
        layout = self._layout
        ends = (0, layout.step_start, layout.pair_start, layout.width)
        shapes = ((len(layout.ordered), layout.bins), (len(layout.stepped), layout.step_bins), (len(layout.pairs), 2))
        parts = []
        for bets, start, end, shape in zip(self._bets, ends, ends[1:], shapes, strict=False):
            if end > start:
                total, seen = (each[:, start:end].astype(float).reshape(-1, *shape) for each in (pooled, counts))
                parts.append(bets.growth(total, seen).reshape(len(counts), -1))
        growth = np.concatenate(parts, axis=1)
        if self._tolerance is not None:
            self._tolerance.apply(growth, pooled, counts, self.starts)
        return growth if self._power is None else growth * self._power

    def _shares(self, sizes: IntArray) -> FloatArray:
        """Logarithm of each bet's share of its view; padding of the stepped views has none."""
        real = np.ones(len(self.view), dtype=bool)
        first = len(self._layout.ordered)
        per_bin = self._bets[1].size // max(self._layout.step_bins, 1)
        for view, categories in enumerate(self._layout.categories, first):
            real[self.starts[view] + categories * per_bin : self.starts[view] + sizes[view]] = False
        stake = real.astype(float)
        if first:
            ordered = self._ordered
            each = np.ones(ordered.size)
            special = ordered.size - ordered.ranked
            each[ordered.ranked :] = _ON_SPECIALS / (1 - _ON_SPECIALS) * ordered.ranked / special
            stake[: first * ordered.size] = np.tile(each, first)
        bets = np.add.reduceat(stake, self.starts) if len(stake) else np.empty(0)
        with np.errstate(divide="ignore"):  # log 0 is what padding weighs
            return np.log(stake / bets[self.view]) if len(stake) else np.empty(0)
