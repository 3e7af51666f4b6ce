r"""Drift that is not worth waking anyone: bets are set against it, instead of against no drift at all.

A view tolerates that a share t of its events moves over any line. For an ordered view that is a shift of the normal
scores by :math:`\mu_0 = 2 \Phi^{-1}((1 + t) / 2)`. Under the drift that is kindest to it a bet still pays one at most:

- a shift by :math:`\delta` pays a fee of :math:`|\delta| \mu_0` an event, for
  :math:`E_{\mu} e^{\delta z - \delta^2/2} = e^{\delta \mu}`;
- a scale :math:`s > 1` one of :math:`\mu_0^2 (s^2 - 1) / 2`, for its mean payoff under a shift is the power of that;
- a step bet on a bin of share p is paid as if it had p + t;
- odds on a pair that is concordant in a share s are paid as if it were s + t or s - t, whichever is worse for the bet.

For steps and pairs this holds for every drift that is tolerated, for shifts and scales if it is one of the normal
scores; beside a reference that is large against the batch, as all that is said of a fixed null.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .layout import Layout
from .payoffs import ODDS, SCALES, SHARES, OrderedBets, step_growth
from .types import FloatArray, IntArray

__all__ = ["Tolerance", "share_of_shift", "shift_of_share"]

_SPECIALS = 2
_MISSING = -1


def share_of_shift(sigmas: float) -> float:
    r"""Share of events that a shift carries over the line that it changes most, :math:`2 \Phi(\delta / 2) - 1`.

    Examples
    --------
    >>> [round(share_of_shift(sigmas), 3) for sigmas in (.125, .25, .5, 1.0)]
    [0.05, 0.099, 0.197, 0.383]
    """
    from scipy.special import ndtr

    return float(2 * ndtr(sigmas / 2) - 1)


def shift_of_share(share: float) -> float:
    """The shift that moves so many events.

    Examples
    --------
    >>> round(shift_of_share(share_of_shift(.25)), 6)
    0.25
    """
    from scipy.special import ndtri

    return float(2 * ndtri((1 + share) / 2))


class Tolerance:
    """What the bets of some views lose because drift up to a share is tolerated there.

    Parameters
    ----------
    layout
        All views.
    shares
        By the name of a view, the share that may move.
    ordered
        The bets on ordered views.

    Examples
    --------
    >>> layout = Layout(("x",), 6, (), (), (), ("single",))
    >>> tolerance = Tolerance(layout, {"x": .1}, OrderedBets())
    >>> growth, pooled = np.zeros((1, 18)), np.array([[250, 250, 250, 250, 0, 0]])
    >>> tolerance.apply(growth, pooled, np.array([[0, 0, 1, 0, 0, 0]]), np.array([0]))
    >>> growth[0, :8].round(3).tolist()
    [-0.251, -0.126, -0.063, -0.031, -0.031, -0.063, -0.126, -0.251]
    """

    def __init__(self, layout: Layout, shares: Mapping[str, float], ordered: OrderedBets) -> None:
        self._bins = layout.starts()
        self._kinds = (len(layout.ordered), len(layout.ordered) + len(layout.stepped))
        self._shares = {view: shares[name] for view, name in enumerate(layout.names) if name in shares}
        shifts, scales = np.abs(np.array(ordered.locations)), np.array(SCALES)
        self._fees = {
            view: np.concatenate([shifts * mu, mu**2 * np.maximum(scales**2 - 1, 0.0) / 2])
            for view, share in self._shares.items()
            if view < self._kinds[0] and (mu := shift_of_share(share))
        }

    def apply(self, growth: FloatArray, pooled: IntArray, counts: IntArray, starts: IntArray) -> None:
        """Correct the log-growth of the tolerant views in place: (batches, bets); `starts` of each view's bets."""
        for view, share in self._shares.items():
            bins = slice(self._bins[view], self._bins[view + 1])
            own, seen = pooled[:, bins].astype(float), counts[:, bins].astype(float)
            at = int(starts[view])
            if view < self._kinds[0]:
                fees = self._fees[view]
                ranked = seen[:, :_MISSING].sum(axis=1)
                growth[:, at : at + len(fees)] -= ranked[:, None] * fees
                at += len(fees)
                steps = _tolerant_steps(own, seen, share)[:, -_SPECIALS:]
                growth[:, at : at + _SPECIALS * len(SHARES)] = steps.reshape(len(steps), -1)
            elif view < self._kinds[1]:
                steps = _tolerant_steps(own, seen, share)
                growth[:, at : at + steps[0].size] = steps.reshape(len(steps), -1)
            else:
                growth[:, at : at + len(ODDS)] = _tolerant_odds(own, seen, share)


def _tolerant_steps(pooled: FloatArray, counts: FloatArray, share: float) -> FloatArray:
    """(batches, bins, shares): step bets on bins that may have so much more than they had."""
    n = pooled.sum(axis=1)
    return step_growth(pooled + share * n[:, None], counts, n, counts.sum(axis=1))


def _tolerant_odds(pooled: FloatArray, counts: FloatArray, share: float) -> FloatArray:
    """(batches, odds): bets on the odds of a pair whose concordance may have moved so far."""
    odds = np.array(ODDS)
    same = (pooled[:, 0] / np.maximum(pooled.sum(axis=1), 1.0))[:, None]
    worst = np.clip(np.where(odds > 1, same + share, same - share), 0.0, 1.0)
    return np.asarray(counts[:, :1] * np.log(odds) - counts.sum(axis=1)[:, None] * np.log1p(worst * (odds - 1)))
