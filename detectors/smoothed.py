"""Bets on smoothed ranks: what each pays one event, so that given the ranks before it pays one on average."""

from __future__ import annotations

import numpy as np

from .layout import Layout
from .payoffs import ODDS, SCALES, SHARES, OrderedBets
from .ranks import RankTable
from .stakes import BetRules, Stakes
from .types import BoolArray, FloatArray, IntArray

__all__ = ["SmoothedStakes"]


class SmoothedStakes(Stakes):
    r"""The bets of `Stakes`, each a fixed density on (0, 1), paid at an event's smoothed rank.

    The bins of a view are put in an order. An event of bin b among :math:`N` exchangeable ones, itself included, has
    the rank

    .. math:: u = \frac{\#\{\text{bins before } b\} + U \, \#\{b\}}{N}, \qquad U \text{ uniform on } (0, 1).

    As the events are exchangeable, the ranks of a view are independent and uniform, ties and all (Vovk's smoothed
    conformal p-values). So a bet whose density does not depend on what is counted pays one on average **given all ranks
    before**, and :math:`M_t - t` is a martingale. The densities are those on ranks, and steps on the intervals that the
    bins had in the half of the reference on which the views were fitted, and which is not counted.

    Parameters
    ----------
    layout, rules
        As for `Stakes`; shares that views tolerate are not known here.
    first
        (width,): counts of the half of the reference on which the views were fitted.

    Examples
    --------
    >>> layout = Layout(("x",), 6, (), (), (), ("single",))
    >>> stakes = SmoothedStakes(layout, BetRules(), np.array([250, 250, 250, 250, 0, 0]))
    >>> growth = stakes.paid(np.array([[250, 250, 250, 251, 0, 0]]), np.array([[0, 0, 0, 1, 0, 0]]), np.array([.5]))
    >>> growth.shape, bool(growth[0, 7] > growth[0, 0])
    ((1, 18), True)

    References
    ----------
    Vovk, Gammerman & Shafer, *Algorithmic Learning in a Random World*, 2nd ed., ch. 2 and 8.
    """

    def __init__(self, layout: Layout, rules: BetRules, first: IntArray) -> None:
        super().__init__(layout, rules)
        self._table = RankTable(OrderedBets(rules.tolerance).locations, SCALES)
        step, pair = layout.step_start, layout.pair_start
        ordered = first[:step].reshape(-1, layout.bins).astype(float)
        n = np.maximum(ordered.sum(axis=1), 1.0)
        outside, missing = (np.minimum(np.maximum(ordered[:, at], 1.0) / n, 0.5) for at in (-2, -1))
        self._outside, self._missing = outside / 2, missing
        stepped = first[step:pair].reshape(len(layout.stepped), layout.step_bins)
        real = np.arange(layout.step_bins) < np.array(layout.categories, dtype=np.int64)[:, None]
        shares = np.where(real, np.maximum(stepped, 1), 0).astype(float)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
        self._order = _pyramid(shares)
        ends = np.cumsum(np.take_along_axis(shares, self._order, axis=1), axis=1)
        back = np.argsort(self._order, axis=1)
        self._high = np.take_along_axis(ends, back, axis=1)
        self._low = self._high - shares
        same = first[pair:].reshape(-1, 2).astype(float)
        self._same = (same[:, 0] + 1) / (same.sum(axis=1) + 2)

    def paid(self, pooled: IntArray, counts: IntArray, uniform: FloatArray) -> FloatArray:
        """Log-growth of all bets over single events: (events, bets).

        Parameters
        ----------
        pooled
            (events, width): all counts so far, each event included in its own.
        counts
            (events, width): at most one event in each view.
        uniform
            (events,): U of each, independent of all that is counted.
        """
        layout, events = self._layout, len(counts)
        step, pair = layout.step_start, layout.pair_start
        total, seen, u = pooled.astype(float), counts.astype(float), uniform[:, None]
        ordered, pairs = (events, -1, layout.bins), (events, -1, 2)
        parts = [self._ordered_paid(total[:, :step].reshape(ordered), seen[:, :step].reshape(ordered), u)]
        if layout.stepped:
            stepped = (events, -1, layout.step_bins)
            middle = slice(step, pair)
            parts.append(self._stepped_paid(total[:, middle].reshape(stepped), seen[:, middle].reshape(stepped), u))
        parts.append(self._pairs_paid(total[:, pair:].reshape(pairs), seen[:, pair:].reshape(pairs), u))
        growth = np.concatenate([part.reshape(events, -1) for part in parts], axis=1)
        return growth if self._power is None else growth * self._power

    def _ordered_paid(self, pooled: FloatArray, seen: FloatArray, u: FloatArray) -> FloatArray:
        out = seen[..., -2] > 0
        # what is outside lies on either side: half of its ranks are at either end
        left = seen[..., -2] * (u < 0.5)
        sides = pooled[..., -2:-1] / 2
        cells = np.concatenate([pooled[..., -1:], sides, pooled[..., :-2], sides], axis=-1)
        where = [seen[..., -1], left, *np.moveaxis(seen[..., :-2], -1, 0), seen[..., -2] - left]
        rank = _rank(cells, np.stack(where, axis=-1), np.where(out, 2 * u % 1, u))
        within = np.clip((rank - self._missing) / (1 - self._missing), 0.0, 1.0)
        density = np.log(self._table.density(within))
        ranked = np.where((rank < self._missing)[..., None], 0.0, density)
        high = self._missing + self._outside
        steps = np.stack(
            [
                _steps(((rank >= self._missing) & (rank < high)) | (rank >= 1 - self._outside), 2 * self._outside),
                _steps(rank < self._missing, self._missing),
            ],
            axis=-2,
        )
        paid = np.concatenate([ranked, steps.reshape(*rank.shape, -1)], axis=-1)
        return paid * _any(seen)

    def _stepped_paid(self, pooled: FloatArray, seen: FloatArray, u: FloatArray) -> FloatArray:
        order = np.broadcast_to(self._order, seen.shape)
        cells, where = np.take_along_axis(pooled, order, axis=-1), np.take_along_axis(seen, order, axis=-1)
        rank = _rank(cells, where, u)[..., None]
        paid = _steps((rank >= self._low) & (rank < self._high), self._high - self._low)
        stepped: FloatArray = paid * _any(seen)[..., None]
        return stepped

    def _pairs_paid(self, pooled: FloatArray, seen: FloatArray, u: FloatArray) -> FloatArray:
        rank, odds = _rank(pooled, seen, u), np.array(ODDS)
        inside = (rank < self._same)[..., None]
        paid = np.where(inside, np.log(odds), 0.0) - np.log1p(self._same[:, None] * (odds - 1))
        odds_paid: FloatArray = paid * _any(seen)
        return odds_paid


