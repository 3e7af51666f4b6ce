"""Rates of the groups that segments make, with bands, and the gaps between them: for metrics, page and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.groups.rate_bands import gap_bands, rate_bands
from detectors.types import FloatArray

__all__ = ["BANDS_ARE", "CONFIDENCE", "KINDS", "Band", "Tallies", "gaps", "rates"]

CONFIDENCE: Final = 0.95
BANDS_ARE: Final = "time-uniform, while the rate stands still"
"""What the bands are: as often as one looks, the rate is outside at any time in one of 20 cases at most."""
KINDS: Final = ("error", "coverage", "acceptance")
"""What is counted of a group: wrong ones of its answers that passed, truths inside their set, requests answered."""

Tallies = Mapping[str, tuple[float, float]]
"""By kind, of how many it could hold, and of how many it does."""


@dataclass(frozen=True, slots=True)
class Band:
    """A rate or a gap, and its band; NaN where there is nothing to go by."""

    estimate: float
    lower: float
    upper: float


def rates(tallies: Sequence[Tallies], kind: str) -> list[Band]:
    """Rate of each group, with a band that holds at all times together.

    Examples
    --------
    >>> [band] = rates([{"error": (100, 5)}], "error")
    >>> round(band.lower, 3), band.estimate, round(band.upper, 3)
    (0.007, 0.05, 0.156)
    """
    n, happened = _columns(tallies, kind)
    lower, upper = rate_bands(happened, n, CONFIDENCE)
    with np.errstate(invalid="ignore", divide="ignore"):  # nobody has come yet: NaN
        share = happened / n
    columns = zip(share.tolist(), lower.tolist(), upper.tolist(), strict=True)
    return [Band(*each) if total else Band(np.nan, np.nan, np.nan) for each, total in zip(columns, n, strict=True)]


def gaps(labels: Sequence[str], tallies: Sequence[Tallies], kind: str) -> dict[str, Band]:
    """By segment name, the greatest difference between two of its groups; none for a name with one group.

    Examples
    --------
    >>> tallies = [{"error": (1000, 100)}, {"error": (1000, 300)}, {"error": (9, 9)}]
    >>> found = gaps(["r=a", "r=b", "s=c"], tallies, "error")
    >>> {name: round(band.estimate, 3) for name, band in found.items()}
    {'r': 0.2}
    """
    names = [label.partition("=")[0] for label in labels]
    order = list(dict.fromkeys(names))
    n, happened = _columns(tallies, kind)
    bands = gap_bands(happened, n, np.array([order.index(name) for name in names], dtype=np.int64), CONFIDENCE)
    return {name: Band(*band) for name, band in zip(order, bands, strict=True) if names.count(name) > 1}


def _columns(tallies: Sequence[Tallies], kind: str) -> tuple[FloatArray, FloatArray]:
    table = np.array([each.get(kind, (0.0, 0.0)) for each in tallies], dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
