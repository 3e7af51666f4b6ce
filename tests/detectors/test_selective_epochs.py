from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.epochs import LOG_LEVEL, EpochDetector, Side
from detectors.logistic import NORMAL_SCORES, RankLogistic, fit_logistic, least_threshold
from detectors.types import RANK_CELLS, FloatArray, IntArray

FIT = RankLogistic(-2.3, -1.2, (0.0, 0.0, 0.0))
NONE_LATE = np.zeros(RANK_CELLS, np.int64)


def batch(r: np.random.Generator, n: int, log_odds: FloatArray) -> IntArray:
    """Counts of `n` labels of even traffic."""
    cells = r.integers(0, RANK_CELLS, n)
    wrong = r.random(n) < 1 / (1 + np.exp(-log_odds[cells]))
    counts = np.zeros((RANK_CELLS, 2), np.int64)
    np.add.at(counts, (cells, wrong.astype(int)), 1)
    return counts


def test_evidence_and_counts_since_equal_the_sum_over_times_of_change() -> None:
    """The recursions give the Shiryaev-Roberts sum, and the mean of the counts since under its weights."""
    r = np.random.default_rng(3)
    batches = [batch(r, int(r.integers(1, 30)), FIT.log_odds() + (i > 6)) for i in range(12)]
    detector = EpochDetector(FIT)
    for counts in batches:
        detector.update(counts, NONE_LATE)
    odds = np.exp(FIT.log_odds())
    total, mean = 0.0, np.zeros((RANK_CELLS, 2))
    for alternative in (1.1 * odds * 1.4, 1.1 * odds * 2.5, (1.1 * odds) ** 0.8, (1.1 * odds) ** 0.6):
        null, changed = 1.1 * odds / (1 + 1.1 * odds), np.maximum(alternative, 1.1 * odds)
        changed = changed / (1 + changed)
        payoffs = np.stack([(1 - changed) / (1 - null), changed / null], axis=1)
        for start in range(len(batches)):
            since = np.sum(batches[start:], axis=0)
            weight = batches[start].sum() * np.prod(payoffs**since)
            total, mean = total + weight, mean + weight * since
    assert detector.log_evidence[0] == pytest.approx(np.log(total / 4))
    assert np.allclose(detector.since(Side.WORSE), mean / total)


@pytest.mark.parametrize(("shift", "side"), [(1.0, Side.WORSE), (-1.2, Side.BETTER)])
def test_a_change_of_the_odds_is_seen_on_its_side(shift: float, side: Side) -> None:
    """Odds that more than double or fall to a third alarm within 1,500 labels; the counts since are those of after."""
    r = np.random.default_rng(5)
    detector = EpochDetector(FIT)
    for _ in range(100):
        assert detector.update(batch(r, 50, FIT.log_odds()), NONE_LATE) is None
    alarm = None
    after = 0
    while alarm is None and after < 1_500:
        alarm = detector.update(batch(r, 50, FIT.log_odds() + shift), NONE_LATE)
        after += 50
    assert alarm is side
    assert detector.since(side).sum() == pytest.approx(after, rel=0.5)


def test_errors_within_the_tolerance_raise_no_evidence() -> None:
    """At the edge of what is tolerated, 10 % more odds, 200,000 labels raise no alarm (seeded)."""
    r = np.random.default_rng(6)
    detector = EpochDetector(FIT)
    alarms = [detector.update(batch(r, 500, FIT.log_odds() + np.log(1.1)), NONE_LATE) for _ in range(400)]
    assert alarms == [None] * 400


def test_no_bet_pays_on_the_other_side() -> None:
    """For worse a wrong answer never pays less than a right one, for better never more: the null is one-sided."""
    payoffs = EpochDetector(RankLogistic(0.5, -2.0, (0.0, 0.0, 0.0)))._payoffs.reshape(2, 4, RANK_CELLS, 2)
    assert (payoffs[0, :, :, 1] >= payoffs[0, :, :, 0]).all()
    assert (payoffs[1, :, :, 1] <= payoffs[1, :, :, 0]).all()


