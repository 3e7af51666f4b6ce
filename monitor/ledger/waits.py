"""What a breaker waits for, in words: what would bring the model back, and when at the earliest."""

from __future__ import annotations

import math

from fallback import rules
from fallback.policy import Policy, Recovery
from fallback.records import BreakerRecord
from fallback.types import BreakerState
from monitor.events import format_time

__all__ = ["waits_for"]

_MISSED = 0.05
"""One minus the confidence of the bound on the probes' risk."""


_PERSON = "a person has to say that the cause is gone (`holdback breaker auto`)"
_ACK = f"{_PERSON}: complaints do not heal with time"


def waits_for(record: BreakerRecord, policy: Policy) -> str:
    """What would close it; empty if it is closed."""
    if record.override is not None:
        return _ordered(record)
    match record.live:
        case BreakerState.DEGRADED:
            person = f"{_ACK}; then " if record.ack_needed else ""
            return (
                f"{person}it closes once no warning and no open harm has stood for {_span(policy.close_hold)}; an "
                "operator's `accept` (the new normal is normal) or a new profile closes it at once"
            )
        case BreakerState.OPEN:
            return f"{_first(record)}; then {_shown(record, policy)}"
        case BreakerState.HALF_OPEN:
            until = "" if record.wait_until is None else f", by {_at(record.wait_until)}; else it opens again"
            return f"{_shown(record, policy)}{until}"
        case _:
            return ""


def _ordered(record: BreakerRecord) -> str:
    assert record.override is not None
    if record.override.state is BreakerState.FORCED_OPEN:
        then = "it is probed before the model answers"
    else:
        then = f"what the evidence says holds, which is {record.live.value} now"
    return f"the order ends at {_at(record.override.until)}, or at once with `holdback breaker auto`; then {then}"


def _first(record: BreakerRecord) -> str:
    if rules.needs_ack(record):
        return f"{_PERSON}: it opened and closed too often" if record.latched else _ACK
    return "it waits" if record.retry_at is None else f"it is probed from {_at(record.retry_at)} on"


def _shown(record: BreakerRecord, policy: Policy) -> str:
    if record.recovery is not Recovery.EVIDENCE:
        return f"it closes after {policy.probes} probes that went well"
    enough = math.ceil(math.log(_MISSED) / math.log1p(-policy.close_level))
    return (
        f"it closes once labels show with 95 % confidence that at most {100 * policy.close_level:g} % are wrong at a "
        f"threshold that lets {100 * policy.min_acceptance:g} % pass (none wrong of {enough:,} would do)"
    )


def _span(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _at(seconds: float) -> str:
    """A time to the second."""
    return format_time(float(int(seconds)))
