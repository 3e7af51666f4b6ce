"""A threshold that is certified on the reference: learn then test, as MAPIE's controller does it."""

from __future__ import annotations

import numpy as np

from detectors.types import RANK_CELLS, FloatArray, IntArray

__all__ = ["LEAST_ACCEPTED", "NOTHING_CERTIFIED", "first_certificate", "learn_then_test", "p_values"]

LEAST_ACCEPTED = 30
"""A threshold that fewer pass is not tried: of none the error is no number, and such a p-value ends every walk."""
NOTHING_CERTIFIED = 2.0
_STARTS = (round(0.9 * RANK_CELLS), round(0.7 * RANK_CELLS))


def p_values(counts: IntArray, max_error: float, least: int = LEAST_ACCEPTED, memory: float = 1.0) -> FloatArray:
    r"""P-values of "answers from this rank upwards are wrong more often than `max_error`", (rank cells,).

    Hoeffding-Bentkus for losses of 0 and 1, the smaller of two bounds on the chance of so few errors among n answers:

    .. math:: p = \min\left(e^{-n\, h(\min(\hat r, a^*), a^*)},\; P(Bin(n, a^*) \le n \hat r)\right),\qquad
              h(a, b) = a \log\frac{a}{b} + (1 - a) \log\frac{1 - a}{1 - b}

    Parameters
    ----------
    counts
        (rank cells, 2): right and wrong answers of the reference.
    max_error
        a*, in (0, 1).
    least
        Thresholds that fewer answers pass have a p-value of 1.
    memory
        v ≥ 1, of errors that come in spells: n answers tell no more than n / v of independent ones, rounded down, and
        their errors are rounded up.

    References
    ----------
    Angelopoulos, Bates, Candès, Jordan & Lei, "Learn then test", Annals of Applied Statistics 2025.
    """
    from scipy.special import bdtr

    above = counts[::-1].cumsum(axis=0)[::-1]
    n = (above.sum(axis=1) // memory).astype(np.int64)
    wrong = np.ceil(above[:, 1] / memory).astype(np.int64)
    rate = np.minimum(wrong / np.maximum(n, 1), max_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = np.where(rate > 0, rate * np.log(rate / max_error), 0.0)
    divergence += (1 - rate) * np.log((1 - rate) / (1 - max_error))
    found = np.minimum(np.exp(-n * divergence), bdtr(wrong, n, max_error))
    return np.asarray(np.where(n >= least, np.minimum(found, 1.0), 1.0))


def learn_then_test(
    counts: IntArray, max_error: float, delta: float, least: int = LEAST_ACCEPTED, memory: float = 1.0
) -> float:
    """Least rank from which answers are wrong at most `max_error` of the time, with confidence `1 - delta`; else 2.

    Fixed sequence with two starts, as the certificate that is earned online has them: from the surest tenth and from
    the surest 30 % downwards, each at `delta / 2`; each walk ends at the first threshold that is not rejected.

    **What holds**: for events drawn as the reference was, the probability that answers from the returned rank upwards
    are wrong more often than a* is at most `delta`. The ranks are those among the reference itself, which moves each
    threshold by about one event. **What does not**: anything once the stream differs from the reference.

    Parameters
    ----------
    counts
        (rank cells, 2): right and wrong answers of the reference.
    max_error, delta
        Both in (0, 1).
    least
        A threshold that fewer answers pass is never returned, and ends the walk.
    memory
        v ≥ 1, of errors that come in spells (`p_values`).

    Examples
    --------
    >>> wrong = np.round(40 * np.linspace(.4, 0, RANK_CELLS) ** 2).astype(np.int64)
    >>> learn_then_test(np.stack([40 - wrong, wrong], axis=1), .05, .05)
    0.14
    >>> learn_then_test(np.zeros((RANK_CELLS, 2), np.int64), .05, .05)
    2.0
    """
    rejected = p_values(counts, max_error, least, memory) <= delta / len(_STARTS)
    ends = [_walk(rejected, start) for start in _STARTS if rejected[start]]
    return min(ends) / RANK_CELLS if ends else NOTHING_CERTIFIED


def first_certificate(counts: IntArray, max_error: float, confidence: float, memory: float = 1.0) -> float | None:
    """What `Certificate` begins with: the test on the reference at half of its delta; None if too few are labelled."""
    if counts.sum() < LEAST_ACCEPTED:
        return None
    return learn_then_test(counts, max_error, (1 - confidence) / 2, memory=memory)


def _walk(rejected: np.ndarray[tuple[int], np.dtype[np.bool_]], start: int) -> int:
    failed = np.flatnonzero(~rejected[:start])
    return int(failed[-1]) + 1 if failed.size else 0
