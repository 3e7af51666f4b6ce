"""Which step a breaker takes next, by an operator's word, the evidence or the latch, and all that goes with it."""

from __future__ import annotations

from collections.abc import Callable

from fallback import rules
from fallback.policy import Policy
from fallback.records import BreakerRecord, Cause, Order, Override, Page, Signals, Transition
from fallback.rules import Finding
from fallback.types import BreakerState

__all__ = ["PROBING", "RELEASING", "UNCOUNTED", "Move", "evidence", "expiry", "latch", "order", "renewal"]

_S = BreakerState
_ORDERED = {Order.OPEN: _S.FORCED_OPEN, Order.CLOSE: _S.FORCED_CLOSED}

Move = Callable[[BreakerRecord, Signals, Policy], Transition | None]
"""Decides on a transition, or on none."""
PROBING = frozenset({_S.OPEN, _S.HALF_OPEN})
"""States in which the model answers nothing, and whose cycles do not count as flapping."""
RELEASING = frozenset({Cause.ACCEPTED, Cause.RELEASED, Cause.NEW_PROFILE, Cause.HANDED_OVER})
"""Causes that end a latch and a call for a person."""
UNCOUNTED = RELEASING | {Cause.OVERRIDE, Cause.EXPIRED}
"""Causes that are people's doing: they neither count as flapping nor carry harm."""


def expiry(record: BreakerRecord, signals: Signals, policy: Policy) -> Transition | None:
    """End an override whose time is over."""
    override = record.override
    if override is None or signals.time < override.until:
        return None
    finding = Finding(Cause.EXPIRED, f"{override.state} by {override.actor} ran out ({override.reason})")
    return _ended(record, signals, policy, override, finding)


def _ended(record: BreakerRecord, signals: Signals, policy: Policy, override: Override, finding: Finding) -> Transition:
    """End FORCED_OPEN by probing, unless a person has to speak first; end FORCED_CLOSED by what the evidence says."""
    blocked = rules.needs_ack(record) and finding.cause is Cause.EXPIRED
    live = _S.HALF_OPEN if override.state is _S.FORCED_OPEN and not blocked else record.live
    return _move(record, signals, policy, live, finding, None)


def order(record: BreakerRecord, signals: Signals, policy: Policy) -> Transition | None:
    """Follow an operator's command, if it can be followed."""
    command = signals.command
    if command is None or rules.refusal(command, signals.time, policy) is not None:
        return None
    said = f"{command.order} by {command.actor}" + (f": {command.reason}" if command.reason else "")
    if command.order in _ORDERED and command.until is not None:
        override = Override(_ORDERED[command.order], command.actor, command.reason, command.until)
        # the stay in HALF_OPEN is timed, and no timer runs under an override
        live: BreakerState = _S.OPEN if record.live is _S.HALF_OPEN else record.live
        return _move(record, signals, policy, live, Finding(Cause.OVERRIDE, said), override)
    if command.order is Order.AUTO and record.override is not None:
        return _ended(record, signals, policy, record.override, Finding(Cause.RELEASED, said))
    if command.order is Order.ACCEPT and record.live is not _S.CLOSED:
        live = _S.CLOSED if record.live is _S.DEGRADED else record.live
        return _move(record, signals, policy, live, Finding(Cause.ACCEPTED, said), record.override)
    if record.ack_needed or record.latched:
        return _move(record, signals, policy, record.live, Finding(Cause.RELEASED, said), record.override)
    return None


def evidence(record: BreakerRecord, signals: Signals, policy: Policy) -> Transition | None:
    """Take the step that the evidence asks for; under an override it is recorded, but changes nothing."""
    to, finding = _judge(record, signals, policy)
    return None if finding is None else _move(record, signals, policy, to, finding, record.override)


def renewal(record: BreakerRecord, signals: Signals, policy: Policy) -> Transition | None:
    """Start anew with a new profile, or where the breaker above has taken over.

    From OPEN to CLOSED that is two steps, the only case of two at once.
    """
    if not (signals.new_profile or signals.handed_over) or record.live is _S.CLOSED:
        return None
    live = _S.HALF_OPEN if record.live is _S.OPEN else _S.CLOSED
    finding = Finding(Cause.NEW_PROFILE, "a new profile: what was known about the old one is void")
    if signals.handed_over:
        finding = Finding(Cause.HANDED_OVER, "the version's breaker has taken over: it is decided there, once")
    return _move(record, signals, policy, live, finding, record.override)


