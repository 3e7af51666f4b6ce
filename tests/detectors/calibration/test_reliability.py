from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.calibration.reliability import reliability, risk_coverage


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 20))
def test_the_calibration_error_is_mapies(seed: int, n: int, bins: int) -> None:
    """The error over bins of equal width is MAPIE's, whose n edges are the ends of n - 1 bins."""
    from mapie.metrics.calibration import expected_calibration_error

    r = np.random.default_rng(seed)
    p, right = r.random(n), r.integers(0, 2, n)
    ours = reliability(p, (1 - right).astype(np.float64), bins)
    theirs = expected_calibration_error(right, p, num_bins=bins + 1, split_strategy="uniform")
    assert ours.error == pytest.approx(theirs, abs=1e-12)
    assert ours.n.sum() == n
    assert ours.brier == pytest.approx(np.mean((p - right) ** 2))


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_the_area_is_the_mean_over_all_orders_of_ties(seed: int, n: int) -> None:
    """Without ties it is the mean of the running error; with ties it lies between the best and the worst order."""
    r = np.random.default_rng(seed)
    wrong = r.integers(0, 2, n).astype(float)
    sure = r.permutation(n).astype(float)
    plain = np.mean(np.cumsum(wrong[np.argsort(-sure)]) / np.arange(1, n + 1))
    assert risk_coverage(sure, wrong).area == pytest.approx(plain)
    tied = np.floor(sure / 3)
    ends = [np.lexsort((sign * wrong, -tied)) for sign in (1, -1)]
    areas = [np.mean(np.cumsum(wrong[order]) / np.arange(1, n + 1)) for order in ends]
    assert areas[0] - 1e-12 <= risk_coverage(tied, wrong).area <= areas[1] + 1e-12


def test_nothing_known_is_no_number() -> None:
    """Without a label there is no error, no area, and no exception."""
    nothing = np.array([np.nan, np.nan])
    assert np.isnan(reliability(np.array([0.5, 0.6]), nothing).error)
    assert np.isnan(risk_coverage(np.array([0.5, 0.6]), nothing).area)
    assert reliability(nothing, np.zeros(2)).n.sum() == 0
