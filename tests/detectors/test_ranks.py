"""Rank bets as densities: positive, of mass one, and a coarser bin pays the mean of the finer ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from detectors.payoffs import LOCATIONS, SCALES
from detectors.ranks import RankTable
from detectors.types import FloatArray

TABLE = RankTable(LOCATIONS, SCALES)
COUNTS = st.lists(st.integers(1, 10**7), min_size=3, max_size=12)


def payoffs(pooled: FloatArray) -> FloatArray:
    """(bins, bets): what a single event in each bin pays."""
    return np.exp(TABLE.growth(np.tile(pooled, (len(pooled), 1)), np.eye(len(pooled))))


@given(COUNTS)
def test_every_bet_has_mass_one_and_is_positive(counts: list[int]) -> None:
    """Over any partition of the ranks, as coarse or fine, as even or uneven as may be."""
    pooled = np.array(counts, float)
    paid = payoffs(pooled)
    assert (paid > 0).all()
    np.testing.assert_allclose((pooled / pooled.sum()) @ paid, 1.0, rtol=1e-9)


@given(COUNTS, st.data())
def test_a_merged_bin_pays_the_mean_of_its_parts(counts: list[int], data: st.DataObject) -> None:
    """Weighted by their shares: so how fine the bins are costs sharpness, never the promise."""
    at = data.draw(st.integers(0, len(counts) - 2))
    fine = np.array(counts, float)
    coarse = np.concatenate([fine[:at], [fine[at] + fine[at + 1]], fine[at + 2 :]])
    parts = fine[at : at + 2]
    np.testing.assert_allclose(payoffs(coarse)[at], parts @ payoffs(fine)[at : at + 2] / parts.sum(), rtol=1e-6)


@given(COUNTS)
def test_the_order_of_the_ranks_mirrors_the_bets(counts: list[int]) -> None:
    """Upside down, a shift pays what the opposite shift paid, and a scale what it paid before."""
    pooled = np.array(counts, float)
    up, down = payoffs(pooled), payoffs(pooled[::-1])[::-1]
    shifts = len(LOCATIONS)
    np.testing.assert_allclose(up[:, :shifts], down[:, shifts - 1 :: -1], rtol=1e-6)
    np.testing.assert_allclose(up[:, shifts:], down[:, shifts:], rtol=1e-6)


def test_the_table_follows_the_normal_distribution_into_the_tails() -> None:
    """Down to one in a hundred million: the mass of the last bin within two thousandths of scipy's, at either end."""
    for share in 10.0 ** -np.arange(1, 9):
        pooled = np.array([share, 1 - share]) * 1e12
        low, high = payoffs(pooled)[0], payoffs(pooled[::-1])[1]
        z = norm.ppf(share)
        exact = np.array([norm.cdf(z - d) for d in LOCATIONS] + [norm.cdf(z / s) for s in SCALES]) / share
        mirrored = np.array([norm.cdf(z + d) for d in LOCATIONS] + [norm.cdf(z / s) for s in SCALES]) / share
        np.testing.assert_allclose(low, exact, rtol=2e-3)
        np.testing.assert_allclose(high, mirrored, rtol=2e-3)


def test_growth_is_counts_times_log_payoff() -> None:
    """A batch pays the product of what its events pay, whatever their order."""
    rng = np.random.default_rng(0)
    pooled = rng.integers(1, 1000, 8).astype(float)
    counts = rng.integers(0, 20, 8).astype(float)
    np.testing.assert_allclose(TABLE.growth(pooled, counts), counts @ np.log(payoffs(pooled)), rtol=1e-9)
