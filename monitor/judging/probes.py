"""What the labels of probes say: is there a threshold that lets enough pass, and keeps the promise?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detectors.harm import upper_bound
from detectors.types import FloatArray, IntArray
from fallback.policy import Recovery
from fallback.records import BreakerRecord, Cause, Transition
from fallback.types import BreakerState

__all__ = ["borne_out", "closes_on_evidence", "risk"]

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
    _, n, bounds = _tried(answers, threshold, floor)
    return (int(n[0]), float(bounds.min())) if n[0] else (0, math.nan)


def borne_out(answers: FloatArray, threshold: float, floor: float, max_error: float) -> float:
    """Give the least of the thresholds tried at which the promise is kept: what a breaker may close on.

    That is `threshold` itself if its own bound is low enough, or if no other's is.

    Examples
    --------
    >>> answers = np.tile([20.0, 0.0], (50, 1))
    >>> answers[:25, 1] = 5
    >>> borne_out(answers, threshold=.2, floor=.05, max_error=.02)
    0.5
    """
    starts, n, bounds = _tried(answers, threshold, floor)
    kept = bounds <= max_error
    if not n[0] or kept[0] or not kept.any():
        return threshold
    return max(float(starts[int(kept.argmax())]) / len(answers), threshold)


def closes_on_evidence(before: BreakerRecord, transitions: Sequence[Transition]) -> bool:
    """Whether a half-open breaker has closed in this step because labels have shown that it may."""
    probing = before.live is BreakerState.HALF_OPEN and before.recovery is Recovery.EVIDENCE
    return probing and any(each.cause is Cause.RECOVERED for each in transitions)


def _tried(answers: FloatArray, threshold: float, floor: float) -> tuple[IntArray, FloatArray, FloatArray]:
    """Cells from which answers would pass, the served threshold's first; the labels from each on; their bounds."""
    cells = len(answers)
    highest = math.floor((1 - floor) * cells)
    served = min(max(math.ceil(threshold * cells), 0), highest)
    starts = [served, *sorted({highest, *(round((1 - share) * cells) for share in _SHARES)} - {*range(served + 1)})]
    starts = [start for start in starts if start <= highest]
    passing = np.array([answers[start:].sum(axis=0) for start in starts])
    n = passing.sum(axis=1)
    return np.array(starts), n, upper_bound(passing[:, 1], n, 1 - _ERROR / len(starts))
