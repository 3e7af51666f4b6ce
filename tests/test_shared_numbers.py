"""Numbers that two packages must both know, though neither may import the other."""

from __future__ import annotations

from detectors import evidence, suspicion
from detectors.types import Stake
from fallback import bars, routing
from fallback.policy import Policy


def test_stakes_are_the_same_on_both_sides() -> None:
    """What a label is worth: the router writes the number, the detectors read it."""
    told = {
        "ACCEPTED": routing.ACCEPTED,
        "SUSPECTED": routing.SUSPECTED,
        "SUREST": routing.SUREST,
        "HELD": routing.HELD,
    }
    assert told == {each.name: each.value for each in Stake}


def test_blindness_raises_the_bar_as_far_as_an_alarm() -> None:
    """`when_blind: degraded` is as suspicious as full suspicion."""
    assert bars.BLIND_SUSPICION == suspicion._HEIGHT


def test_quiet_is_as_long_for_the_breaker_as_for_the_evidence() -> None:
    """Ten minutes."""
    assert Policy(close_level=0.05).close_hold == evidence.QUIET_SECONDS