def _any(seen: FloatArray) -> FloatArray:
    """1 where a view has an event, else 0: (events, views, 1)."""
    return np.asarray(seen.sum(axis=-1, keepdims=True))


def _rank(cells: FloatArray, seen: FloatArray, u: FloatArray) -> FloatArray:
    """Smoothed rank among the cells in their order, (events, views); 0 where there is no event."""
    before = np.cumsum(cells, axis=-1) - cells
    place = (seen * before).sum(axis=-1) + u * (seen * cells).sum(axis=-1)
    # below one, that the last interval holds it
    rank: FloatArray = np.minimum(place / np.maximum(cells.sum(axis=-1), 1.0), np.nextafter(1.0, 0.0))
    return rank


def _steps(inside: BoolArray, share: FloatArray) -> FloatArray:
    """Log-payoff of the step bets on intervals of some share: (..., shares of the bets)."""
    bets = np.array(SHARES)
    # padding has no share, and its bets no stake
    gain = np.log1p(-bets) + np.log1p(bets / (1 - bets) / np.maximum(share, 1e-12)[..., None])
    paid: FloatArray = np.where(inside[..., None], gain, np.log1p(-bets))
    return paid


def _pyramid(shares: FloatArray) -> IntArray:
    """(views, bins): an order with rare bins at both ends, where an interval's place is known best."""
    rising = np.argsort(shares, axis=1, kind="stable")
    return np.concatenate([rising[:, ::2], rising[:, 1::2][:, ::-1]], axis=1)
