"""The guards: their holds, waits and limits."""

from __future__ import annotations

from dataclasses import replace

from fallback.breaker import step
from fallback.records import Cause, Command, Order, Signals, Transition
from fallback.rules import backoff, ramp_share
from fallback.types import BreakerState as S
from tests.fallback.breaking import POLICY, T0, opened_by, override, probing, record, run


def test_the_ramp_lets_a_tenth_then_a_half_then_all_pass() -> None:
    """After closing the model gets its traffic back in steps; before any trip it has all of it."""
    assert ramp_share(record(), T0, POLICY) == 1.0
    now = probing(call_slow=True)
    assert ramp_share(now, now.time, POLICY) == 1.0
    now, _ = run(now, Signals(now.time, probes=10))
    assert [ramp_share(now, now.time + t, POLICY) for t in (0, 59, 60, 119, 120)] == [0.1, 0.1, 0.5, 0.5, 1.0]


def test_unknown_numbers_open_nothing() -> None:
    """NaN is not knowing, and not knowing is no evidence."""
    assert run(record(), Signals(T0), Signals(T0 + 1e6))[0].state is S.CLOSED


def test_a_reopened_breaker_remembers_its_backoff_for_an_hour() -> None:
    """Closing does not wipe out a bad night, an hour of health does."""
    now = probing(call_slow=True)
    now, _ = run(now, Signals(now.time, probes=10))
    assert run(now, Signals(now.time + 3599, call_slow=True))[0].k == 1
    assert run(now, Signals(now.time + 3600, call_slow=True))[0].k == 0


def test_half_open_ends_after_its_longest_wait_of_at_least_three_label_delays() -> None:
    """Nothing is learnt for an hour, or for three label delays if that is longer: open again."""
    now = opened_by(promise_broken=True)
    assert now.retry_at is not None
    slow, _ = run(now, Signals(now.retry_at, label_delay=5000.0))
    now, _ = run(now, Signals(now.retry_at))
    assert run(now, Signals(now.time + 3599))[0].state is S.HALF_OPEN
    assert run(now, Signals(now.time + 3600))[1][0].cause is Cause.WAITED
    assert slow.wait_until == slow.time + 15000


def test_more_than_six_transitions_an_hour_latch_open() -> None:
    """A stream that drifts in and out is held open until a person speaks; not even expiry of an override unlocks it."""
    fast = replace(POLICY, warning_hold=0.0, close_hold=60.0)
    now = record()
    done: list[Transition] = []
    for t in range(0, 2400, 60):
        now, new = step(now, Signals(T0 + t, warning=t % 300 == 0), fast)
        done += new
    assert done[-1].cause is Cause.FLAPPING
    assert len(done) == 8
    assert (now.state, now.latched) == (S.OPEN, True)
    assert run(now, Signals(T0 + 1e5))[0].state is S.OPEN
    held, _ = run(now, Signals(T0 + 1e5, command=override(until=T0 + 1e5 + 10)), Signals(T0 + 1e5 + 10))
    assert held.state is S.OPEN
    freed, _ = run(now, Signals(T0 + 1e5, command=Command(Order.AUTO, "ada")))
    assert (freed.state, freed.latched) == (S.HALF_OPEN, False)


def test_probing_in_vain_all_night_does_not_latch() -> None:
    """Cycles of OPEN and HALF_OPEN are no flapping; the wait ends at its cap."""
    now = opened_by(call_error_rate=1.0)
    pages = []
    for t in range(0, 12 * 3600, 10):
        now, new = step(now, Signals(T0 + t, call_error_rate=1.0), POLICY)
        pages += [one.page for one in new if one.page]
    assert (now.latched, pages) == (False, [])
    assert now.k > 10
    assert backoff(now, now.k, POLICY) <= 3600


def test_too_few_do_not_flap() -> None:
    """After a close by the bound the threshold gets `close_hold` to come down before few that pass open it again."""
    now, _ = run(record(), *(Signals(T0 + t, could_pass=0.0) for t in (0, 60)))
    assert now.retry_at is not None
    now, _ = run(now, Signals(now.retry_at, could_pass=0.0))
    now, _ = run(now, Signals(now.time + 1, could_pass=0.0, risk_upper=0.01))
    closed = now.time
    now, done = run(now, *(Signals(closed + t, could_pass=0.0) for t in range(10, 600, 10)))
    assert (now.state, done) == (S.CLOSED, [])
    now, _ = run(now, Signals(closed + 600, could_pass=0.0))
    assert (now.state, now.k) == (S.OPEN, 1)


def test_a_few_that_pass_open_only_after_a_hold_and_only_if_no_better_threshold_is_known() -> None:
    """One swing of the threshold opens nothing, nor does a bar of which the labels say that it could be lower."""
    low = [Signals(T0 + t, could_pass=0.01) for t in (0, 60)]
    assert run(record(), *low)[0].state is S.OPEN
    assert run(record(), low[0], replace(low[1], could_pass=0.2), replace(low[1], time=T0 + 61))[0].state is S.CLOSED
    assert run(record(), low[0], replace(low[1], risk_upper=0.01))[0].state is S.CLOSED


def test_open_waits_for_its_backoff_and_fresh_counts() -> None:
    """Neither a moment too early nor on stale counts."""
    now = opened_by(call_slow=True)
    assert now.retry_at is not None
    assert now.retry_at == T0 + backoff(record(), 0, POLICY)
    assert 48 <= now.retry_at - T0 <= 60
    now, done = run(now, Signals(now.retry_at - 0.1), Signals(now.retry_at, fresh=False))
    assert (now.state, done) == (S.OPEN, [])
    assert run(now, Signals(now.time))[0].state is S.HALF_OPEN
