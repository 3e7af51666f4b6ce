"""Around a server time heals: failures in a row open, one trial closes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fallback.answerers.plain_breaker import PlainBreaker


def test_failures_in_a_row_open_and_a_success_between_them_does_not() -> None:
    """Three in a row; two, a success and two are not three."""
    breaker = PlainBreaker(failures=3, cooldown=10)
    for went_well in (False, False, True, False, False):
        generation = breaker.enter(0.0)
        assert generation is not None
        if went_well:
            breaker.succeed(generation)
        else:
            breaker.fail(generation, 0.0)
    assert breaker.enter(0.0) is not None
    breaker.fail(0, 0.0)
    assert breaker.is_open
    assert breaker.enter(9.9) is None


def test_one_trial_at_a_time_decides() -> None:
    """After the cool-down a single call goes through; its failure starts the cool-down anew, its success closes."""
    breaker = PlainBreaker(failures=1, cooldown=10)
    breaker.fail(0, 0.0)
    trial = breaker.enter(10.0)
    assert trial is not None
    assert breaker.enter(10.0) is None
    breaker.fail(trial, 11.0)
    assert breaker.enter(20.9) is None
    trial = breaker.enter(21.0)
    assert trial is not None
    breaker.succeed(trial)
    assert not breaker.is_open


def test_a_late_result_of_an_earlier_generation_is_dropped() -> None:
    """A call from before it opened comes back well: that does not close it."""
    breaker = PlainBreaker(failures=1, cooldown=10)
    early, late = breaker.enter(0.0), breaker.enter(0.0)
    assert early is not None
    assert late is not None
    breaker.fail(early, 0.0)
    breaker.succeed(late)
    assert breaker.is_open


def test_a_cancelled_trial_makes_way_for_another() -> None:
    """A trial that is given up does not keep it shut for ever."""
    breaker = PlainBreaker(failures=1, cooldown=10)
    breaker.fail(0, 0.0)
    trial = breaker.enter(10.0)
    assert trial is not None
    breaker.leave(trial)
    assert breaker.enter(10.0) is not None


@given(st.lists(st.tuples(st.sampled_from(["enter", "succeed", "fail", "leave"]), st.integers(0, 9)), max_size=60))
def test_it_never_gets_stuck(steps: list[tuple[str, int]]) -> None:
    """Whatever happened: when all calls are back and the cool-down is over, it lets one through."""
    breaker, now = PlainBreaker(failures=2, cooldown=5), 0.0
    calls: list[int] = []
    for what, seconds in steps:
        now += seconds
        if what == "enter":
            generation = breaker.enter(now)
            calls += [] if generation is None else [generation]
        elif calls:
            generation = calls.pop(0)
            if what == "fail":
                breaker.fail(generation, now)
            elif what == "succeed":
                breaker.succeed(generation)
            else:
                breaker.leave(generation)
    for generation in calls:
        breaker.leave(generation)
    assert breaker.enter(now + 5) is not None
