"""What people say comes first: overrides, releases, new profiles."""

from __future__ import annotations

import math

import pytest

from fallback.errors import OverrideError
from fallback.records import Cause, Command, Order, Page, Signals
from fallback.rules import needs_ack, refusal
from fallback.types import BreakerState as S
from tests.fallback.breaking import POLICY, T0, opened_by, override, probing, record, run


def test_a_new_profile_closes_at_once() -> None:
    """From OPEN by way of HALF_OPEN, whatever the backoff; evidence about the old profile in the same step is void."""
    now, done = run(
        opened_by(promise_broken=True), Signals(T0 + 1, new_profile=True, promise_broken=True, warning=True)
    )
    assert [(t.source, t.to) for t in done] == [(S.OPEN, S.HALF_OPEN), (S.HALF_OPEN, S.CLOSED)]
    assert done[-1].page is Page.RESOLVE
    assert now.state is S.CLOSED


def test_flags_need_a_person() -> None:
    """A harm of flags keeps DEGRADED from closing by itself; ACCEPT, with a name to it, closes it."""
    now, _ = run(record(), Signals(T0, harm=("flags:eu",)), Signals(T0 + 10), Signals(T0 + 1e5))
    assert now.state is S.DEGRADED
    now, done = run(now, Signals(T0 + 1e5 + 1, command=Command(Order.ACCEPT, "ada", "talked to them")))
    assert (now.state, done[0].reason, done[0].page) == (S.CLOSED, "accept by ada: talked to them", Page.RESOLVE)


def test_open_for_drift_amid_flags_waits_for_a_person() -> None:
    """The recovery rule `ack` keeps an open breaker from probing until AUTO or ACCEPT."""
    now, _ = run(record(), Signals(T0, harm=("flags",)), Signals(T0 + 1, promise_broken=True), Signals(T0 + 1e5))
    assert now.state is S.OPEN
    assert needs_ack(now)
    now, done = run(now, Signals(T0 + 1e5, command=Command(Order.AUTO, "ada")))
    assert [(t.to, t.cause) for t in done] == [(S.OPEN, Cause.RELEASED), (S.HALF_OPEN, Cause.BACKOFF)]


def test_errors_amid_flags_wait_for_nobody() -> None:
    """A restarted pod comes back to where it was: DEGRADED, with the flags still to be answered for."""
    now, _ = run(record(), Signals(T0, harm=("flags",)), Signals(T0 + 1, call_slow=True), Signals(T0 + 100))
    assert now.state is S.HALF_OPEN
    now, _ = run(now, Signals(T0 + 101, probes=10))
    assert (now.state, now.ack_needed) == (S.DEGRADED, True)


def test_an_override_wins_and_expires_into_probing() -> None:
    """FORCED_OPEN beats what the evidence says; at its end the model is probed before it answers."""
    now, done = run(record(), Signals(T0, command=override()), Signals(T0 + 99.9))
    assert (now.state, now.would_have, done[0].reason) == (S.FORCED_OPEN, S.CLOSED, "open by ada: why")
    now, done = run(now, Signals(T0 + 100, probes=500))
    assert (now.state, done[0].cause) == (S.HALF_OPEN, Cause.EXPIRED)
    assert run(now, Signals(T0 + 101, probes=10))[0].state is S.CLOSED


def test_no_timer_of_open_fires_under_an_override() -> None:
    """The backoff passes while FORCED_OPEN holds: nothing happens, and at its end it is half-open for its full time."""
    now, _ = run(opened_by(promise_broken=True), Signals(T0 + 1, command=override(until=T0 + 7200)))
    now, done = run(now, *(Signals(T0 + t) for t in range(10, 7200, 100)))
    assert (now.state, done, now.retry_at) == (S.FORCED_OPEN, [], None)
    now, _ = run(now, Signals(T0 + 7200))
    assert (now.state, now.wait_until, now.recovery) == (S.HALF_OPEN, T0 + 10800, "evidence")


def test_no_timer_of_half_open_fires_under_an_override() -> None:
    """FORCED_CLOSED during probing cancels the longest wait; at its end it is OPEN, with a backoff of its own."""
    now, _ = run(now := probing(promise_broken=True), Signals(now.time, command=override(Order.CLOSE, now.time + 5000)))
    now, done = run(now, Signals(now.time + 4000))
    assert (now.state, now.live, now.wait_until, done) == (S.FORCED_CLOSED, S.OPEN, None, [])
    now, _ = run(now, Signals(now.time + 1000))
    assert now.state is S.OPEN
    assert now.retry_at is not None
    assert now.retry_at > now.time


def test_auto_ends_an_override_early() -> None:
    """An operator's second thought."""
    now, _ = run(record(), Signals(T0, command=override()), Signals(T0 + 1, command=Command(Order.AUTO, "ada")))
    assert (now.state, now.override) == (S.HALF_OPEN, None)


@pytest.mark.parametrize(
    ("order", "actor", "reason", "until"),
    [
        (Order.OPEN, " ", "why", 1.0),
        (Order.CLOSE, "ada", "", 1.0),
        (Order.OPEN, "ada", "why", None),
        (Order.OPEN, "ada", "why", math.inf),
    ],
)
def test_an_override_needs_actor_reason_and_end(order: Order, actor: str, reason: str, until: float | None) -> None:
    """Nobody overrules anonymously, silently, or for ever."""
    with pytest.raises(OverrideError, match="needs"):
        Command(order, actor, reason, until)


def test_an_override_that_is_over_or_too_long_is_refused_with_its_reason() -> None:
    """The judge can say why nothing happened."""
    for until, why in ((T0 - 5, "ran out 5 s before"), (T0 + 8 * 86400, "at most 7 d")):
        command = override(until=until)
        assert why in (refusal(command, T0, POLICY) or "")
        assert run(record(), Signals(T0, command=command))[1] == []


def test_counting_goes_on_under_forced_closed() -> None:
    """Harm under FORCED_CLOSED pages and is recorded as `would_have`; at its end the live state holds."""
    now, _ = run(record(), Signals(T0, command=override(Order.CLOSE)))
    now, done = run(now, Signals(T0 + 1, harm=("error",), harm_open=True))
    assert (now.state, now.would_have, now.epoch) == (S.FORCED_CLOSED, S.DEGRADED, 1)
    assert (done[0].source, done[0].to, done[0].live_to, done[0].page) == (
        S.FORCED_CLOSED,
        S.FORCED_CLOSED,
        S.DEGRADED,
        Page.PAGE,
    )
    assert run(now, Signals(T0 + 100, harm_open=True))[0].state is S.DEGRADED
