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
    everywhere = [1.1 * odds * 1.4, 1.1 * odds * 2.5, (1.1 * odds) ** 0.8, (1.1 * odds) ** 0.6]
    surer = np.arange(RANK_CELLS) >= RANK_CELLS // 2
    for alternative in [*everywhere, *(np.where(surer, each, 1.1 * odds) for each in everywhere)]:
        null, changed = 1.1 * odds / (1 + 1.1 * odds), np.maximum(alternative, 1.1 * odds)
        changed = changed / (1 + changed)
        payoffs = np.stack([(1 - changed) / (1 - null), changed / null], axis=1)
        for start in range(len(batches)):
            since = np.sum(batches[start:], axis=0)
            weight = batches[start].sum() * np.prod(payoffs**since)
            total, mean = total + weight, mean + weight * since
    assert detector.log_evidence[0] == pytest.approx(np.log(total / 8))
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


def test_errors_at_the_edge_of_the_tolerance_alarm_as_rarely_as_promised() -> None:
    """10 % more odds: in at most a tenth of 40 streams an alarm by 10,000 labels, for E[M_t] <= t = A / 10 (seeded).

    The 99.9 % point of Binomial(40, .1) is 10.
    """
    r = np.random.default_rng(6)
    alarmed = 0
    for _ in range(40):
        detector = EpochDetector(FIT)
        alarms = [detector.update(batch(r, 500, FIT.log_odds() + np.log(1.1)), NONE_LATE) for _ in range(20)]
        alarmed += alarms != [None] * 20
    assert alarmed <= 10


def test_no_bet_pays_on_the_other_side() -> None:
    """For worse a wrong answer never pays less than a right one, for better never more: the null is one-sided."""
    payoffs = EpochDetector(RankLogistic(0.5, -2.0, (0.0, 0.0, 0.0)))._payoffs[:2].reshape(2, 8, RANK_CELLS, 2)
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


def test_labels_that_were_overdue_and_came_are_no_improvement() -> None:
    """Half of the labels come a batch after they were overdue, and nothing changes: as few alarms as without it.

    In at most a tenth of 20 streams an alarm by 10,000 labels (seeded); the 99.9 % point of Binomial(20, .1) is 7.
    """
    r = np.random.default_rng(9)
    alarmed = 0
    for _ in range(20):
        detector, late = EpochDetector(FIT), NONE_LATE
        alarms = []
        for _ in range(100):
            counts = batch(r, 100, FIT.log_odds())
            alarms.append(detector.update(counts, -late))
            late = (r.random(RANK_CELLS) < 0.5) * batch(r, 100, FIT.log_odds()).sum(axis=1)
            alarms.append(detector.update(np.zeros_like(counts), late))
        alarmed += alarms != [None] * 200
    assert alarmed <= 7


@given(st.integers(0, 2**32 - 1))
def test_better_is_never_more_than_its_labels_and_those_overdue_say(seed: int) -> None:
    """Whatever is overdue and comes: at most the sum over starts, each overdue label wrong where it is since then."""
    r = np.random.default_rng(seed)
    detector = EpochDetector(FIT)
    arrived: list[IntArray] = []
    open_since: list[tuple[int, int]] = []  # the batch in which a label was overdue, and its cell
    for now in range(8):
        came = [each for each in open_since if r.random() < 0.4]
        open_since = [each for each in open_since if each not in came]
        # one that comes and one that is overdue cancel in a cell of a batch: nobody could tell them apart
        free = np.setdiff1d(np.arange(RANK_CELLS), [cell for _, cell in came])
        new = [(now, int(cell)) for cell in r.choice(free, r.integers(0, 6), replace=False)]
        open_since += new
        counts = batch(r, int(r.integers(0, 40)), FIT.log_odds() - 1)
        late = np.zeros(RANK_CELLS, np.int64)
        np.add.at(late, [cell for _, cell in new], 1)
        for _, cell in came:
            late[cell] -= 1
            counts[cell, 0] += 1
        arrived.append(counts)
        detector.update(counts, late)
    payoffs = detector._payoffs[1].reshape(8, RANK_CELLS, 2)
    total = 0.0
    for start in range(8):
        seen = np.sum(arrived[start:], axis=0).astype(float)
        np.add.at(seen, ([cell for at, cell in open_since if at >= start], 1), 1)
        total += arrived[start].sum() * np.exp((payoffs * seen).sum(axis=(1, 2))).mean()
    assert detector.log_evidence[1] <= np.log(max(total, 1e-300)) + 1e-9


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


@given(st.floats(-4, -1), st.floats(-2, 0), st.floats(0, 2))
def test_the_fit_finds_the_bend(intercept: float, slope: float, bend: float) -> None:
    """On the expected counts of a bent line its three parameters come back, and its errors are the quadratic form."""
    rates = RankLogistic(intercept, slope, (0.0, 0.0, 0.0), bend).rates()
    fit = fit_logistic(1e7 * np.stack([1 - rates, rates], axis=1), bent=True)
    assert [fit.intercept, fit.slope, fit.bend] == pytest.approx([intercept, slope, bend], abs=0.03)
    level, both, tilt = fit.covariance
    whole = np.array([[level, both, fit.bend_covariance[0]], [both, tilt, fit.bend_covariance[1]], fit.bend_covariance])
    at = np.stack([np.ones(RANK_CELLS), NORMAL_SCORES, np.maximum(NORMAL_SCORES, 0)])
    assert fit.errors() == pytest.approx(np.sqrt(np.einsum("ic,ij,jc->c", at, whole, at)))


def test_a_floor_of_errors_is_seen_in_the_surer_half() -> None:
    """No answer is righter than 90 % any more: from 3,000 even labels the bent fit puts the surest beyond .07."""
    r = np.random.default_rng(8)
    floor = np.maximum(FIT.log_odds(), np.log(1 / 9))
    counts = batch(r, 3_000, floor).astype(float)
    straight, bent = fit_logistic(counts, FIT, 1.0), fit_logistic(counts, FIT, 1.0, bent=True)
    assert bent.rates()[-10:].mean() > 0.07 > straight.rates()[-10:].mean()


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
