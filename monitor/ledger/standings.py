"""How the breakers of each version and its groups stand, as the end of the ledger tells it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from fallback import rules
from fallback.moves import PROBING, RELEASING
from fallback.policy import Policy
from fallback.records import BreakerRecord, Cause, Override
from fallback.types import BreakerState, GroupRuling, Health, Verdict, health_of
from monitor.errors import RunError
from monitor.events import format_time, parse_time
from monitor.judging.records import guarantee
from monitor.judging.snapshots import readable, unpacked
from monitor.ledger.waits import waits_for

__all__ = ["Known", "Overruled", "Standing", "begun", "follow", "standings"]


class Overruled(msgspec.Struct, frozen=True):
    """An operator's order that is in force."""

    state: str
    actor: str
    reason: str
    until: str


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version, or one group of it. Times are RFC 3339, ages are seconds."""

    version: str
    state: str
    would_have: str
    since: str | None
    cause: str | None
    reason: str
    epoch: int
    threshold: float | None
    suspicion: float
    guarantee: str
    ramp: float
    override: Overruled | None
    health: str
    age: float | None
    waits_for: str
    ledger_offset: int
    segment: str = ""
    """The group, `name=value`; empty for the version itself."""


class Known:
    """What the lines have told of one version so far, and of those of its groups whose breaker has ever moved."""

    def __init__(
        self, record: BreakerRecord, verdict: Verdict | None = None, groups: Sequence[BreakerRecord] = ()
    ) -> None:
        self.record = record
        self.verdict = verdict
        self.groups = {each.key.removeprefix(f"{record.key}/"): each for each in groups if each.seq}


def standings(lines: Sequence[bytes], policy: Policy, now: float) -> list[Standing]:
    """How each version stands after `lines`: a record that a judge can begin from, and all after it.

    Raises RunError if there are none: nobody has judged yet.
    """
    if not lines:
        raise RunError(
            "the ledger is empty: nobody has judged yet. Does a replica run? `holdback doctor` shows the group"
        )
    first = msgspec.json.decode(lines[0])
    known = dict(begun(first))
    for line in lines[1:]:
        follow(known, msgspec.json.decode(line), policy)
    found = []
    for version, each in known.items():
        if each.verdict is None:
            continue
        found.append(_standing(version, each.record, each.verdict, policy, now))
        for segment, record in each.groups.items():
            found.append(_group(segment, _standing(version, record, each.verdict, policy, now), each.verdict))
    return found


def begun(base: Mapping[str, Any]) -> Iterator[tuple[str, Known]]:
    """What a snapshot knows, or what holds at the start of a promise."""
    if base["kind"] == "start":
        at = parse_time(base["time"])
        for version in base["profiles"]:
            yield version, Known(BreakerRecord(f"{base['model']}/{version}", since=at))
        return
    if not readable(base):
        raise RunError(
            f"the last snapshot is of the format {base.get('format')!r}, which this version can't read; a replica of "
            "this version begins anew, and can then be asked"
        )
    for version, text in base["versions"].items():
        state = unpacked(text)
        record = msgspec.json.decode(state["breaker"].tobytes(), type=BreakerRecord)
        groups = state.get("groups.breakers.records")
        own = [] if groups is None else msgspec.json.decode(groups.tobytes(), type=list[BreakerRecord])
        told = base["told"].get(version)
        yield version, Known(record, None if told is None else Verdict.from_builtins(told[0]), own)


def follow(known: Mapping[str, Known], record: Mapping[str, Any], policy: Policy) -> None:
    """Take in one line."""
    each = known.get(str(record.get("version")))
    if each is None:
        return
    if record["kind"] == "verdict":
        each.verdict = Verdict.from_builtins(record["verdict"])
    elif record["kind"] == "alarm" and record["level"] == "page" and record["view"].startswith(policy.ack_views):
        each.record = replace(each.record, ack_needed=True)
    elif record["kind"] == "transition" and (segment := record.get("segment")):
        before = each.groups.get(segment, BreakerRecord(f"{each.record.key}/{segment}"))
        each.groups[segment] = _stepped(before, record)
    elif record["kind"] == "transition":
        each.record = _stepped(each.record, record)


def _stepped(before: BreakerRecord, step: Mapping[str, Any]) -> BreakerRecord:
    """What a breaker remembers after a step, as far as the ledger tells it."""
    at, cause = parse_time(step["time"]), Cause(step["cause"])
    live, said = BreakerState(step["would_have"]), step.get("override")
    opened, was = live in PROBING, before.live
    override = None if said is None else msgspec.convert(said, Override)
    deadline = step.get("deadline") if override is None else None
    record = replace(
        before,
        live=live,
        since=before.since if step["from"] == step["to"] else at,
        retry_at=deadline if live is BreakerState.OPEN else None,
        wait_until=deadline if live is BreakerState.HALF_OPEN else None,
        closed_at=at if was is BreakerState.HALF_OPEN and not opened else before.closed_at,
        opened_by=(cause if was not in PROBING else before.opened_by) if opened else None,
        recovery=rules.recovery_for(before, cause) if opened else BreakerRecord(before.key).recovery,
        ack_needed=before.ack_needed and live is not BreakerState.CLOSED,
        latched=before.latched or cause is Cause.FLAPPING,
        cause=cause,
        reason=step["reason"],
        override=override,
    )
    return replace(record, latched=False, ack_needed=False) if cause in RELEASING else record


def _group(segment: str, whole: Standing, verdict: Verdict) -> Standing:
    """A group's own breaker, with the bar of its requests; what holds for them is the worse of it and the version's."""
    ruling = next((each for each in verdict.groups if each.group == segment), GroupRuling(segment))
    threshold = None if whole.threshold is None else whole.threshold + ruling.offset
    passes = ruling.state in (BreakerState.CLOSED, BreakerState.DEGRADED) and threshold is not None and threshold <= 1
    return msgspec.structs.replace(
        whole,
        segment=segment,
        state=ruling.state.value,
        epoch=ruling.epoch,
        threshold=threshold,
        guarantee=whole.guarantee if passes else "none",
        ramp=min(whole.ramp, ruling.ramp),
    )


def _standing(version: str, record: BreakerRecord, verdict: Verdict, policy: Policy, now: float) -> Standing:
    age = max(0.0, now - verdict.time)
    health = health_of(age)
    override = record.override
    return Standing(
        version=version,
        state=verdict.state.value,
        would_have=record.live.value,
        since=format_time(record.since) if record.since else None,
        cause=None if record.cause is None else record.cause.value,
        reason=record.reason,
        epoch=verdict.epoch,
        threshold=verdict.threshold if math.isfinite(verdict.threshold) else None,
        suspicion=verdict.suspicion,
        # who is blind promises nothing
        guarantee="none" if health is Health.BLIND else guarantee(verdict),
        ramp=verdict.ramp,
        override=None
        if override is None
        else Overruled(override.state.value, override.actor, override.reason, format_time(override.until)),
        health=health.value,
        age=round(age, 3) if math.isfinite(age) else None,
        waits_for=waits_for(record, policy),
        ledger_offset=verdict.ledger_offset,
    )