def test_labels_that_stay_away_are_no_improvement() -> None:
    """Where every wrong answer's label is missing, overdue labels keep `better` silent; `worse` waits for labels."""
    counts: IntArray = np.zeros((RANK_CELLS, 2), np.int64)
    counts[10:40, 0] = 8
    late: IntArray = np.zeros(RANK_CELLS, np.int64)
    late[10:40] = 2
    naive, careful = EpochDetector(FIT), EpochDetector(FIT)
    assert Side.BETTER in [naive.update(counts, NONE_LATE) for _ in range(10)]
    assert [careful.update(counts, late) for _ in range(10)] == [None] * 10


def test_overdue_labels_of_an_earlier_detector_are_not_taken_back() -> None:
    """A label that was overdue before the detector began cannot lower its count of errors."""
    detector = EpochDetector(FIT)
    detector.update(np.zeros((RANK_CELLS, 2), np.int64), np.full(RANK_CELLS, -5, np.int64))
    assert (detector.since(Side.BETTER) >= 0).all()
    assert detector.log_evidence[1] < 0


def test_a_small_sample_widens_the_tolerance() -> None:
    """A fit to 200 labels tolerates more than one to 20,000: evidence against it is smaller for the same labels."""
    counts = np.stack([1 - FIT.rates(), FIT.rates()], axis=1)
    r = np.random.default_rng(7)
    news = batch(r, 300, FIT.log_odds() + 0.8)
    evidence = []
    for n in (200, 20_000):
        detector = EpochDetector(fit_logistic(n / RANK_CELLS * counts))
        detector.update(news, NONE_LATE)
        evidence.append(detector.log_evidence[0])
    assert evidence[0] < evidence[1] - 3


@given(st.floats(-5, 0), st.floats(-2, 0.5))
def test_the_fit_finds_the_line(intercept: float, slope: float) -> None:
    """On the expected counts of a logistic its two parameters come back."""
    rates = RankLogistic(intercept, slope, (0.0, 0.0, 0.0)).rates()
    fit = fit_logistic(1e6 * np.stack([1 - rates, rates], axis=1))
    assert fit.intercept == pytest.approx(intercept, abs=0.02)
    assert fit.slope == pytest.approx(slope, abs=0.02)


@pytest.mark.parametrize("counts", [np.zeros((RANK_CELLS, 2)), np.eye(2)[np.zeros(RANK_CELLS, int)] * 1e6])
def test_the_fit_is_finite_without_errors(counts: FloatArray) -> None:
    """No labels at all, or a million without an error, still give a finite line that is not surer than the counts."""
    fit = fit_logistic(counts)
    assert np.isfinite([fit.intercept, fit.slope, *fit.covariance]).all()
    assert 0 < fit.rates()[25] < 0.6


@given(st.lists(st.floats(0, 1), min_size=RANK_CELLS, max_size=RANK_CELLS), st.floats(0.01, 0.5))
def test_the_least_threshold_is_borne_out_and_the_least(rates: list[float], limit: float) -> None:
    """Traffic above it is wrong at most `limit` of the time, and no lower edge of a cell has that."""
    errors, mass = np.array(rates), 1 + NORMAL_SCORES**2
    at = least_threshold(errors, mass, limit)
    means = [np.average(errors[c:], weights=mass[c:]) for c in range(RANK_CELLS)]
    met = [c for c in range(RANK_CELLS) if means[c] <= limit * (1 + 1e-9)]
    assert at == (met[0] / RANK_CELLS if met else 1.03)


def test_the_level_is_one_in_a_hundred_thousand_labels() -> None:
    """The level is the promise itself."""
    assert np.exp(LOG_LEVEL) == pytest.approx(1e5)
