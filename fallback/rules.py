"""The guards of the breaker: each a function of what it sees, remembers and was told; a finding says why in words."""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

from fallback.durations import lasting
from fallback.policy import Policy, Recovery
from fallback.records import BreakerRecord, Cause, Command, Order, Signals
from fallback.types import BreakerState

__all__ = [
    "Finding",
    "backoff",
    "calls_fail",
    "calls_slow",
    "few_pass",
    "flaps",
    "harm_alarmed",
    "needs_ack",
    "next_k",
    "opens",
    "probes_failed",
    "promise_broken",
    "quiet",
    "quiet_long_enough",
    "ramp_share",
    "recovered",
    "recovery_for",
    "recovery_of",
    "refusal",
    "retry_due",
    "schema_broken",
    "spreads",
    "wait_limit",
    "waited_too_long",
    "warning_stands",
    "worse_canary",
]

_LARGEST_K = 30
_BY_EVIDENCE = frozenset({Cause.PROMISE, Cause.CANARY, Cause.TOO_FEW, Cause.HARM, Cause.SPREAD})


class Finding(NamedTuple):
    """Why a guard fired: its cause, and the same in words with the numbers."""

    cause: Cause
    reason: str


def opens(record: BreakerRecord, signals: Signals, policy: Policy) -> Finding | None:
    """Find why the model must not answer at all: the promise can't be kept, or the model can't be called."""
    return (
        schema_broken(signals)
        or promise_broken(signals)
        or worse_canary(signals)
        or calls_fail(signals, policy)
        or calls_slow(signals)
        or spreads(signals, policy)
        or few_pass(record, signals, policy)
    )


def schema_broken(signals: Signals) -> Finding | None:
    """Find that the events do not fit what the model was fitted on."""
    return Finding(Cause.SCHEMA, "the events do not fit the model's schema") if signals.schema_break else None


def promise_broken(signals: Signals) -> Finding | None:
    """Find that the e-detector on the error of accepted answers fired."""
    if not signals.promise_broken:
        return None
    after = f", after {signals.labels:,} labels of this epoch" if signals.labels else ""
    return Finding(Cause.PROMISE, f"accepted answers are wrong more often than promised{after}")


def worse_canary(signals: Signals) -> Finding | None:
    """Find that this version is worse than the one beside which it is tried."""
    return Finding(Cause.CANARY, signals.worse_than) if signals.worse_than else None


def calls_fail(signals: Signals, policy: Policy) -> Finding | None:
    """Find that too many of the model's calls fail."""
    if not signals.call_error_rate >= policy.error_rate:
        return None
    rates = f"{signals.call_error_rate:.0%} of the model's calls failed (limit {policy.error_rate:.0%})"
    return Finding(Cause.ERRORS, rates)


def calls_slow(signals: Signals) -> Finding | None:
    """Find that the model's calls are too slow."""
    return Finding(Cause.SLOW, "the model's calls are too slow") if signals.call_slow else None


def spreads(signals: Signals, policy: Policy) -> Finding | None:
    """Find that open groups hold too much of the traffic to be decided one by one."""
    if not signals.open_share > policy.blast_radius:
        return None
    shares = f"{signals.open_share:.0%} of recent requests (limit {policy.blast_radius:.0%})"
    return Finding(Cause.SPREAD, f"segments whose own breaker is open hold {shares}: decided once, for all")


def few_pass(record: BreakerRecord, signals: Signals, policy: Policy) -> Finding | None:
    """Find that too little could pass for `few_hold`, and no threshold is known that would do better.

    After closing there is a grace of `close_hold`: the probes have just shown that such a threshold exists, and the one
    that is learnt online needs a while to come down to it. Without the grace the breaker would open again at once, and
    flap.
    """
    if record.few_since is None or signals.time - record.few_since < policy.few_hold:
        return None
    graced = record.closed_at is not None and signals.time - record.closed_at < policy.close_hold
    if graced or signals.risk_upper <= policy.close_level:
        return None
    stood = signals.time - record.few_since
    could = f"only {signals.could_pass:.1%} of recent requests could pass (at least {policy.min_acceptance:.0%})"
    return Finding(Cause.TOO_FEW, f"{could}, for {stood:.0f} s")


def harm_alarmed(signals: Signals) -> Finding | None:
    """Find that some harm view alarmed at the level of `false_pages`."""
    if not signals.harm:
        return None
    return Finding(Cause.HARM, f"harm, by an alarm at the level of false_pages: {', '.join(signals.harm)}")


def warning_stands(record: BreakerRecord, signals: Signals, policy: Policy) -> Finding | None:
    """Find that warning-level evidence has stood for `warning_hold`."""
    if record.warning_since is None or signals.time - record.warning_since < policy.warning_hold:
        return None
    stood = signals.time - record.warning_since
    return Finding(
        Cause.WARNING, f"warning-level evidence stood for {lasting(stood)} (limit {lasting(policy.warning_hold)})"
    )


def quiet(record: BreakerRecord, signals: Signals) -> bool:
    """Tell whether nothing speaks against the model now; who does not know, does not call it quiet."""
    return signals.fresh and not (signals.warning or signals.harm or signals.harm_open or record.ack_needed)


