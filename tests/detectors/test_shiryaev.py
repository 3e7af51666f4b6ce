"""The recursion equals the sum over all moments at which the change may have come."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.shiryaev import retained

STEPS = st.lists(st.tuples(st.floats(0.01, 100), st.floats(-5, 5), st.integers(0, 50)), min_size=1, max_size=15)


@given(STEPS)
def test_the_recursion_equals_a_sum_over_change_points(steps: list[tuple[float, float, int]]) -> None:
    """M is the sum over s of w_s times the growth from s on, and `since` the mean of the counts, weighted by it."""
    log_m, since = -np.inf, 0.0
    for w, growth, count in steps:
        since = float(retained(np.array(log_m), np.log(w))) * since + count
        log_m = np.logaddexp(log_m, np.log(w)) + growth
    weights = [np.log(w) + sum(growth for _, growth, _ in steps[s:]) for s, (w, _, _) in enumerate(steps)]
    counts = [sum(count for _, _, count in steps[s:]) for s in range(len(steps))]
    likelihoods = np.exp(np.array(weights) - max(weights))
    np.testing.assert_allclose(log_m, np.logaddexp.reduce(weights), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(since, likelihoods @ counts / likelihoods.sum(), rtol=1e-9)


def test_no_time_and_no_past_are_certain() -> None:
    """Without a past all belongs to this batch; if no time has passed, nothing can have begun with it."""
    assert retained(np.array([-np.inf, 3.0, -np.inf]), 0.0)[0] == 0.0
    assert retained(np.array([3.0]), -np.inf)[0] == 1.0
