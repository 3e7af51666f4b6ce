"""What a router does that has not heard from its judge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fallback.routing import (
    route,
)
from fallback.types import (
    BreakerState,
    Health,
    Reason,
    WhenBlind,
)
from tests.fallback.batches import POLICY, RANKS, VERDICT, guarantees, reasons, requests


@pytest.mark.parametrize(
    ("when", "passes", "reason"),
    [
        (WhenBlind.STATIC, [False, False, True, True, False], Reason.CONFIDENT),
        (WhenBlind.DEGRADED, [False, False, True, True, False], Reason.CONFIDENT),
        (WhenBlind.OPEN, [False] * 5, Reason.BLIND),
        (WhenBlind.CLOSED, [True] * 5, Reason.BLIND_CLOSED),
    ],
)
def test_blind_does_as_told_and_promises_nothing(when: WhenBlind, passes: list[bool], reason: Reason) -> None:
    """The four ways of being blind; none of them keeps a promise."""
    routed = route(requests(*RANKS), VERDICT, replace(POLICY, when_blind=when), Health.BLIND)
    assert routed.passes.tolist() == passes
    assert reasons(routed)[3] is reason
    assert set(guarantees(routed)) == {"none"}


def test_blind_and_degraded_raises_the_bar_as_an_alarm_would() -> None:
    """.4 of the way to 1; who is held back by that alone, is held back for blindness."""
    routed = route(requests(0.65, 0.7), VERDICT, replace(POLICY, when_blind=WhenBlind.DEGRADED), Health.BLIND)
    assert routed.bar == 0.7
    assert reasons(routed) == [Reason.BLIND, Reason.CONFIDENT]


def test_an_operators_stop_outlives_blindness_but_his_leave_does_not() -> None:
    """FORCED_OPEN holds even if blind means closed; FORCED_CLOSED yields to a blind that means open or degraded."""
    closed, opened = replace(POLICY, when_blind=WhenBlind.CLOSED), replace(POLICY, when_blind=WhenBlind.OPEN)
    forced_open = replace(VERDICT, state=BreakerState.FORCED_OPEN)
    forced_closed = replace(VERDICT, state=BreakerState.FORCED_CLOSED)
    assert not route(requests(0.9), forced_open, closed, Health.BLIND).passes.any()
    assert not route(requests(0.9), forced_closed, opened, Health.BLIND).passes.any()
    degraded = replace(POLICY, when_blind=WhenBlind.DEGRADED)
    assert not route(requests(0.3), forced_closed, degraded, Health.BLIND).passes.any()


def test_stale_still_keeps_its_promises() -> None:
    """Half a minute without a verdict changes nothing yet."""
    assert guarantees(route(requests(0.9), VERDICT, POLICY, Health.STALE)) == ["certified"]
