"""The vocabulary keeps its word on the wire."""

from __future__ import annotations

import json
import math

import pytest

from fallback.types import REASONS, BreakerState, Health, Reason, Verdict, health_of, reason_code


@pytest.mark.parametrize(
    ("age", "health"),
    [(-3.0, Health.FRESH), (29.9, Health.FRESH), (30.0, Health.STALE), (119.9, Health.STALE), (120.0, Health.BLIND)],
)
def test_health_is_the_age_of_the_last_verdict(age: float, health: Health) -> None:
    """30 s and 120 s are the bounds; a clock that is a little behind is no fault."""
    assert health_of(age) is health


def test_who_has_never_heard_a_verdict_is_blind() -> None:
    """Not knowing the age is not knowing anything."""
    assert health_of(math.nan) is Health.BLIND


def test_codes_are_places_in_the_tuple_and_zero_is_confident() -> None:
    """Arrays hold codes of one byte; a guard of 0 is no guard."""
    assert [REASONS[reason_code(reason)] for reason in Reason] == list(Reason)
    assert reason_code(Reason.CONFIDENT) == 0
    assert len(REASONS) < 256


@pytest.mark.parametrize("number", [0.5, math.inf, -math.inf])
def test_a_verdict_survives_json(number: float) -> None:
    """Infinities travel as null, and come back as what they were; strict JSON all the way."""
    verdict = Verdict(BreakerState.OPEN, 3, 0.7, abs(number), 0.1, 0.05, number, 2.0, 1e9, 17, ramp=0.5)
    assert Verdict.from_builtins(json.loads(json.dumps(verdict.to_builtins(), allow_nan=False))) == verdict
    unknown = Verdict(BreakerState.CLOSED, 0, 1.06, math.inf, 0.0, 1.0, 0.9, math.nan, 1e9, 0)
    assert math.isnan(Verdict.from_builtins(unknown.to_builtins()).usual_delay)
