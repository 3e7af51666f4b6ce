"""Error by confidence rank, smoothed: a logistic, straight or bent, and the threshold that it bears out."""

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

_UPPER: FloatArray = np.maximum(NORMAL_SCORES, 0.0)
_BEND_LOOSENESS = 0.7
"""Standard deviation of the bend beforehand: straight unless counts say otherwise. With 1 as with .7 nothing passes
where no threshold helps, with .5 five times as much; but where errors rise evenly 1 holds back more."""
_NEWTON_STEPS = 15
_LONGEST_STEP = 2.0
_MOST_LOG_ODDS = 30.0


@dataclass(frozen=True, slots=True)
class RankLogistic:
    """`log odds(wrong | cell) = intercept + slope * z + bend * max(z, 0)`, z = NORMAL_SCORES[cell].

    Attributes
    ----------
    intercept, slope
        In log-odds. A useful confidence has a negative slope.
    covariance
        Of the two, as (variance of the intercept, covariance, variance of the slope).
    bend
        What is added to the slope in the surer half: above 0 where being surer helps less there.
    bend_covariance
        Its covariance with the intercept and with the slope, and its variance.
    """

    intercept: float
    slope: float
    covariance: tuple[float, float, float]
    bend: float = 0.0
    bend_covariance: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def log_odds(self) -> FloatArray:
        """Log-odds of a wrong answer, (rank cells,)."""
        line = self.intercept + self.slope * NORMAL_SCORES + self.bend * _UPPER
        return np.clip(line, -_MOST_LOG_ODDS, _MOST_LOG_ODDS)

    def errors(self) -> FloatArray:
        """Give the standard error of the log-odds, (rank cells,)."""
        level, both, tilt = self.covariance
        with_level, with_tilt, bend = self.bend_covariance
        straight = level + 2 * both * NORMAL_SCORES + tilt * NORMAL_SCORES**2
        return np.asarray(np.sqrt(straight + _UPPER * (2 * with_level + (2 * with_tilt + bend) * _UPPER)))

    def rates(self) -> FloatArray:
        """Probability of a wrong answer, (rank cells,)."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds())))


def fit_logistic(
    counts: FloatArray, prior: RankLogistic | None = None, looseness: float = 2.0, *, bent: bool = False
) -> RankLogistic:
    """Maximum a posteriori logistic by a fixed number of Newton steps, so that replays agree to the bit.

    The prior is normal, independent, with standard deviation `looseness` in intercept and slope and .7 in the bend,
    around `prior` or, without one, around the pooled error rate with slope -1/2 and no bend: it decides where there are
    no errors, and soon gives way.

    Parameters
    ----------
    counts
        (rank cells, 2): right and wrong, need not be whole numbers.
    prior
        Of the same kind, straight or bent.
    bent
        Whether the surer half may have a slope of its own; else the line is straight.

    Examples
    --------
    >>> truth = RankLogistic(-2.0, -1.0, (0.0, 0.0, 0.0)).rates()
    >>> fit = fit_logistic(1000 * np.stack([1 - truth, truth], axis=1))
    >>> round(fit.intercept, 2), round(fit.slope, 2)
    (-2.0, -1.0)
    """
    n, wrong = counts.sum(axis=1), counts[:, 1]
    pooled = (wrong.sum() + 0.5) / (n.sum() + 1)
    design, spread = [np.ones(RANK_CELLS), NORMAL_SCORES], [looseness, looseness]
    centre = [np.log(pooled / (1 - pooled)), -0.5] if prior is None else [prior.intercept, prior.slope]
    if bent:
        design, spread = [*design, _UPPER], [*spread, _BEND_LOOSENESS]
        centre = [*centre, 0.0 if prior is None else prior.bend]
    return _newton(np.stack(design), n, wrong, np.array(centre), np.diag(1 / np.square(spread)))


def _newton(
    design: FloatArray, n: FloatArray, wrong: FloatArray, centre: FloatArray, penalty: FloatArray
) -> RankLogistic:
    at = centre.copy()
    information = penalty
    for _ in range(_NEWTON_STEPS):
        rates = 1 / (1 + np.exp(-np.clip(at @ design, -_MOST_LOG_ODDS, _MOST_LOG_ODDS)))
        gradient = design @ (wrong - n * rates) - penalty @ (at - centre)
        information = (design * (n * rates * (1 - rates))) @ design.T + penalty
        at += np.clip(np.linalg.solve(information, gradient), -_LONGEST_STEP, _LONGEST_STEP)
    covariance = np.linalg.inv(information).tolist()
    line = (float(at[0]), float(at[1]), (covariance[0][0], covariance[0][1], covariance[1][1]))
    return RankLogistic(*line, float(at[2]), tuple(covariance[2])) if at.shape[0] == 3 else RankLogistic(*line)


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
