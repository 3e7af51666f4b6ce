"""The breaker's story, transition by transition."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fallback.breaker import GRAPH, accepts, apply, new_epoch, step, worst
from fallback.errors import ForbiddenTransition, StaleTransition
from fallback.records import Cause, Page, Signals
from fallback.types import BreakerState as S
from tests.fallback.breaking import POLICY, T0, opened_by, probing, record, run


def test_a_warning_degrades_only_when_it_has_stood_for_its_hold() -> None:
    """59 seconds of warning are nobody's ticket; 60 are, without a page and without an epoch."""
    now, done = run(record(), Signals(T0, warning=True), Signals(T0 + 59, warning=True))
    assert (now.state, done) == (S.CLOSED, [])
    now, done = run(now, Signals(T0 + 60, warning=True))
    assert (now.state, now.epoch, done[0].page) == (S.DEGRADED, 0, None)
    assert done[0].reason == "warning-level evidence stood for 60 s (limit 60 s)"


def test_a_broken_warning_starts_its_hold_anew() -> None:
    """Two half minutes of warning are not one minute."""
    signals = [Signals(T0 + t, warning=t != 30) for t in (0, 30, 40, 90)]
    now, _ = run(record(), *signals)
    assert now.state is S.CLOSED


def test_harm_begins_an_epoch_and_pages_once() -> None:
    """A second harm view of the same episode neither pages nor begins an epoch; opening makes the page worse."""
    now, done = run(
        record(), Signals(T0, harm=("error",), harm_open=True), Signals(T0 + 1, harm=("coverage",), harm_open=True)
    )
    assert (now.state, now.epoch, [t.page for t in done]) == (S.DEGRADED, 1, [Page.PAGE])
    now, done = run(now, Signals(T0 + 2, promise_broken=True, harm_open=True, labels=70))
    assert (now.state, now.epoch, [t.page for t in done]) == (S.OPEN, 1, [Page.WORSE])


def test_harm_in_a_degraded_state_without_harm_pages() -> None:
    """A warning that turns into harm is a trip, though the state stays DEGRADED."""
    now, done = run(record(S.DEGRADED), Signals(T0, harm=("error",)))
    assert (now.state, now.epoch, done[0].source, done[0].to, done[0].page) == (
        S.DEGRADED,
        1,
        S.DEGRADED,
        S.DEGRADED,
        Page.PAGE,
    )


def test_harm_while_open_for_another_cause_makes_the_page_worse_and_recovery_stricter() -> None:
    """A model that could not be called, and then turns out to be wrong, must show evidence to come back."""
    now, done = run(opened_by(call_error_rate=0.6), Signals(T0 + 1, harm=("error",)))
    assert (now.epoch, done[0].page, now.recovery) == (1, Page.WORSE, "evidence")


def test_degraded_closes_after_ten_quiet_minutes_and_resolves_the_page() -> None:
    """Quiet means: no warning, no open harm, fresh counts; one stale moment starts the ten minutes anew."""
    now, _ = run(record(), Signals(T0, harm=("error",), harm_open=True))
    now, done = run(now, Signals(T0 + 100), Signals(T0 + 400, fresh=False), Signals(T0 + 700), Signals(T0 + 1299))
    assert (now.state, done) == (S.DEGRADED, [])
    now, done = run(now, Signals(T0 + 1300))
    assert (now.state, done[0].page, now.harm, now.page_open) == (S.CLOSED, Page.RESOLVE, False, False)


@pytest.mark.parametrize(
    ("signal", "cause"),
    [
        ({"schema_break": True}, Cause.SCHEMA),
        ({"promise_broken": True}, Cause.PROMISE),
        ({"call_error_rate": 0.5}, Cause.ERRORS),
        ({"call_slow": True}, Cause.SLOW),
    ],
)
@pytest.mark.parametrize("live", [S.CLOSED, S.DEGRADED])
def test_what_opens(signal: dict[str, object], cause: Cause, live: S) -> None:
    """Each of these opens at once, from CLOSED and from DEGRADED, and pages."""
    now, done = run(record(live), Signals(T0, **signal))  # type: ignore[arg-type]
    assert (now.state, now.opened_by, done[0].page) == (S.OPEN, cause, Page.PAGE)


