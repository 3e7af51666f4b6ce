"""Proxy and outcome: does the number that is being optimised still stand for the outcome that it was chosen for?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .harm import upper_bound
from .types import FloatArray, IntArray

__all__ = ["Proxy"]

_LEAST = 20


@dataclass(frozen=True, slots=True)
class Proxy:
    """A feature that stands for the outcome, and how often the two were apart on the reference.

    They are together where the proxy is on its good side and the answer right, or on its bad side and the answer wrong.
    The good side is the one of greater values if the reference's right answers have the greater mean rank, and as many
    of its rows lie on it as there were right answers.

    Attributes
    ----------
    feature
        Name of a numeric feature.
    bar
        Where its two sides meet.
    high_is_good
        Whether the good side is the one above.
    apart, n
        Rows of the reference in which they were apart, and rows that were looked at.

    Examples
    --------
    >>> clicks, wrong = np.arange(100.0), (np.arange(100) < 40).astype(float)
    >>> proxy = Proxy.fit("clicks", clicks, wrong)
    >>> proxy.bar, proxy.high_is_good, proxy.apart, proxy.n
    (39.0, True, 0, 100)
    >>> proxy.sides(np.array([80.0, 10.0, np.nan])).tolist()
    [1, 0, -1]
    """

    feature: str
    bar: float
    high_is_good: bool
    apart: int
    n: int

    @classmethod
    def fit(cls, feature: str, values: FloatArray, wrong: FloatArray) -> Proxy | None:
        """Fit on (rows,) values and wrong answers, NaN where unknown; None for fewer than 20 rows with both."""
        known = ~np.isnan(values) & ~np.isnan(wrong)
        n = int(known.sum())
        if n < _LEAST:
            return None
        x, bad = values[known], wrong[known] > 0
        rank = np.argsort(np.argsort(x, kind="stable"), kind="stable")
        high = bool(bad.all() or not bad.any() or rank[~bad].mean() >= rank[bad].mean())
        share = bad.mean() if high else 1 - bad.mean()
        bar = float(np.quantile(x, share, method="inverted_cdf"))
        apart = int((((x > bar) == high) == bad).sum())
        return cls(feature, bar, high, apart, n)

    @property
    def tolerated(self) -> float:
        """Upper 95 % bound of the share in which they are apart."""
        return float(upper_bound(self.apart, self.n))

    def sides(self, values: FloatArray) -> IntArray:
        """1 on the good side, 0 on the bad one, -1 where the value is missing: (events,)."""
        good = (values > self.bar) == self.high_is_good
        return np.where(np.isnan(values), -1, good).astype(np.int64)

    def facts(self) -> dict[str, str | float]:
        """What a profile keeps of it."""
        return {
            "proxy": self.feature,
            "proxy_bar": self.bar,
            "proxy_high_is_good": float(self.high_is_good),
            "proxy_apart": self.apart,
            "proxy_n": self.n,
        }

    @classmethod
    def of(cls, facts: Mapping[str, str | float]) -> Proxy | None:
        """Read it back; None if the profile has none."""
        if "proxy" not in facts:
            return None
        return cls(
            str(facts["proxy"]),
            float(facts["proxy_bar"]),
            bool(facts["proxy_high_is_good"]),
            int(facts["proxy_apart"]),
            int(facts["proxy_n"]),
        )
