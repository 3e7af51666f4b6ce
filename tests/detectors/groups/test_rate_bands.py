from __future__ import annotations

import numpy as np

from detectors.groups.rate_bands import gap_bands, rate_bands


def test_the_band_holds_the_rate_at_all_times_in_nearly_all_runs() -> None:
    """500 runs of 2,000 events at .05, looked at after each ten: outside at any time in at most 5 %.

    Binomial bound: more than 39 of 500 at a true 5 % come with probability .003.
    """
    rng = np.random.default_rng(0)
    wrong = np.cumsum(rng.random((500, 2_000)) < 0.05, axis=1, dtype=np.int64)[:, 9::10]
    n = np.broadcast_to(np.arange(10, 2_001, 10), wrong.shape)
    lower, upper = rate_bands(wrong, n)
    outside = ((lower > 0.05) | (upper < 0.05)).any(axis=1).sum()
    assert outside <= 39
    assert (upper - lower)[:, -1].max() < 0.06


def test_it_is_of_use_and_ordered() -> None:
    """Ends on either side of the share, narrower with more events."""
    lower, upper = rate_bands(np.array([2, 20, 200]), np.array([10, 100, 1000]))
    assert (lower < 0.2).all()
    assert (upper > 0.2).all()
    assert (np.diff(upper - lower) < 0).all()


def test_a_gap_needs_two_groups_with_events() -> None:
    """One alone has none; three have that of the farthest two, and its band has the true one in it."""
    gaps = gap_bands(np.array([5, 100, 150, 300]), np.array([10, 1000, 1000, 1000]), np.array([1, 0, 0, 0]))
    assert np.isnan(gaps[0][0])
    gap, lower, upper = gaps[1]
    assert lower < 0.2 < upper
    assert abs(gap - 0.2) < 1e-12
