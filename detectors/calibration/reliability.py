"""How honest stated probabilities are, and how much is gained by answering the surest alone: arrays for pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.types import FloatArray, IntArray

__all__ = [
    "BINS",
    "Reliability",
    "RiskCoverage",
    "bin_sums",
    "reliability",
    "reliability_of",
    "risk_coverage",
    "risk_coverage_of",
]

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
    return reliability_of(bin_sums(probability, wrong, bins))


def bin_sums(probability: FloatArray, wrong: FloatArray, bins: int = BINS) -> FloatArray:
    """What `reliability_of` needs, (5, bins): events, probabilities, right answers, squares, probabilities of right.

    Sums of two batches add up to those of both.
    """
    known = np.isfinite(probability) & ~np.isnan(wrong)
    p, right = np.clip(probability[known], 0, 1), 1 - wrong[known]
    cell = np.clip(np.ceil(p * bins).astype(np.int64) - 1, 0, bins - 1)
    return np.stack([np.bincount(cell, each, bins) for each in (np.ones_like(p), p, right, p * p, p * right)])


def reliability_of(sums: FloatArray) -> Reliability:
    """The same from sums by bin, as `bin_sums` gives them."""
    n, p, right, squared, both = sums
    total = float(n.sum())
    with np.errstate(invalid="ignore"):
        stated, found = p / n, right / n
    counts = n.astype(np.int64)
    if not total:
        return Reliability(stated, found, counts, np.nan, np.nan)
    error = float(np.abs(p - right).sum() / total)
    return Reliability(stated, found, counts, error, float((squared - 2 * both + right).sum() / total))


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
    return risk_coverage_of(counts, np.bincount(place, lost, len(values)).astype(np.float64))


def risk_coverage_of(n: IntArray, wrong: FloatArray) -> RiskCoverage:
    r"""The same from sums by confidence, the surest first: events and wrong ones of each.

    Within a confidence errors are spread evenly, which is their mean over all orders, so with A events and E errors
    before it the n events with e errors add to the area, H being harmonic numbers,

    .. math:: \sum_{k=1}^{n} \frac{E + k e / n}{A + k} = e + (E - A e / n)(H_{A + n} - H_A)

    Examples
    --------
    >>> round(risk_coverage_of(np.array([1, 2, 0, 1]), np.array([0.0, 1.0, 0.0, 1.0])).area, 3)
    0.271
    """
    from scipy.special import digamma

    there = n > 0
    n, wrong = n[there], wrong[there]
    if not len(n):
        return RiskCoverage(np.empty(0), np.empty(0), np.nan)
    answered, missed = np.cumsum(n), np.cumsum(wrong)
    before, lost = answered - n, missed - wrong
    steps = digamma(answered + 1.0) - digamma(before + 1.0)
    area = float((wrong + (lost - before * wrong / n) * steps).sum() / answered[-1])
    return RiskCoverage(answered / answered[-1], missed / answered, area)
