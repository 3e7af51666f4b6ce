"""Tolerance: what is below it wakes nobody, what is above is seen, and other views are as they were."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from detectors.evidence import Evidence
from detectors.layout import Layout
from detectors.stakes import BetRules, Stakes
from detectors.tolerance import share_of_shift
from detectors.types import IntArray

BINS = 32
LAYOUT = Layout(("age", "income"), BINS + 2, (), (), (), ("single", "single"))


def counted(rng: np.random.Generator, shift: float, batches: int, n: int = 100) -> IntArray:
    """Batches of two Gaussian features, the first moved by `shift`, in the bins of a standard one."""
    from scipy.special import ndtr

    counts = np.zeros((batches, LAYOUT.width), np.int64)
    for view, moved in enumerate((shift, 0.0)):
        bins = np.minimum((ndtr(rng.normal(moved, 1.0, (batches, n))) * BINS).astype(int), BINS - 1)
        for batch in range(batches):
            counts[batch, view * (BINS + 2) :][: BINS + 2] = np.bincount(bins[batch], minlength=BINS + 2)
    return counts


def first_alarm(shift: float, rules: BetRules, batches: int = 400) -> int | None:
    """Events until the first alarm of `age` at A = 10^5 events, a reference of 20,000; None within 40,000."""
    rng = np.random.default_rng(7)
    reference = counted(rng, 0.0, 1, 20_000)[0]
    evidence = Evidence(LAYOUT, reference, np.log(1e5), rules=rules)
    reading = evidence.update(
        counted(rng, shift, batches), np.full(batches, 100.0), 100.0 * np.arange(batches, dtype=float)
    )
    return next((100 * (alarm.batch + 1) for alarm in reading.alarms if alarm.view == 0), None)


def test_drift_below_the_tolerance_is_not_seen() -> None:
    """A shift of .2 sigma for 40,000 events alarms by default, and not with a tolerance of .25 sigma; seed 7.

    Bets lose .05 of its shift an event at least, so the chance of an alarm is far below 40,000 / 100,000.
    """
    assert first_alarm(0.2, BetRules()) is not None
    assert first_alarm(0.2, BetRules(shares={"age": share_of_shift(0.25)})) is None


def test_drift_above_the_tolerance_is_seen() -> None:
    """A shift of .75 sigma at .25 tolerated: at most 200 events later than .5 sigma without a tolerance; seed 7."""
    usual = first_alarm(0.5, BetRules())
    tolerant = first_alarm(0.75, BetRules(shares={"age": share_of_shift(0.25)}))
    assert usual is not None
    assert tolerant is not None
    assert tolerant <= usual + 200


def test_a_tolerance_is_that_of_its_view_alone() -> None:
    """Bets on other views grow as they did."""
    rng = np.random.default_rng(3)
    pooled, counts = counted(rng, 0.0, 2, 5000), counted(rng, 0.3, 2)
    every, some = Stakes(LAYOUT), Stakes(LAYOUT, BetRules(shares={"age": 0.1}))
    income = every.view == 1
    one, other = every.growth(pooled, counts), some.growth(pooled, counts)
    assert (one[:, income] == other[:, income]).all()
    assert (one[:, ~income] >= other[:, ~income]).all()
    assert (one[:, ~income][:, :8] > other[:, ~income][:, :8]).all()


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_under_every_tolerated_drift_step_and_pair_bets_pay_one_at_most(share: float) -> None:
    """All moves of `share` between two categories, and concordance moved both ways: no mean payoff exceeds one."""
    layout = Layout((), 4, ("kind",), (4,), ("x with y",), ("single", "pair"))
    stakes = Stakes(layout, BetRules(shares={"kind": share, "x with y": share}))
    usual, same = np.array([0.5, 0.27, 0.21, 0.02]), 0.4
    pooled = np.rint(1e6 * np.concatenate([usual, [same, 1 - same]])).astype(np.int64)
    payoff = np.exp(stakes.growth(np.tile(pooled, (6, 1)), np.eye(6, dtype=np.int64)))
    kinds, pairs = stakes.view == 0, stakes.view == 1
    for source, target in permutations(range(4), 2):
        moved = usual.copy()
        moved[target] += min(share, moved[source])
        moved[source] -= min(share, usual[source])
        assert (moved @ payoff[:4, kinds] <= 1 + 1e-5).all()
    for now in (same - share, same, same + share):
        assert (np.array([now, 1 - now]) @ payoff[4:, pairs] <= 1 + 1e-5).all()


@pytest.mark.parametrize("shift", [-0.25, -0.1, 0.0, 0.1, 0.25])
def test_under_a_tolerated_shift_location_and_scale_bets_pay_one_at_most(shift: float) -> None:
    """A Gaussian moved by up to .25 sigma, in 32 bins: no mean payoff exceeds one by more than the grid's .2 %."""
    from scipy.special import ndtr, ndtri

    stakes = Stakes(LAYOUT, BetRules(shares={"age": share_of_shift(0.25)}))
    pooled = np.zeros((BINS, LAYOUT.width), np.int64)
    pooled[:, :BINS] = 1_000_000
    counts = np.zeros_like(pooled)
    counts[:, :BINS] = np.eye(BINS, dtype=np.int64)
    payoff = np.exp(stakes.growth(pooled, counts))[:, stakes.view == 0]
    edges = ndtri(np.linspace(0, 1, BINS + 1))
    assert (np.diff(ndtr(edges - shift)) @ payoff <= 1.002).all()


def test_shares_of_the_bets_of_a_view_sum_to_one() -> None:
    """Padding of a stepped view gets none."""
    layout = Layout(("x",), 6, ("kind", "few"), (5, 3), ("x with y",), ("single", "single", "single", "pair"))
    stakes = Stakes(layout)
    np.testing.assert_allclose(np.add.reduceat(np.exp(stakes.log_share), stakes.starts), 1.0)
    np.testing.assert_allclose(np.exp(stakes.log_share[stakes.view == 0])[12:].sum(), 0.1)
    assert np.isneginf(stakes.log_share[stakes.view == 2][9:]).all()
