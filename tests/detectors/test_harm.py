"""Harm: rates above what was tolerated alarm, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.harm import Harm, upper_bound
from detectors.types import RANK_CELLS, IntArray, Labels, Stake

LEVEL = np.log(3.3e5)


def reference(rate: float, n: int) -> IntArray:
    """Right and wrong answers of a reference, evenly over the ranks."""
    wrong = np.full(RANK_CELLS, round(n * rate / RANK_CELLS))
    return np.stack([n // RANK_CELLS - wrong, wrong], axis=1).astype(np.int64)


def labels(
    rng: np.random.Generator, n: int, rate: float, stake: Stake = Stake.ACCEPTED, propensity: float = 1.0
) -> Labels:
    """Outcomes with this error rate."""
    counts = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
    np.add.at(counts[stake], (rng.integers(0, RANK_CELLS, n), (rng.random(n) < rate).astype(int)), 1)
    return Labels(propensity, 0, counts, np.zeros((len(Stake), RANK_CELLS), np.int64))


def alarms(harm: Harm, rng: np.random.Generator, rates: list[float], n: int = 10) -> list[tuple[int, str]]:
    """(label, view) of each alarm; batches of n labels, one rate a batch."""
    found = []
    for i, rate in enumerate(rates):
        reading = harm.update([labels(rng, n, rate)], 0, 0, float(n), float(i))
        found += [((i + 1) * n, alarm.view) for alarm in reading.alarms]
    return found


def new(rate: float = 0.1, n: int = 5000) -> Harm:
    """A detector whose promise and coverage play no part."""
    return Harm(reference(rate, n), max_error=0.9, miss_rate=0.5, log_level=LEVEL)


def test_an_error_that_falls_and_comes_back_is_no_harm() -> None:
    """.10, then .05 for 20,000 labels, then .10 again: a rate learnt on the way would alarm, a fixed one does not."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert alarms(new(), rng, [0.1] * 500 + [0.05] * 2000 + [0.1] * 1000) == []


def test_a_threefold_error_is_seen_soon_whatever_came_before() -> None:
    """.10 -> .30: within 160 labels in the median of 9 seeds, after 500 healthy labels and after 20,000."""
    for healthy in (50, 2000):
        delays = []
        for seed in range(9):
            rng = np.random.default_rng(seed)
            found = alarms(new(), rng, [0.1] * healthy + [0.3] * 100)
            delays.append(min((at for at, _ in found), default=10**6) - healthy * 10)
        assert sorted(delays)[4] <= 160
        assert min(delays) > 0


def test_one_band_that_goes_wrong_is_named() -> None:
    """Errors of the surest answers alone: the band of confidence alarms."""
    rng = np.random.default_rng(0)
    harm = Harm(reference(0.04, 20_000), max_error=0.9, miss_rate=0.5, log_level=LEVEL)
    found: set[str] = set()
    for i in range(400):
        each = labels(rng, 10, 0.04)
        top = each.counts[Stake.ACCEPTED, -5:]
        moved = np.minimum(top[:, 0], rng.binomial(1, 0.6, 5))
        top[:, 0] -= moved
        top[:, 1] += moved
        found |= {alarm.view for alarm in harm.update([each], 0, 0, 10.0, float(i)).alarms}
    assert "error at confidence rank 0.9 to 1.0" in found


def test_false_alarms_are_rarer_than_promised() -> None:
    """At the very rate of the reference, A = 1,000 labels, 200 runs of 1,000: at most 1 in one run on average.

    P(alarm by t) <= t / A is vacuous here, so the count is held against its bound in expectation: at most 200 by
    Ville's inequality; p0 is an upper bound, so far fewer come.
    """
    rng = np.random.default_rng(1)
    total = 0
    for _ in range(200):
        harm = Harm(reference(0.1, 2000), max_error=0.9, miss_rate=0.5, log_level=np.log(1000.0))
        total += len(alarms(harm, rng, [0.1] * 10, n=100))
    assert total <= 200 * 0.25


def test_accepted_errors_are_held_against_the_promise_alone() -> None:
    """`accepted error` is no harm view; it fires when what passes is wrong more often than promised."""
    rng = np.random.default_rng(2)
    harm = Harm(reference(0.1, 5000), max_error=0.05, miss_rate=0.5, log_level=LEVEL)
    fired = [harm.update([labels(rng, 10, 0.1)], 0, 0, 10.0, float(i)).promise for i in range(300)]
    promise = next(each for each in fired if each is not None)
    assert promise.tolerated == 0.05
    assert promise.wrong / promise.n > 0.05


def test_held_back_labels_do_not_count_against_the_promise() -> None:
    """What the model was not allowed to say is not among what passes."""
    rng = np.random.default_rng(3)
    harm = Harm(reference(0.1, 5000), max_error=0.05, miss_rate=0.5, log_level=LEVEL)
    for i in range(300):
        assert harm.update([labels(rng, 10, 0.1, Stake.HELD, 0.1)], 0, 0, 10.0, float(i)).promise is None


def test_growth_is_the_product_of_the_bets() -> None:
    """One batch equals the product over its labels of 1 + w λ (x - p0), averaged over the bets."""
    rng = np.random.default_rng(4)
    harm = new()
    each = labels(rng, 200, 0.15)
    reading = harm.update([each], 0, 0, 7.0, 0.0)
    p0 = upper_bound(500, 5000).item()
    wrong = each.counts[Stake.ACCEPTED, :, 1].sum()
    right = each.counts[Stake.ACCEPTED, :, 0].sum()
    bets = [(r - 1) / (1 - p0) for r in (1.5, 2.0, 3.0, 5.0)]
    paid = np.mean([7.0 * (1 + bet * (1 - p0)) ** wrong * (1 - bet * p0) ** right for bet in bets])
    means = harm._means()
    assert reading.alarms == ()
    assert means[0] == pytest.approx(np.log(paid))


def test_state_continues_to_the_bit() -> None:
    """A restored detector goes on with the same readings."""
    rng = np.random.default_rng(5)
    one, other = new(), new()
    batches = [labels(rng, 20, 0.15) for _ in range(60)]
    for i, each in enumerate(batches[:30]):
        one.update([each], 1, 9, 20.0, float(i))
    other.restore(one.state())
    for i, each in enumerate(batches[30:]):
        assert one.update([each], 1, 9, 20.0, 30.0 + i) == other.update([each], 1, 9, 20.0, 30.0 + i)


@pytest.mark.parametrize(("wrong", "n"), [(0, 10), (3, 10), (10, 10), (500, 5000)])
def test_the_bound_is_clopper_pearson(wrong: int, n: int) -> None:
    """Equal to scipy's exact interval."""
    exact = stats.binomtest(wrong, n, alternative="less").proportion_ci(0.95, method="exact").high
    assert upper_bound(wrong, n).item() == pytest.approx(exact)
