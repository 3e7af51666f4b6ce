"""Draws of ensembles, and log-probabilities of generated answers, as arrays; what is none of both is None or NaN."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.scores import invalid_probabilities, mutual_information
from detectors.types import FloatArray
from fallback.types import Reason, reason_code
from monitor.events import Output

__all__ = ["INFINITE", "disagreement", "members", "tokens"]

INFINITE = 1e308
"""What an infinity is read as, for JSON has none: no feature is too large to be counted, but no answer is so large."""
_INVALID_OUTPUT = reason_code(Reason.INVALID_OUTPUT)
_ABOVE_ONE = 1e-6
"""A log-probability may round to a little above nothing."""


def members(samples: Sequence[float | Sequence[float]], classes: int) -> FloatArray | None:
    """Draws as an array: (members, classes), or (members,) where there are no classes; None if they are not that.

    Examples
    --------
    >>> members([[.5, .5], [1.0, 0.0]], 2).tolist(), members([1.0, 2.0], 0).tolist()
    ([[0.5, 0.5], [1.0, 0.0]], [1.0, 2.0])
    >>> members([[.5, .5], [1.0]], 2), members([.5, 2.0], 2), members([float("nan")], 0), members([], 0)
    (None, None, None, None)
    """
    if not samples:
        return None
    if not classes:
        fine = all(not isinstance(each, Sequence) and abs(each) < INFINITE for each in samples)
        return np.array(samples, dtype=np.float64) if fine else None
    if not all(isinstance(each, Sequence) and len(each) == classes for each in samples):
        return None
    drawn = np.array(samples, dtype=np.float64)
    return None if invalid_probabilities(drawn).any() else drawn


def disagreement(outputs: Sequence[Output], classes: int) -> FloatArray:
    """Mutual information of each event's draws, (events,); NaN where there are none."""
    found = np.full(len(outputs), np.nan)
    by_number: dict[int, tuple[list[int], list[FloatArray]]] = {}
    for i, output in enumerate(outputs):
        drawn = members(output.samples, classes) if output.samples and classes else None
        if drawn is not None:
            places, arrays = by_number.setdefault(len(drawn), ([], []))
            places.append(i)
            arrays.append(drawn)
    for places, arrays in by_number.values():
        found[places] = mutual_information(np.stack(arrays))
    return found


def tokens(outputs: Sequence[Output], guard: NDArray[np.uint8]) -> FloatArray:
    """What is known of generated answers: (events, 4) in the order of `detectors.calibration.maps.TOKENS`.

    Log-probabilities above nothing, no numbers and lengths below one are guarded; then nothing is known.
    """
    rows = np.full((len(outputs), 4), np.nan)
    for i, output in enumerate(outputs):
        each, total = output.token_logprobs, output.logprob
        if each is None and total is None:
            continue
        length = output.length if output.length is not None else float(len(each or ()))
        # of a list that was cut short the mean is over what is there
        mean = sum(each) / len(each) if each else (math.nan if total is None or not length else total / length)
        row = (mean, min(each) if each else math.nan, math.nan if output.margin is None else output.margin)
        fine = length >= 1 and -INFINITE < mean <= _ABOVE_ONE and (not each or max(each) <= _ABOVE_ONE)
        if not fine or not length < INFINITE or not (output.margin is None or abs(output.margin) < INFINITE):
            guard[i] = guard[i] or _INVALID_OUTPUT
            continue
        rows[i] = (*row, math.log(length))
    return rows
