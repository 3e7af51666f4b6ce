"""What the labels of probes say: is there a threshold that lets enough pass, and keeps the promise?"""

from __future__ import annotations

import math

import numpy as np

from detectors.harm import upper_bound
from detectors.types import FloatArray

__all__ = ["risk"]

_SHARES = (0.2, 0.5)
"""Surest shares that are tried between the least that must pass and what the threshold would let pass."""
_ERROR = 0.05


def risk(answers: FloatArray, threshold: float, floor: float) -> tuple[int, float]:
    """Give the labels that would pass, and the least upper bound of the error at a threshold that lets `floor` pass.

    Tried are the threshold that is served and, above it, those that let half, a fifth and `floor` pass; where the
    served one is higher than all of these, that of `floor`. The threshold follows the errors, so at the served one they
    are just below the promise, and thousands of labels would be needed to prove it. Each of k bounds holds with a
    confidence of 1 - 5 % / k, so that all hold with 95 %, and with them the least.

    Parameters
    ----------
    answers
        (cells, 2): right and wrong by rank of confidence, the surest last.
    threshold
        That is served, on the rank.
    floor
        Share of the requests that must pass.

    Examples
    --------
    >>> clean = np.tile([10.0, 0.0], (50, 1))
    >>> n, bound = risk(clean, threshold=0.2, floor=0.05)
    >>> n, round(bound, 3)
    (400, 0.011)
    >>> risk(clean, threshold=1.03, floor=0.05)[0]
    30
    """
    cells = len(answers)
    highest = math.floor((1 - floor) * cells)
    served = min(max(math.ceil(threshold * cells), 0), highest)
    starts = [served, *sorted({highest, *(round((1 - share) * cells) for share in _SHARES)} - {*range(served + 1)})]
    starts = [start for start in starts if start <= highest]
    passing = np.array([answers[start:].sum(axis=0) for start in starts])
    n = passing.sum(axis=1)
    if not n[0]:
        return 0, math.nan
    return int(n[0]), float(upper_bound(passing[:, 1], n, 1 - _ERROR / len(starts)).min())
