"""Bets: each integrates to one, and none can gain on average when nothing changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln
from scipy.stats import norm

from detectors.payoffs import LOCATIONS, SCALES, Bets, OrderedBets, PairBets, StepBets
from detectors.types import FloatArray

KINDS: list[tuple[Bets, int]] = [(OrderedBets(), 6), (StepBets(4), 4), (PairBets(), 2)]


def payoffs(bets: Bets, pooled: FloatArray) -> FloatArray:
    """What each bet pays on each bin, (bins, bets), by a batch of one event in that bin."""
    bins = len(pooled)
    return np.exp(bets.growth(np.tile(pooled, (bins, 1))[:, None], np.eye(bins)[:, None])[:, 0])


@pytest.mark.parametrize(("bets", "bins"), KINDS)
def test_every_bet_pays_one_on_average(bets: Bets, bins: int) -> None:
    """Under the pooled counts themselves; a bet on an empty bin pays less, never more."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        pooled = rng.integers(1, 1000, bins).astype(float)
        means = (pooled / pooled.sum()) @ payoffs(bets, pooled)
        np.testing.assert_allclose(means, 1.0, rtol=1e-9)
        pooled[rng.integers(0, bins)] = 0
        means = (pooled / pooled.sum()) @ payoffs(bets, pooled)
        assert (means <= 1 + 1e-9).all()


def test_rank_bets_are_those_of_the_formula() -> None:
    """Location and scale bets against scipy's normal distribution: within a thousandth of each payoff."""
    pooled = np.array([5.0, 30, 100, 250, 60, 55, 0, 0])
    shares = np.cumsum(np.concatenate([[0.0], pooled[:6] / pooled[:6].sum()]))
    with np.errstate(divide="ignore"):
        z = norm.ppf(shares)
    rows = [norm.cdf(z - d) for d in LOCATIONS] + [norm.cdf(z / s) for s in SCALES]
    exact = np.diff(np.array(rows), axis=1) / np.diff(shares)
    np.testing.assert_allclose(payoffs(OrderedBets(), pooled)[:6, :12], exact.T, rtol=1e-3)


def test_what_is_outside_is_paid_as_both_tails() -> None:
    """Half of its ranks at either end: against scipy's normal distribution; a greater spread pays, a missing one."""
    pooled = np.array([60.0, 200, 500, 200, 40, 17])
    edges = norm.ppf(np.cumsum([0.02, *pooled[:4] / 1000]))
    ends = np.concatenate([[-np.inf], edges, [np.inf]])
    rows = np.array([norm.cdf(ends - d) for d in LOCATIONS] + [norm.cdf(ends / s) for s in SCALES])
    mass = np.diff(rows, axis=1)
    exact = np.column_stack([mass[:, 1:-1], mass[:, 0] + mass[:, -1]]) / (pooled[:5] / 1000)
    paid = payoffs(OrderedBets(), pooled)[:, :12]
    np.testing.assert_allclose(paid[:5], exact.T, rtol=1e-3)
    np.testing.assert_allclose(paid[5], 1.0)
    assert paid[4, 11] > 5


@pytest.mark.parametrize("tiny", [1.0, 3.0])
def test_tails_are_safe(tiny: float) -> None:
    """A bin of one in a billion at either end has a finite payoff, near the density there; mirror bets mirror it."""
    pooled = np.array([tiny, 1e9, 1e9, tiny, 0, 0])
    paid = payoffs(OrderedBets(), pooled)[:, :12]
    assert np.isfinite(paid).all()
    np.testing.assert_allclose(paid[0, :8], paid[3, 7::-1], rtol=1e-6)
    z = norm.ppf(tiny / 2e9 / 2)
    assert 0.2 < paid[0, 7] / np.exp(z - 0.5) < 5


def draws(pooled: tuple[int, ...], n: int) -> Iterator[tuple[FloatArray, float]]:
    """Every batch of n events that can be drawn from the pooled counts without replacement, with its probability."""

    def log_choose(a: int, b: int) -> float:
        return float(gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1))

    def walk(bins: tuple[int, ...], left: int) -> Iterator[tuple[int, ...]]:
        if len(bins) == 1:
            if left <= bins[0]:
                yield (left,)
            return
        for k in range(min(bins[0], left) + 1):
            for rest in walk(bins[1:], left - k):
                yield (k, *rest)

    total = log_choose(sum(pooled), n)
    for draw in walk(pooled, n):
        log_p = sum(log_choose(a, b) for a, b in zip(pooled, draw, strict=True)) - total
        yield np.array(draw, float), float(np.exp(log_p))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_batch_pays_at_most_one_given_the_pooled_counts(data: st.DataObject) -> None:
    """All draws enumerated: the batch is counted before it is paid, so its expected payoff is at most one."""
    for bets, bins in KINDS:
        pooled = tuple(data.draw(st.lists(st.integers(0, 4), min_size=bins, max_size=bins).filter(any)))
        n = data.draw(st.integers(1, min(4, sum(pooled))))
        expected: FloatArray = np.zeros(bets.size)
        for draw, probability in draws(pooled, n):
            expected += probability * np.exp(bets.growth(np.array(pooled, float)[None, None], draw[None, None])[0, 0])
        assert (expected <= 1 + 1e-9).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=6, max_size=6), st.data())
def test_growth_is_finite_whatever_the_counts(pooled: list[int], data: st.DataObject) -> None:
    """Also where bins are empty."""
    counts = [data.draw(st.integers(0, count)) for count in pooled]
    growth = OrderedBets().growth(np.array(pooled, float)[None, None], np.array(counts, float)[None, None])
    assert np.isfinite(growth).all()
