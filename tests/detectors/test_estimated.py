"""Estimated accuracy: right where confidence is, rarely wrong without a change, and gone when labels come."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.estimated import EstimatedError
from detectors.profile import cells_of, rank_of
from detectors.types import RANK_CELLS, FloatArray, IntArray


def confidences(rng: np.random.Generator, n: int, harder: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Confidences of a calibrated model, and whether it was wrong; `harder` draws confidence down."""
    confidence = 1 / (1 + np.exp(-(2 - harder + 1.5 * rng.normal(size=n))))
    return confidence, (rng.random(n) > confidence).astype(float)


def reference(rng: np.random.Generator, n: int) -> tuple[IntArray, FloatArray]:
    """Right and wrong answers by cell, and the sorted confidences that give the ranks."""
    confidence, wrong = confidences(rng, n)
    knots = np.sort(confidence)
    counts = np.zeros((RANK_CELLS, 2), np.int64)
    np.add.at(counts, (cells_of(rank_of(confidence, knots)), wrong.astype(np.int64)), 1)
    return counts, knots


def traffic(confidence: FloatArray, knots: FloatArray) -> IntArray:
    return np.bincount(cells_of(rank_of(confidence, knots)), minlength=RANK_CELLS)


@pytest.mark.parametrize("harder", [0.0, 0.7, 1.5])
def test_the_estimate_is_the_error_of_a_calibrated_model(harder: float) -> None:
    """1,000 new events that are as hard or harder, 5,000 in the reference, seed 1: within .03 of the error they have.

    The error of 1,000 has a standard error of .015, and the estimate of a changed mixture is drawn to the reference's.
    """
    rng = np.random.default_rng(1)
    counts, knots = reference(rng, 5000)
    confidence, _ = confidences(rng, 1000, harder)
    estimated = EstimatedError(counts)
    estimated.update(traffic(confidence, knots), 0, 1000.0)
    assert abs(estimated.error() - (1 - confidence).mean()) <= 0.03
    surest = confidence[rank_of(confidence, knots) >= 0.5]
    assert abs(estimated.error(0.5) - (1 - surest).mean()) <= 0.03


def test_without_a_change_it_is_rarely_sure_of_one() -> None:
    """60 unchanged streams of 5,000 events, references of 2,000: at A = 100,000 at most 3 + 3 sqrt(3) reach it; seed 2.

    P(M >= A at t) is at most t / A = .05 if the mean is below p0, of which 95 % of the references are certain.
    """
    rng = np.random.default_rng(2)
    reached = 0
    for _ in range(60):
        counts, knots = reference(rng, 2000)
        estimated = EstimatedError(counts)
        for _ in range(50):
            estimated.update(traffic(confidences(rng, 100)[0], knots), 0, 100.0)
            if estimated.log_evidence >= np.log(1e5):
                reached += 1
                break
    assert reached <= 3 + 3 * np.sqrt(3)


def test_harder_events_are_seen_before_any_label() -> None:
    """The estimated error rises from 17 to 28 %: sure at A = 330,000 within 500 events of the change; seed 3."""
    rng = np.random.default_rng(3)
    counts, knots = reference(rng, 5000)
    estimated = EstimatedError(counts)
    for _ in range(50):
        estimated.update(traffic(confidences(rng, 100)[0], knots), 0, 100.0)
    assert estimated.log_evidence < np.log(3.3e5) * 0.56
    for _ in range(5):
        estimated.update(traffic(confidences(rng, 100, 0.9)[0], knots), 0, 100.0)
    assert estimated.log_evidence >= np.log(3.3e5)


def test_labels_take_their_share_of_the_evidence() -> None:
    """Half of the labels, half of the logarithm; all of them, nothing is left; and labels never add to it."""
    rng = np.random.default_rng(4)
    counts, knots = reference(rng, 5000)
    estimated = EstimatedError(counts)
    estimated.update(traffic(confidences(rng, 1000, 1.5)[0], knots), 0, 1000.0)
    whole, nothing = estimated.log_evidence, np.zeros(RANK_CELLS, np.int64)
    assert whole > 10
    estimated.update(nothing, 500, 0.0)
    assert 0 < estimated.log_evidence <= whole / 2 + np.log(4)
    estimated.update(nothing, 500, 0.0)
    assert estimated.log_evidence <= 1e-9


def test_without_labels_in_the_reference_nothing_is_estimated() -> None:
    """No number, and no evidence."""
    estimated = EstimatedError(np.zeros((RANK_CELLS, 2), np.int64))
    estimated.update(np.ones(RANK_CELLS, np.int64), 0, 50.0)
    assert np.isnan(estimated.error())
    assert estimated.log_evidence == -np.inf


def test_a_restored_estimate_continues_bit_for_bit() -> None:
    """Same next evidence and error."""
    rng = np.random.default_rng(5)
    counts, knots = reference(rng, 500)
    one, other = EstimatedError(counts), EstimatedError(counts)
    one.update(traffic(confidences(rng, 100, 1.0)[0], knots), 20, 100.0)
    other.restore(one.state())
    more = traffic(confidences(rng, 100)[0], knots)
    one.update(more, 10, 100.0)
    other.update(more, 10, 100.0)
    assert (one.log_evidence, one.error(0.3)) == (other.log_evidence, other.error(0.3))
