"""How honest stated probabilities are, and how much is gained by answering the surest alone: arrays for pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.types import FloatArray, IntArray

__all__ = ["BINS", "Reliability", "RiskCoverage", "reliability", "reliability_of", "risk_coverage"]

BINS = 15
"""As many as is usual since Guo et al. 2017."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram.

    Attributes
    ----------
    stated
        (bins,) mean stated probability, NaN where a bin is empty.
    found
        (bins,) share of right answers.
    n
        (bins,) events.
    error
        Expected calibration error, the mean of |stated - found| weighted by n; NaN for no event.
    brier
        Mean squared difference of the stated probability and the outcome.
    """

    stated: FloatArray
    found: FloatArray
    n: IntArray
    error: float
    brier: float


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Error among the surest, by how many are answered.

    Attributes
    ----------
    coverage
        Share that is answered, at each confidence that occurs, the surest first.
    risk
        Share of wrong answers among them.
    area
        Area under the curve over all n steps (AURC); ties are in random order, on average.
    """

    coverage: FloatArray
    risk: FloatArray
    area: float


def reliability(probability: FloatArray, wrong: FloatArray, bins: int = BINS) -> Reliability:
    r"""Compare stated probabilities of being right with how often it was so.

    .. math:: ECE = \sum_b \frac{n_b}{n} |\overline{stated}_b - found_b|

    over `bins` bins of equal width on [0, 1], closed above, as in MAPIE and in the paper.

    Parameters
    ----------
    probability
        (events,), NaN is left out.
    wrong
        (events,): 1 wrong, 0 right, NaN is left out.

    References
    ----------
    Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.

    Examples
    --------
    >>> found = reliability(np.array([.9, .9, .9, .9]), np.array([0.0, 0.0, 0.0, 1.0]), bins=2)
    >>> round(found.error, 3), found.n.tolist()
    (0.15, [0, 4])
    """
    known = np.isfinite(probability) & ~np.isnan(wrong)
    p, right = np.clip(probability[known], 0, 1), 1 - wrong[known]
    cell = np.clip(np.ceil(p * bins).astype(np.int64) - 1, 0, bins - 1)
    sums = np.stack([np.bincount(cell, weights, bins) for weights in (p, right, p * p, p * right)])
    return reliability_of(np.bincount(cell, minlength=bins), *sums)


def reliability_of(n: IntArray, p: FloatArray, right: FloatArray, squared: FloatArray, both: FloatArray) -> Reliability:
    """The same from sums by bin: events, probabilities, right answers, squares, probabilities of right answers."""
    total = int(n.sum())
    with np.errstate(invalid="ignore"):
        stated, found = p / n, right / n
    if not total:
        return Reliability(stated, found, n, np.nan, np.nan)
    error = float(np.abs(p - right).sum() / total)
    return Reliability(stated, found, n, error, float((squared - 2 * both + right).sum() / total))


def risk_coverage(confidence: FloatArray, wrong: FloatArray) -> RiskCoverage:
    """Error among those answers that are at least so sure.

    Parameters
    ----------
    confidence
        (events,), greater is surer; NaN is left out.
    wrong
        (events,): 1 wrong, 0 right, NaN is left out.

    References
    ----------
    Geifman, Uziel & El-Yaniv, "Bias-reduced uncertainty estimation for deep neural classifiers", ICLR 2019.

    Examples
    --------
    >>> curve = risk_coverage(np.array([.9, .8, .8, .1]), np.array([0.0, 1.0, 0.0, 1.0]))
    >>> curve.coverage.tolist(), np.round(curve.risk, 3).tolist(), round(curve.area, 3)
    ([0.25, 0.75, 1.0], [0.0, 0.333, 0.5], 0.271)
    """
    known = ~np.isnan(confidence) & ~np.isnan(wrong)
    sure, lost = confidence[known], wrong[known]
    n = len(sure)
    if not n:
        return RiskCoverage(np.empty(0), np.empty(0), np.nan)
    values, place, counts = np.unique(-sure, return_inverse=True, return_counts=True)
    errors = np.bincount(place, lost, len(values))
    answered, missed = np.cumsum(counts), np.cumsum(errors)
    # within a tie errors are spread evenly, which is their mean over all orders
    share = np.repeat(errors / counts, counts)
    area = float(np.mean(np.cumsum(share) / np.arange(1, n + 1)))
    return RiskCoverage(answered / n, missed / answered, area)