def _judge(record: BreakerRecord, signals: Signals, policy: Policy) -> tuple[BreakerState, Finding | None]:
    if record.live is _S.OPEN:
        return _judge_open(record, signals)
    if record.live is _S.HALF_OPEN:
        return _judge_probes(record, signals, policy)
    if opens := rules.opens(record, signals, policy):
        return _S.OPEN, opens
    harm = None if record.harm else rules.harm_alarmed(signals)
    if record.live is _S.CLOSED:
        return _S.DEGRADED, harm or rules.warning_stands(record, signals, policy)
    return (_S.DEGRADED, harm) if harm else (_S.CLOSED, rules.quiet_long_enough(record, signals, policy))


def _judge_open(record: BreakerRecord, signals: Signals) -> tuple[BreakerState, Finding | None]:
    worse = None if record.harm else rules.promise_broken(signals) or rules.harm_alarmed(signals)
    return (_S.OPEN, worse) if worse else (_S.HALF_OPEN, rules.retry_due(record, signals))


def _judge_probes(record: BreakerRecord, signals: Signals, policy: Policy) -> tuple[BreakerState, Finding | None]:
    if failed := rules.probes_failed(signals, policy):
        return _S.OPEN, failed
    if recovered := rules.recovered(record, signals, policy):
        to = _S.CLOSED if rules.quiet(record, signals) else _S.DEGRADED
        return to, recovered
    return _S.OPEN, rules.waited_too_long(record, signals)


def latch(record: BreakerRecord, _: Signals, policy: Policy) -> Transition | None:
    """Hold a breaker open that flaps."""
    if record.override is not None or record.latched:
        return None
    finding = rules.flaps(record, policy)
    return None if finding is None else _move(record, Signals(time=record.time), policy, _S.OPEN, finding, None)


def _move(
    record: BreakerRecord,
    signals: Signals,
    policy: Policy,
    live: BreakerState,
    finding: Finding,
    override: Override | None,
) -> Transition:
    ordered = finding.cause in UNCOUNTED
    harm = not ordered and live is not _S.CLOSED and (bool(signals.harm) or signals.promise_broken)
    opens = live is _S.OPEN and record.live is not _S.OPEN and (record.live is not _S.HALF_OPEN or override is None)
    k = rules.next_k(record, signals.time, policy) if opens else record.k
    return Transition(
        time=signals.time,
        key=record.key,
        source=record.state,
        to=live if override is None else override.state,
        live_to=live,
        cause=finding.cause,
        reason=finding.reason,
        page=_page(record, live, finding.cause, harm=harm),
        epoch=record.epoch,
        seq=record.seq,
        harm=harm,
        k=k,
        deadline=None if override is not None else _deadline(record, signals, policy, live, k),
        override=override,
    )


def _page(record: BreakerRecord, live: BreakerState, cause: Cause, *, harm: bool) -> Page | None:
    """One page a trip: what follows makes it worse, or resolves it. Probing in vain wakes nobody a second time."""
    if live is _S.CLOSED:
        return Page.RESOLVE if record.page_open else None
    opened = live is _S.OPEN and record.live not in PROBING
    if not (opened or cause is Cause.FLAPPING or (harm and not record.harm)):
        return None
    return Page.WORSE if record.page_open else Page.PAGE


def _deadline(record: BreakerRecord, signals: Signals, policy: Policy, live: BreakerState, k: int) -> float | None:
    if live is _S.OPEN:
        kept = record.retry_at if record.live is _S.OPEN else None
        return signals.time + rules.backoff(record, k, policy) if kept is None else kept
    if live is _S.HALF_OPEN:
        kept = record.wait_until if record.live is _S.HALF_OPEN else None
        return signals.time + rules.wait_limit(signals, policy) if kept is None else kept
    return None
