"""How sure a rate is: a band that holds at every moment at once, and so may be looked at as often as one likes."""

from __future__ import annotations

import numpy as np

from detectors.types import FloatArray, IntArray

__all__ = ["gap_bands", "rate_bands"]

_STEPS = 40


def rate_bands(
    happened: FloatArray | IntArray, n: FloatArray | IntArray, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    r"""Lower and upper end of each rate, by the beta-binomial mixture: all p at which a bettor has not won 1 / α.

    .. math:: \frac{B(k + 1/2, n - k + 1/2)}{B(1/2, 1/2)\, p^k (1 - p)^{n - k}} < \frac{1}{\alpha}

    With probability at least `confidence` the band holds the rate at all times, as long as the rate stands still
    (Ville). Of a rate that moves it says where it was on the whole, and promises nothing. Without events it is (0, 1).

    References
    ----------
    Howard, Ramdas, McAuliffe & Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of
    Statistics, 2021.

    Examples
    --------
    >>> [end.round(3).tolist() for end in rate_bands(np.array([5, 0, 0]), np.array([100, 100, 0]))]
    [[0.007, 0.0, 0.0], [0.156, 0.057, 1.0]]
    """
    from scipy.special import betaln, xlog1py, xlogy

    k, n = np.asarray(happened, float), np.asarray(n, float)
    level = betaln(k + 0.5, n - k + 0.5) - betaln(0.5, 0.5) + np.log(1 - confidence)
    centre = np.divide(k, n, out=np.full(k.shape, 0.5), where=n > 0)

    def end(outer: float) -> FloatArray:
        inside, outside = centre.copy(), np.full(k.shape, outer)
        for _ in range(_STEPS):
            middle = (inside + outside) / 2
            kept = xlogy(k, middle) + xlog1py(n - k, -middle) > level
            inside, outside = np.where(kept, middle, inside), np.where(kept, outside, middle)
        return outside

    return np.where(k > 0, end(0.0), 0.0), np.where(k < n, end(1.0), 1.0)


def gap_bands(
    happened: FloatArray | IntArray, n: FloatArray | IntArray, name_of: IntArray, confidence: float = 0.95
) -> list[tuple[float, float, float]]:
    """Gap between the greatest and the least rate of each name, with its lower and upper end; one item a name.

    The bands of all rates of a name hold at once, each with its part of the error allowed, so the gap is at least what
    lies between two bands, and at most what they span. NaN for a name of which fewer than two groups have events.

    Examples
    --------
    >>> gap, lower, upper = gap_bands(np.array([100, 300]), np.array([1000, 1000]), np.array([0, 0]))[0]
    >>> round(gap, 3), round(lower, 3), round(upper, 3)
    (0.2, 0.106, 0.29)
    """
    k, n = np.asarray(happened, float), np.asarray(n, float)
    gaps = []
    for name in dict.fromkeys(name_of.tolist()):
        mine = (name_of == name) & (n > 0)
        if mine.sum() < 2:
            gaps.append((np.nan, np.nan, np.nan))
            continue
        rate = k[mine] / n[mine]
        lower, upper = rate_bands(k[mine], n[mine], 1 - (1 - confidence) / int(mine.sum()))
        apart = float(lower.max() - upper.min())
        gaps.append((float(rate.max() - rate.min()), max(apart, 0.0), float(upper.max() - lower.min())))
    return gaps
