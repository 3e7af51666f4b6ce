from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.types import FloatArray
from monitor.judging.probes import risk

CELLS = 50


def probes(rng: np.random.Generator, n: int, rates: FloatArray) -> FloatArray:
    """(cells, 2): right and wrong answers of even traffic."""
    cells = rng.integers(0, CELLS, n)
    wrong = rng.random(n) < rates[cells]
    answers = np.zeros((CELLS, 2))
    np.add.at(answers, (cells, wrong.astype(int)), 1)
    return answers


def test_where_no_threshold_keeps_the_promise_it_is_rarely_said_that_one_does() -> None:
    """Every answer wrong at the close level itself: in 2,000 looks at 600 labels the bound is below it in at most 5 %.

    The 99.9 % point of Binomial(2000, .05) is 131.
    """
    rng = np.random.default_rng(0)
    said = sum(risk(probes(rng, 600, np.full(CELLS, 0.1)), 0.1, 0.05)[1] <= 0.1 for _ in range(2_000))
    assert said <= 131


def test_the_served_threshold_need_not_be_the_one() -> None:
    """Served is a threshold at which errors just keep the promise; that the surer half is better is soon seen."""
    rates = np.linspace(0.2, 0.0, CELLS)  # 10 % on average
    rng = np.random.default_rng(1)
    bounds = [risk(probes(rng, 600, rates), 0.0, 0.05)[1] for _ in range(50)]
    assert np.mean(np.array(bounds) <= 0.1) >= 0.9


def test_none_wrong_of_150_is_enough_where_only_the_surest_may_pass() -> None:
    """With a threshold above all others tried there is one bound, and it has the whole 5 %."""
    answers = np.zeros((CELLS, 2))
    answers[-3:, 0] = 50
    n, bound = risk(answers, 1.03, 0.05)
    assert n == 150
    assert bound <= 0.02


@given(st.integers(0, 2**32 - 1), st.floats(0, 1.1), st.sampled_from([0.0, 0.02, 0.05, 0.3]))
def test_a_bound_is_a_rate_or_unknown(seed: int, threshold: float, floor: float) -> None:
    """Between 0 and 1, and unknown where there is no label; one more wrong answer among the surest never lowers it."""
    rng = np.random.default_rng(seed)
    answers = probes(rng, int(rng.integers(0, 200)), np.linspace(0.5, 0.0, CELLS))
    n, bound = risk(answers, threshold, floor)
    assert (n == 0) == math.isnan(bound)
    if n:
        assert 0 < bound <= 1
        answers[-1, 1] += 1
        assert risk(answers, threshold, floor)[1] >= bound
