"""Error by confidence rank, smoothed: a two-parameter logistic over the rank cells, and the threshold it bears out."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from .types import RANK_CELLS, FloatArray

__all__ = ["NORMAL_SCORES", "NOTHING_PASSES", "RankLogistic", "fit_logistic", "least_threshold"]

NORMAL_SCORES: FloatArray = np.array([NormalDist().inv_cdf((c + 0.5) / RANK_CELLS) for c in range(RANK_CELLS)])
"""Middle of each rank cell as a normal quantile: where confidence is a squashed bell, log-odds are a line in it."""

NOTHING_PASSES = 1.03
"""A threshold above every rank, one tracking step away from letting the surest pass."""

_NEWTON_STEPS = 15
_LONGEST_STEP = 2.0
_MOST_LOG_ODDS = 30.0


@dataclass(frozen=True, slots=True)
class RankLogistic:
    """`log odds(wrong | cell) = intercept + slope * NORMAL_SCORES[cell]`.

    Attributes
    ----------
    intercept, slope
        In log-odds. A useful confidence has a negative slope.
    covariance
        Of the two, as (variance of the intercept, covariance, variance of the slope).
    """

    intercept: float
    slope: float
    covariance: tuple[float, float, float]

    def log_odds(self) -> FloatArray:
        """Log-odds of a wrong answer, (rank cells,)."""
        return np.clip(self.intercept + self.slope * NORMAL_SCORES, -_MOST_LOG_ODDS, _MOST_LOG_ODDS)

    def errors(self) -> FloatArray:
        """Give the standard error of the log-odds, (rank cells,)."""
        level, both, tilt = self.covariance
        return np.asarray(np.sqrt(level + 2 * both * NORMAL_SCORES + tilt * NORMAL_SCORES**2))

    def rates(self) -> FloatArray:
        """Probability of a wrong answer, (rank cells,)."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds())))


def fit_logistic(counts: FloatArray, prior: RankLogistic | None = None, looseness: float = 2.0) -> RankLogistic:
    """Maximum a posteriori logistic by a fixed number of Newton steps, so that replays agree to the bit.

    The prior is normal, independent, with standard deviation `looseness` in both parameters, around `prior` or, without
    one, around the pooled error rate with slope -1/2: it decides where there are no errors, and soon gives way.

    Parameters
    ----------
    counts
        (rank cells, 2): right and wrong, need not be whole numbers.

    Examples
    --------
    >>> truth = RankLogistic(-2.0, -1.0, (0.0, 0.0, 0.0)).rates()
    >>> fit = fit_logistic(1000 * np.stack([1 - truth, truth], axis=1))
    >>> round(fit.intercept, 2), round(fit.slope, 2)
    (-2.0, -1.0)
    """
    n, wrong = counts.sum(axis=1), counts[:, 1]
    pooled = (wrong.sum() + 0.5) / (n.sum() + 1)
    centre = (
        np.array([np.log(pooled / (1 - pooled)), -0.5]) if prior is None else np.array([prior.intercept, prior.slope])
    )
    design = np.stack([np.ones(RANK_CELLS), NORMAL_SCORES])
    penalty = np.eye(2) / looseness**2
    at = centre.copy()
    information = penalty
    for _ in range(_NEWTON_STEPS):
        rates = 1 / (1 + np.exp(-np.clip(at @ design, -_MOST_LOG_ODDS, _MOST_LOG_ODDS)))
        gradient = design @ (wrong - n * rates) - penalty @ (at - centre)
        information = (design * (n * rates * (1 - rates))) @ design.T + penalty
        at += np.clip(np.linalg.solve(information, gradient), -_LONGEST_STEP, _LONGEST_STEP)
    covariance = np.linalg.inv(information)
    return RankLogistic(
        float(at[0]), float(at[1]), (float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1]))
    )


def least_threshold(rates: FloatArray, mass: FloatArray, limit: float) -> float:
    """Least rank from which traffic is wrong at most `limit` of the time on average; `NOTHING_PASSES` if there is none.

    Parameters
    ----------
    rates
        (rank cells,) probability of a wrong answer.
    mass
        (rank cells,) share of the traffic.

    Examples
    --------
    >>> rates = np.linspace(.2, 0, RANK_CELLS)
    >>> least_threshold(rates, np.ones(RANK_CELLS), .1)
    0.0
    >>> least_threshold(rates, np.ones(RANK_CELLS), .05)
    0.5
    >>> least_threshold(rates + .2, np.ones(RANK_CELLS), .05)
    1.03
    """
    above = np.cumsum(mass[::-1])[::-1]
    wrong = np.cumsum((mass * rates)[::-1])[::-1]
    # a hair of slack: the sums of a limit that is met exactly may differ from it in the last bit
    met = np.flatnonzero((wrong <= limit * above * (1 + 1e-9)) & (above > 0))
    return float(met[0] / RANK_CELLS) if met.size else NOTHING_PASSES
