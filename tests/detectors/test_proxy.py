"""Proxy and outcome: which side is good, and what being apart means."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.proxy import Proxy


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_good_side_is_the_one_with_more_right_answers(sign: float) -> None:
    """Whichever way the feature runs: apart are at most half of the rows, and sides follow."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=2000)
    wrong = (rng.random(2000) < np.where(x > 0, 0.1, 0.6)).astype(float)
    proxy = Proxy.fit("x", sign * x, wrong)
    assert proxy is not None
    sides = proxy.sides(sign * x)
    assert proxy.apart == ((sides == 1) == (wrong > 0)).sum() <= 1000
    assert wrong[sides == 1].mean() < wrong[sides == 0].mean()
    assert Proxy.of(proxy.facts()) == proxy


def test_without_rows_that_have_both_there_is_no_proxy() -> None:
    """Nineteen are too few, and a missing value is on neither side."""
    wrong = np.zeros(50)
    wrong[19:] = np.nan
    assert Proxy.fit("x", np.arange(50.0), wrong) is None
    assert Proxy.of({"note": "nothing of the kind"}) is None