def quiet_long_enough(record: BreakerRecord, signals: Signals, policy: Policy) -> Finding | None:
    """Find that it has been quiet for `close_hold`."""
    if record.quiet_since is None or signals.time - record.quiet_since < policy.close_hold:
        return None
    stood = signals.time - record.quiet_since
    return Finding(
        Cause.RECOVERED, f"no warning and no open harm for {lasting(stood)} (needs {lasting(policy.close_hold)})"
    )


def retry_due(record: BreakerRecord, signals: Signals) -> Finding | None:
    """Find that the backoff is over, the counts are fresh, and nobody has to speak first."""
    if record.retry_at is None or signals.time < record.retry_at or not signals.fresh or needs_ack(record):
        return None
    waited = signals.time - record.since
    return Finding(Cause.BACKOFF, f"waited {lasting(waited)} (attempt {record.k + 1}); probing")


def needs_ack(record: BreakerRecord) -> bool:
    """Tell whether a person has to say that it is over, before an open breaker may probe."""
    return record.latched or (record.ack_needed and record.recovery is Recovery.EVIDENCE)


def recovery_of(record: BreakerRecord) -> Recovery:
    """Give what an open breaker waits for."""
    return Recovery.ACK if needs_ack(record) else record.recovery


def recovery_for(record: BreakerRecord, cause: Cause) -> Recovery:
    """Give the recovery rule of an episode to which a cause is added: the strictest one of them counts."""
    return Recovery.EVIDENCE if cause in _BY_EVIDENCE else record.recovery


def recovered(record: BreakerRecord, signals: Signals, policy: Policy) -> Finding | None:
    """Find that the probes of a half-open breaker have shown what its recovery rule asks for."""
    if record.recovery is Recovery.EVIDENCE:
        if not signals.risk_upper <= policy.close_level:
            return None
        risk = f"the risk is at most {signals.risk_upper:.2%} (close level {policy.close_level:.2%})"
        return Finding(Cause.RECOVERED, f"{risk} with at least {policy.min_acceptance:.0%} passing")
    unknown = record.opened_by is Cause.ERRORS and math.isnan(signals.call_error_rate)
    if signals.probes < policy.probes or unknown:
        return None
    return Finding(Cause.RECOVERED, f"{signals.probes} probes went well (needs {policy.probes})")


def probes_failed(signals: Signals, policy: Policy) -> Finding | None:
    """Find that what opened, or something like it, is still there."""
    found = schema_broken(signals) or promise_broken(signals) or calls_fail(signals, policy) or calls_slow(signals)
    found = found or harm_alarmed(signals)
    return None if found is None else Finding(Cause.PROBES_FAILED, f"while probing: {found.reason}")


def waited_too_long(record: BreakerRecord, signals: Signals) -> Finding | None:
    """Find that a half-open breaker has learnt nothing in its time."""
    if record.wait_until is None or signals.time < record.wait_until:
        return None
    waited = signals.time - record.since
    return Finding(Cause.WAITED, f"no verdict from {signals.probes} probes in {lasting(waited)}")


def wait_limit(signals: Signals, policy: Policy) -> float:
    """Give the longest stay in HALF_OPEN in seconds: at least three label delays."""
    delays = policy.delays_to_wait * signals.label_delay
    return max(policy.half_open_wait, delays) if math.isfinite(delays) else policy.half_open_wait


def flaps(record: BreakerRecord, policy: Policy) -> Finding | None:
    """Find too many transitions within the window; probe cycles are not among them."""
    n = len(record.recent)
    if n <= policy.flap_limit:
        return None
    window = f"{policy.flap_window / 60:.0f} minutes"
    return Finding(
        Cause.FLAPPING, f"{n} transitions within {window} (limit {policy.flap_limit}): held open for a person"
    )


def next_k(record: BreakerRecord, time: float, policy: Policy) -> int:
    """Give the exponent of the backoff of a breaker that opens now."""
    again = record.closed_at is not None and time - record.closed_at < policy.memory
    if record.live is BreakerState.HALF_OPEN or again:
        return min(record.k + 1, _LARGEST_K)
    return 0


def backoff(record: BreakerRecord, k: int, policy: Policy) -> float:
    """Give the wait in seconds: doubled each time, capped, shortened by a share that the generation decides."""
    name = f"{record.key}\0{record.epoch}\0{record.seq}".encode()
    share = int.from_bytes(hashlib.sha256(name).digest()[:8], "big") / 2.0**64
    longest = min(policy.backoff * 2.0 ** min(k, _LARGEST_K), policy.backoff_cap)
    return longest * (1.0 - policy.jitter * share)


def ramp_share(record: BreakerRecord, time: float, policy: Policy) -> float:
    """Give the share of requests that may pass: all, but for the first steps after closing."""
    if record.closed_at is None or record.state not in (BreakerState.CLOSED, BreakerState.DEGRADED):
        return 1.0
    step = int((max(time, record.time) - record.closed_at) // policy.ramp_hold)
    return policy.ramp[step] if step < len(policy.ramp) else 1.0


def refusal(command: Command, time: float, policy: Policy) -> str | None:
    """Say why a command cannot be followed; None if it can."""
    if command.order not in (Order.OPEN, Order.CLOSE) or command.until is None:
        return None
    left = command.until - time
    if left <= 0:
        return f"{command.order} by {command.actor!r} ran out {-left:.0f} s before it was read: give it again"
    if left > policy.override_longest:
        days = policy.override_longest / 86400
        return f"{command.order} by {command.actor!r} would last {left / 86400:.1f} d: at most {days:g} d are allowed"
    return None
