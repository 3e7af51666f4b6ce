r"""The Shiryaev-Roberts recursion, in logarithms, and the counts since the change that it estimates.

.. math:: M_t = (M_{t-1} + w_t) \, G_t

:math:`G_t` is the factor by which a bet that began before the batch grew in it, :math:`w_t` what the promise counts:
days since the last batch, or its events. If :math:`E[G_t] \le 1` given all that came before, :math:`M_t - \sum w` does
not rise on average, and an alarm at :math:`M \ge A` comes no sooner than after A days (or events) on average. If only
products of consecutive :math:`G` have means of at most one, :math:`E[M_t] \le \sum w` still holds at each moment.

References
----------
Shin, Ramdas & Rinaldo, "E-detectors", New England Journal of Statistics in Data Science, 2023; Pollak, "Optimal
detection of a change in distribution", Annals of Statistics, 1985.
"""

from __future__ import annotations

import numpy as np

from .types import FloatArray, IntArray

__all__ = ["GRAIN", "LOG_ODDS_SURE", "high_line", "log_means", "retained"]

GRAIN = 8.0
"""Parts of a unit of log-evidence that a snapshot tells apart; an alarm needs some 10 units."""

LOG_ODDS_SURE = float(np.log(20.0))
"""Twenty to one, as a logarithm: what counts as sure where nobody is woken."""


def high_line(log_level: float, waited: FloatArray) -> FloatArray:
    r"""Where the evidence of a view with an open episode, begun anew, is high: log of :math:`\max(\sqrt A, 20 \sum w)`.

    Unchanged :math:`E[M_t] = \sum w`, so in time M passes every fixed line without a change, and M over :math:`\sum w`
    is an e-value. Against a level in days :math:`\sqrt A` counts for hours; against one in events the other does soon.

    Parameters
    ----------
    log_level
        log A, in the unit of the promise.
    waited
        (views,): what the clock counted since the evidence began.

    Examples
    --------
    >>> np.exp(high_line(np.log(1e6), np.array([10.0, 5000.0]))).round().tolist()
    [1000.0, 100000.0]
    """
    with np.errstate(divide="ignore"):  # just begun
        return np.maximum(log_level / 2, np.log(waited) + LOG_ODDS_SURE)


def log_means(log_m: FloatArray, starts: IntArray, log_share: FloatArray) -> FloatArray:
    """Logarithm of each view's weighted mean over its bets: (..., views).

    Parameters
    ----------
    log_m
        (..., bets), the bets of a view side by side.
    starts
        (views,): where each view's bets begin.
    log_share
        (bets,): logarithm of each bet's share of its view; minus infinity for padding.

    Examples
    --------
    >>> log_means(np.log([2.0, 4.0, 5.0]), np.array([0, 2]), np.log([.5, .5, 1])).round(4).tolist()
    [1.0986, 1.6094]
    """
    shares = log_m + log_share
    top = np.maximum.reduceat(shares, starts, axis=-1)
    top = np.where(np.isfinite(top), top, 0.0)
    sizes = np.diff(np.append(starts, shares.shape[-1]))
    shares -= np.repeat(top, sizes, axis=-1)
    with np.errstate(divide="ignore"):  # a view without any stake yet: log 0
        means: FloatArray = top + np.log(np.add.reduceat(np.exp(shares), starts, axis=-1))
    return means


def retained(log_m_before: FloatArray, log_w: FloatArray | float) -> FloatArray:
    r"""Share of the likelihood that belongs to changes before this batch, :math:`\rho = M / (M + w)`.

    M sums, over all moments at which the change may have come, the likelihood of it; so a sum of counts with the
    recursion ``since = rho * since + counts`` is the mean, over those moments and weighted by their likelihood, of the
    counts since the change. It needs one vector, however long ago the change was.

    Examples
    --------
    >>> retained(np.log(np.array([99.0, 0.25])), np.log(1.0)).tolist()
    [0.99, 0.2]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        share = 1.0 / (1.0 + np.exp(log_w - log_m_before))
    return np.where(log_m_before == -np.inf, 0.0, np.where(log_w == -np.inf, 1.0, share))
