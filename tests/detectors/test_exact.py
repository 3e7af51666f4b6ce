"""The exact path: a martingale by enumeration, as often wrong as promised, and what the batch path says at n = 1."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from detectors.evidence import Evidence
from detectors.exact import ExactDetector
from detectors.layout import Layout
from detectors.payoffs import LOCATIONS, SCALES
from detectors.stakes import Stakes
from detectors.types import FloatArray, IntArray

BINS = 32


def test_gaps_add_up_to_the_numbers_and_one() -> None:
    """Below the least one, above the greatest one, in the first bin one less than it has; each event adds one."""
    detector = ExactDetector(np.arange(10.0), np.log(1e3), bins=3)
    assert detector.gaps.tolist() == [1, 3, 3, 3, 1]
    assert detector.gaps.sum() == 11
    for x in (-5.0, 0.5, 8.5, 99.0, -7.0):
        detector.update(x)
    assert detector.gaps.tolist() == [3, 4, 3, 4, 2]
    assert detector.gaps.sum() == 16


@pytest.mark.parametrize("bins", [1, 2, 4])
def test_given_the_past_each_bet_pays_one(bins: int) -> None:
    """All 120 orders of five numbers, three of them the reference: given the ranks so far the next payoff's mean is 1.

    This is what the batch path does not offer, and why alarms of this one are A apart on average at least.
    """
    by_past: dict[tuple[int, ...], list[FloatArray]] = {}
    for order in permutations(range(5)):
        x = np.array(order, dtype=float)
        for n in (3, 4):
            detector = ExactDetector(x[:3], np.log(1e3), bins)
            for each in x[3:n]:
                detector.update(float(each))
            payoffs = np.exp(detector.log_payoffs())
            before = detector.gaps
            detector.update(float(x[n]))
            place = int((detector.gaps - before).argmax())
            past = tuple(np.argsort(np.argsort(x[:n])).tolist())
            by_past.setdefault(past, []).append(payoffs[place])
    for payoffs_of_past in by_past.values():
        np.testing.assert_allclose(np.mean(payoffs_of_past, axis=0), 1.0, atol=1e-12)


def test_false_alarms_are_as_far_apart_as_promised() -> None:
    """100 runs of unchanged lognormal numbers, A = 100, seed 3: the mean time to an alarm is at least A, less 3 errors.

    Run lengths have a standard deviation of about their mean, so 100 of them an error of 10 %. They are cut at 4 A.
    """
    rng = np.random.default_rng(3)
    lengths = []
    for _ in range(100):
        detector = ExactDetector(rng.lognormal(size=300), np.log(100.0), bins=8)
        alarms = (i + 1 for i, x in enumerate(rng.lognormal(size=400).tolist()) if detector.update(x))
        lengths.append(next(alarms, 400))
    assert np.mean(lengths) >= 100 * (1 - 3 * 0.1)


def binned(reference: FloatArray, values: FloatArray) -> IntArray:
    """(events, bins + 2): each event alone, in bins with edges of the reference, as the batch path counts it."""
    edges = np.quantile(reference, np.linspace(0, 1, BINS + 1), method="inverted_cdf")
    place = np.searchsorted(edges, values, side="left") - 1
    place[values == edges[0]] = 0
    place[(place < 0) | (place >= BINS)] = BINS
    return np.eye(BINS + 2, dtype=np.int64)[place]


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_batch_path_agrees_at_one_event_a_batch(shift: float) -> None:
    """2,000 numbers to compare with, 1,500 events inside their range: the log-growth of each bet on an event agrees.

    To within .02 in all bins but the first and the last, because the exact path has counted one event less, of 60 or
    more. To within .4 in these two, which for it do not reach to rank 0 and 1: the gap outside of them does, and there
    the bets are densest. (The batch path has such events in a bin of their own, without a rank.)
    """
    rng = np.random.default_rng(4)
    reference = rng.normal(size=2000)
    live = rng.normal(shift, 1.0, size=1500)
    live = live[(live > reference.min()) & (live <= reference.max())]
    detector = ExactDetector(reference, np.log(1e12), BINS)
    stakes = Stakes(Layout(("x",), BINS + 2, (), (), (), ("single",)))
    ranked = len(LOCATIONS) + len(SCALES)
    pooled, inner, ends = binned(reference, reference).sum(axis=0), 0.0, 0.0
    for x, one in zip(live.tolist(), binned(reference, live), strict=True):
        before = detector.gaps
        payoffs = detector.log_payoffs()
        detector.update(x)
        place = int((detector.gaps - before).argmax())
        pooled = pooled + one
        batch = stakes.growth(pooled[None], one[None])[0, :ranked]
        apart = float(np.abs(payoffs[place] - batch).max())
        inner, ends = (inner, max(ends, apart)) if place in (1, BINS) else (max(inner, apart), ends)
    assert inner <= 0.02
    assert ends <= 0.4


def test_both_paths_see_a_change_at_about_the_same_event() -> None:
    """Half a sigma from the first event on, 20 seeds, A = 10,000: median delays are within a fifth of each other.

    The batch path has six more bets on the special bins, which cost it log(18/12) of evidence, some three events.
    """
    delays = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        reference, live = rng.normal(size=2000), rng.normal(0.5, 1.0, size=600)
        detector = ExactDetector(reference, np.log(1e4), BINS)
        exact = next((i for i, x in enumerate(live.tolist()) if detector.update(x)), 600)
        layout = Layout(("x",), BINS + 2, (), (), (), ("single",))
        evidence = Evidence(layout, binned(reference, reference).sum(axis=0), np.log(1e4))
        reading = evidence.update(binned(reference, live)[:300], np.ones(300), np.arange(300.0))
        delays.append((exact, reading.alarms[0].batch if reading.alarms else 300))
    exact_median, batch_median = np.median(np.array(delays), axis=0)
    assert abs(exact_median - batch_median) <= 0.2 * exact_median


def test_a_restored_detector_continues_bit_for_bit() -> None:
    """Same next evidence."""
    rng = np.random.default_rng(5)
    reference, live = rng.normal(size=100), rng.normal(size=50).tolist()
    one, other = (ExactDetector(reference, np.log(1e3)) for _ in range(2))
    for x in live[:30]:
        one.update(x)
    other.restore(one.state())
    for x in live[30:]:
        one.update(x)
        other.update(x)
        assert one.log_evidence == other.log_evidence


def test_a_constant_has_no_gaps() -> None:
    """There is nothing to compare with."""
    with pytest.raises(ValueError, match="two different"):
        ExactDetector(np.ones(50), np.log(1e3))
