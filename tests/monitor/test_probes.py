from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.types import FloatArray
from fallback.policy import Recovery
from fallback.records import Cause, Signals
from fallback.types import BreakerState
from monitor.building import breaker_policy
from monitor.judging.probes import borne_out, risk
from monitor.judging.version_judge import VersionJudge
from tests.monitor.streams import FIRST, configured, fitted

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


def half_open(answers: FloatArray, recovery: Recovery = Recovery.EVIDENCE) -> VersionJudge:
    """A judge whose half-open breaker has seen these probes; its model is allowed 20 % of errors."""
    config = configured()
    judge = VersionJudge(config, fitted(config), breaker_policy(config))
    judge._breaker = replace(judge.breaker, live=BreakerState.HALF_OPEN, recovery=recovery, wait_until=1e12)
    judge._tallies._probed = answers.copy()
    return judge


def took(judge: VersionJudge, answers: FloatArray) -> float:
    """Let it take a step on what the probes say; its threshold after it."""
    n, bound = risk(answers, judge.verdict().threshold, judge.policy.min_acceptance)
    (step,) = judge._take(Signals(time=FIRST, risk_upper=bound, probes=n))
    assert (step.cause, step.to) == (Cause.RECOVERED, BreakerState.CLOSED)
    return judge.verdict().threshold


def test_a_breaker_closes_onto_what_its_probes_have_shown() -> None:
    """The surer half is fine, the other is not: nothing of that passes until labels let tracking come down."""
    answers = np.tile([20.0, 0.0], (CELLS, 1))
    answers[:25] = [10.0, 10.0]
    judge = half_open(answers)
    assert judge.verdict().threshold < 0.4
    assert took(judge, answers) == 0.5
    assert judge.verdict().epoch == 0


def test_where_all_that_is_served_is_fine_nothing_moves() -> None:
    """And nothing but labels moves the bar: a breaker that opened for calls that failed closes where it was."""
    fine, half = np.tile([20.0, 0.1], (CELLS, 1)), np.tile([20.0, 0.0], (CELLS, 1))
    half[:25] = [10.0, 10.0]
    for answers, recovery in ((fine, Recovery.EVIDENCE), (half, Recovery.AUTO)):
        judge = half_open(answers, recovery)
        before = judge.verdict().threshold
        assert took(judge, answers) == before


@given(st.integers(0, 2**32 - 1), st.floats(0, 1.1), st.sampled_from([0.02, 0.05, 0.3]), st.floats(0.01, 0.3))
def test_what_is_borne_out_is_served_or_above_it_and_keeps_the_promise(
    seed: int, threshold: float, floor: float, max_error: float
) -> None:
    """It rises only to where a bound is low enough, and stays only where the served one's is."""
    rng = np.random.default_rng(seed)
    answers = probes(rng, int(rng.integers(0, 2_000)), np.linspace(0.4, 0.0, CELLS))
    found = borne_out(answers, threshold, floor, max_error)
    assert found >= threshold
    _, least = risk(answers, threshold, floor)
    if found > threshold:
        assert least <= max_error
        passing = answers[round(found * CELLS) :].sum(axis=0)
        assert float(passing[1] / passing.sum()) <= max_error
        assert found <= 1 - floor
    elif threshold < 1 - floor and least <= max_error:
        passing = answers[math.ceil(threshold * CELLS) :].sum(axis=0)
        assert float(passing[1]) <= max_error * float(passing.sum())


def test_what_is_borne_out_keeps_the_promise_most_of_the_time() -> None:
    """Served are errors of .1, promised is .05; of 400 ranks found from 3,000 labels at most 34 let more than .05 pass.

    That is Binomial(400, .05)'s 99.9 % point.
    """
    rates, rng = np.linspace(0.2, 0.0, CELLS), np.random.default_rng(2)
    found = [borne_out(probes(rng, 3_000, rates), 0.0, 0.05, 0.05) for _ in range(400)]
    assert np.mean(np.array(found) > 0) >= 0.9
    assert sum(each > 0 and rates[round(each * CELLS) :].mean() > 0.05 for each in found) <= 34