def test_errors_heal_by_ten_probes() -> None:
    """Nine calls that went well are not ten; then it is closed, and the page resolved."""
    now = probing(call_error_rate=0.9)
    now, _ = run(now, Signals(now.time + 1, call_error_rate=0.0, probes=9))
    assert now.state is S.HALF_OPEN
    now, done = run(now, Signals(now.time + 2, call_error_rate=0.0, probes=10))
    assert (now.state, done[0].page, now.opened_by) == (S.CLOSED, Page.RESOLVE, None)


def test_unknown_call_errors_do_not_heal_errors() -> None:
    """What opened for errors does not close while nobody knows whether calls fail."""
    now = probing(call_error_rate=0.9)
    assert run(now, Signals(now.time + 1, probes=99))[0].state is S.HALF_OPEN


@pytest.mark.parametrize("risk", [math.nan, 0.021])
def test_drift_heals_by_the_bound_alone(risk: float) -> None:
    """Any number of probes without a bound below the close level keeps it half-open; time does not heal drift."""
    now = probing(promise_broken=True)
    assert run(now, Signals(now.time + 1, probes=10_000, risk_upper=risk))[0].state is S.HALF_OPEN
    assert run(now, Signals(now.time + 1, risk_upper=0.02))[0].state is S.CLOSED


def test_recovery_with_an_open_episode_leads_to_degraded() -> None:
    """The risk is borne, but the harm episode is still open: the page stays open too."""
    now = probing(promise_broken=True)
    now, done = run(now, Signals(now.time + 1, risk_upper=0.01, harm_open=True))
    assert (now.state, done[0].page, now.page_open) == (S.DEGRADED, None, True)


def test_failed_probes_double_the_wait_and_wake_nobody_again() -> None:
    """OPEN after HALF_OPEN: k + 1, no second page."""
    now = probing(call_error_rate=0.9)
    now, done = run(now, Signals(now.time + 1, call_error_rate=0.5))
    assert (now.state, now.k, done[0].page, done[0].cause) == (S.OPEN, 1, None, Cause.PROBES_FAILED)
    assert now.retry_at is not None
    assert 96 <= now.retry_at - now.time <= 120


def test_late_results_of_an_earlier_generation_are_dropped() -> None:
    """Probes that were counted before the last transition do not close."""
    now = opened_by(call_slow=True)
    old = now.token
    assert now.retry_at is not None
    now, _ = run(now, Signals(now.retry_at))
    assert not accepts(now, old)
    assert run(now, Signals(now.time + 1, probes=99, token=old))[0].state is S.HALF_OPEN
    assert run(now, Signals(now.time + 1, probes=99, token=now.token))[0].state is S.CLOSED


def test_apply_is_compare_and_set() -> None:
    """A transition decided on an older record is refused; so is an edge that the graph does not have."""
    before = record()
    now, (done,) = step(before, Signals(T0, call_slow=True), POLICY)
    assert apply(before, done) == now
    for moved_on in (now, new_epoch(before), replace(before, key="m/2")):
        with pytest.raises(StaleTransition):
            apply(moved_on, done)
    with pytest.raises(ForbiddenTransition):
        apply(before, replace(done, to=S.HALF_OPEN, live_to=S.HALF_OPEN))


def test_a_clock_that_runs_backwards_stands_still() -> None:
    """Time is the running maximum; NaN and infinity are no time."""
    now, _ = run(record(), Signals(T0 + 50), Signals(T0 - 50), Signals(math.nan), Signals(math.inf))
    assert now.time == T0 + 50


def test_the_worst_of_a_chain_holds() -> None:
    """A segment cannot be better than its model; leave to answer all does not beat a parent that is open."""
    assert worst([]) is S.CLOSED
    assert worst([S.CLOSED, S.DEGRADED]) is S.DEGRADED
    assert worst([S.FORCED_CLOSED, S.OPEN, S.HALF_OPEN]) is S.OPEN
    assert worst([S.FORCED_CLOSED, S.CLOSED]) is S.FORCED_CLOSED
    assert worst([S.OPEN, S.FORCED_OPEN]) is S.FORCED_OPEN


def test_every_state_of_the_graph_can_be_left() -> None:
    """No state is a trap."""
    assert set(GRAPH) == set(S)
    assert all(targets - {state} for state, targets in GRAPH.items())
