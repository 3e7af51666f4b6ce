"""The breaker: a pure function from what it remembers and sees to what it does.

Time heals an overloaded service, but not drift, so it closes on evidence. States and guards are told in
`docs/breaker.md`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from fallback import moves, rules
from fallback.errors import ForbiddenTransition, StaleTransition
from fallback.moves import PROBING, RELEASING, UNCOUNTED, Move
from fallback.policy import Policy, Recovery
from fallback.records import BreakerRecord, Cause, Page, Signals, Token, Transition
from fallback.segments import SEVERITY
from fallback.types import BreakerState

__all__ = ["GRAPH", "accepts", "apply", "new_epoch", "step", "worst"]

_S = BreakerState
_FORCED = (_S.FORCED_OPEN, _S.FORCED_CLOSED)
_PEOPLE: tuple[Move, ...] = (moves.expiry, moves.order, moves.renewal, moves.renewal)
_EVIDENCE: tuple[Move, ...] = (moves.evidence, moves.latch)

GRAPH: dict[BreakerState, frozenset[BreakerState]] = {
    _S.CLOSED: frozenset({_S.DEGRADED, _S.OPEN, *_FORCED}),
    _S.DEGRADED: frozenset({_S.DEGRADED, _S.CLOSED, _S.OPEN, *_FORCED}),
    _S.OPEN: frozenset({_S.OPEN, _S.HALF_OPEN, *_FORCED}),
    _S.HALF_OPEN: frozenset({_S.HALF_OPEN, _S.OPEN, _S.CLOSED, _S.DEGRADED, *_FORCED}),
    _S.FORCED_OPEN: frozenset({_S.HALF_OPEN, _S.OPEN, *_FORCED}),
    _S.FORCED_CLOSED: frozenset({_S.CLOSED, _S.DEGRADED, _S.OPEN, *_FORCED}),
}
"""Where a breaker may go. A step from a state to itself adds harm to an open episode, or is an operator's or a
`would_have` one."""


def step(record: BreakerRecord, signals: Signals, policy: Policy) -> tuple[BreakerRecord, tuple[Transition, ...]]:
    """Let the breaker take in what is known now; returns what it remembers then, and what it did."""
    record, signals = _clock(record, signals)
    done: list[Transition] = []
    # people come first, so that no timer can fire under their word, nor evidence that they have spoken about
    for decide in _PEOPLE:
        record, signals = _carry_out(decide(record, signals, policy), record, signals, done)
    record = _take_in(record, signals, policy)
    for decide in _EVIDENCE:
        record, signals = _carry_out(decide(record, signals, policy), record, signals, done)
    return record, tuple(done)


def _carry_out(
    transition: Transition | None, record: BreakerRecord, signals: Signals, done: list[Transition]
) -> tuple[BreakerRecord, Signals]:
    if transition is None:
        return record, signals
    done.append(transition)
    return apply(record, transition), _after(transition, signals)


def apply(record: BreakerRecord, transition: Transition) -> BreakerRecord:
    """Carry out a transition, if it was decided on this very record: compare and set on (key, epoch, seq).

    Raises
    ------
    StaleTransition
        It was decided on an earlier or another record.
    ForbiddenTransition
        The graph has no such edge.
    """
    decided_on = Token(transition.key, transition.epoch, transition.seq)
    if decided_on != record.token:
        raise StaleTransition(f"decided on {decided_on!r}, but the record is at {record.token!r}: decide again")
    if transition.source is not record.state or transition.to not in GRAPH[record.state]:
        raise ForbiddenTransition(f"{transition.source} -> {transition.to} from {record.state}: not in the graph")
    live, was = transition.live_to, record.live
    opened = live in PROBING
    forced = transition.override is not None
    record = replace(
        record,
        live=live,
        seq=record.seq + 1,
        epoch=record.epoch + (transition.harm and not record.harm),
        since=record.since if transition.to is record.state else transition.time,
        k=transition.k,
        retry_at=transition.deadline if live is _S.OPEN and not forced else None,
        wait_until=transition.deadline if live is _S.HALF_OPEN and not forced else None,
        quiet_since=None if live is not was else record.quiet_since,
        closed_at=transition.time if was is _S.HALF_OPEN and not opened else record.closed_at,
        opened_by=(transition.cause if was not in PROBING else record.opened_by) if opened else None,
        recovery=rules.recovery_for(record, transition.cause) if opened else Recovery.AUTO,
        harm=(record.harm or transition.harm) and live is not _S.CLOSED,
        ack_needed=record.ack_needed and live is not _S.CLOSED,
        latched=record.latched or transition.cause is Cause.FLAPPING,
        page_open=(record.page_open or transition.page is Page.PAGE) and transition.page is not Page.RESOLVE,
        recent=(*record.recent, transition.time) if _counts(was, transition) else record.recent,
        cause=transition.cause,
        reason=transition.reason,
        override=transition.override,
    )
    return _released(record) if transition.cause in RELEASING else record


def accepts(record: BreakerRecord, token: Token) -> bool:
    """Tell whether a result that was asked for under `token` still belongs to this generation."""
    return token == record.token


def new_epoch(record: BreakerRecord) -> BreakerRecord:
    """Begin an epoch without a transition: the answers got worse, but not so much that somebody must be woken."""
    return replace(record, epoch=record.epoch + 1)


def worst(states: Iterable[BreakerState]) -> BreakerState:
    """Give the effective state of a key under its parents."""
    return max(states, key=SEVERITY.index, default=_S.CLOSED)


def _clock(record: BreakerRecord, signals: Signals) -> tuple[BreakerRecord, Signals]:
    """Move the clock, which never runs backwards; drop what belongs to another generation or another profile."""
    time = max(record.time, signals.time) if math.isfinite(signals.time) else record.time
    if signals.new_profile or signals.handed_over:
        kept = (signals.new_profile, signals.handed_over, signals.command)
        signals = Signals(time=time, fresh=signals.fresh, new_profile=kept[0], handed_over=kept[1], command=kept[2])
    if signals.token is not None and signals.token != record.token:
        signals = replace(signals, probes=0, risk_upper=math.nan)
    since = record.since if record.seq or record.time else time
    return replace(record, time=time, since=since), replace(signals, time=time)


def _take_in(record: BreakerRecord, signals: Signals, policy: Policy) -> BreakerRecord:
    """Bring the holds and the flags up to date."""
    time = record.time
    harmed = bool(signals.harm) or signals.promise_broken
    record = replace(
        record,
        warning_since=_held(record.warning_since, time, holds=signals.warning),
        few_since=_held(record.few_since, time, holds=signals.could_pass < policy.min_acceptance),
        ack_needed=record.ack_needed
        or bool(signals.worse_than)
        or any(view.startswith(policy.ack_views) for view in signals.harm),
        recovery=Recovery.EVIDENCE if harmed and record.live in PROBING else record.recovery,
        recent=tuple(at for at in record.recent if time - at < policy.flap_window),
    )
    return replace(record, quiet_since=_held(record.quiet_since, time, holds=rules.quiet(record, signals)))


def _held(since: float | None, time: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return time if since is None else since


def _after(transition: Transition, signals: Signals) -> Signals:
    if transition.cause in (Cause.ACCEPTED, Cause.NEW_PROFILE, Cause.HANDED_OVER):
        return Signals(
            time=signals.time,
            fresh=signals.fresh,
            new_profile=signals.new_profile,
            handed_over=signals.handed_over,
        )
    if transition.live_to is _S.HALF_OPEN:
        return replace(signals, probes=0, risk_upper=math.nan)
    return signals


def _released(record: BreakerRecord) -> BreakerRecord:
    return replace(record, latched=False, ack_needed=False, recent=(), warning_since=None, few_since=None)


def _counts(was: BreakerState, transition: Transition) -> bool:
    """Whether a transition counts as flapping: neither cycles of probing in vain, nor what people did."""
    moved = transition.live_to is not was and {was, transition.live_to} != PROBING
    return moved and transition.override is None and transition.cause not in UNCOUNTED
