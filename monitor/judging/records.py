"""Fields of the ledger's records: what was promised, what alarmed, which step the breaker took, and why in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from detectors.evidence import Alarm
from detectors.explain import Explanation
from detectors.harm import HarmAlarm
from detectors.selective import SelectiveReading
from fallback.records import Transition
from fallback.types import BreakerState, GroupRuling, Guarantee, Verdict
from monitor.config import Config
from monitor.events import format_time
from monitor.observing import Evidence
from monitor.summaries import Range

__all__ = [
    "Record",
    "epoch",
    "evidence",
    "guarantee",
    "guarantee_in",
    "harm",
    "rules",
    "start",
    "transition",
    "warning",
]

_LOG10 = math.log(10)
_LEAST = -99.0
"""What stands for no evidence at all, whose logarithm no JSON can hold."""
_HASH = "^[0-9a-f]{64}$"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the ledger; what else it holds depends on its kind, and may grow."""

    seq: int
    prev: Annotated[str, Meta(description="The `hash` of the line before; 64 zeros in the first.", pattern=_HASH)]
    time: Annotated[datetime, Meta(description="The judge's clock: RFC 3339.", tz=True)]
    kind: Annotated[
        str,
        Meta(
            description="start, verdict, alarm, examples, epoch, transition, episode, patched, order, canary, "
            "kill_switch, skipped or snapshot."
        ),
    ]
    version: str | None = None
    event: Annotated[int | None, Meta(description="Zero-based position in the stream.")] = None
    judged: Annotated[list[Range], Meta(description="Records that were judged since the record before.")] = []
    hash: Annotated[str, Meta(description="SHA-256 of the line's bytes before this field.", pattern=_HASH)]


def rules(config: Config) -> str:
    """Digest of all that a judge's rulings follow from, beside the profiles and the summaries."""
    parts = (
        config.promise,
        config.outcomes.known,
        config.outcomes.flags,
        config.evidence,
        config.views.tolerance,
        config.breaker,
        config.canary,
        config.fairness,
    )
    return sha256(msgspec.json.encode(parts, enc_hook=str)).hexdigest()[:16]


def start(config: Config, profiles: Mapping[str, str], rules_digest: str) -> dict[str, Any]:
    """The promise, and the digests of the profiles and of the rules."""
    promise = msgspec.structs.asdict(config.promise)
    pages = config.promise.false_pages
    promise["false_pages"] = f"1 per {pages.n:g} {pages.unit}"
    return {"model": config.model, "promise": promise, "profiles": dict(profiles), "rules": rules_digest}


def warning(
    version: str, event: int, names: Sequence[str], kind: str, alarm: Alarm, told: Explanation
) -> dict[str, Any]:
    """A view moved: its kind of bins, and its counts before and since the change, which bear the alarm out.

    `names` are those of all views, `since` is the most likely time of the change, and `moved` are all views that stand
    out with it.
    """
    return {
        "version": version,
        "event": event,
        "level": "warning",
        "view": names[alarm.view],
        "bins": kind,
        "log10_evidence": round(alarm.log_evidence / _LOG10, 3),
        "why": told.why,
        "before": alarm.before.tolist(),
        "now": alarm.now.tolist(),
        "since": format_time(alarm.since),
        "moved": [names[view] for view in alarm.moved],
    }


def harm(version: str, event: int, alarm: HarmAlarm, segment: str = "") -> dict[str, Any]:
    """A rate is above what is tolerated; in a `segment`, or overall."""
    log10 = alarm.log_evidence / _LOG10
    rate = alarm.wrong / max(alarm.n, 1)
    what = _what(alarm.view)
    counted = "predictions" if alarm.view == "flags" else "labels"
    why = alarm.why or (
        f"{alarm.view}: {alarm.wrong:,} {what} in the last {alarm.n:,} {counted} ({100 * rate:.1f} %), "
        f"at most {100 * alarm.tolerated:.1f} % were to be expected; odds 10^{log10:.0f} to 1"
    )
    if alarm.view.startswith("fairness"):
        why = (
            f"{alarm.view}: by {100 * rate:.1f} points in {alarm.n:,} pairs of events, {100 * alarm.tolerated:.1f} "
            f"are tolerated; odds 10^{log10:.0f} to 1"
        )
    return {
        "version": version,
        **({"segment": segment} if segment else {}),
        "event": event,
        "level": "page",
        "view": alarm.view,
        "log10_evidence": round(log10, 3),
        "why": why,
        "n": alarm.n,
        "wrong": alarm.wrong,
        "tolerated": alarm.tolerated,
        # nothing was bet on: there are no odds to derive
        **({"rule": True} if alarm.why else {}),
    }


def _what(view: str) -> str:
    if view == "flags":
        return "flagged answers"
    if view == "coverage":
        return "misses"
    return "such" if view.startswith("loss") or view.endswith("apart") else "errors"


def evidence(seen: Evidence) -> dict[str, Any]:
    """Where the evidence stood as a verdict was given, log10: for whoever reads the ledger; nothing follows from it."""
    values = {name: getattr(seen, name) for name in ("warning", "harm", "level")}
    return {"event": seen.event, "evidence": {name: round(max(each, _LEAST), 2) for name, each in values.items()}}


def epoch(version: str, event: int, reading: SelectiveReading) -> dict[str, Any]:
    """Errors changed, and the threshold moved at once."""
    side = str(reading.epoch_alarm.value) if reading.epoch_alarm is not None else ""
    of = reading.worse if side == "worse" else reading.better
    return {
        "version": version,
        "event": event,
        "side": side,
        "epoch": reading.epoch,
        "log10_evidence": round(of.log_evidence / _LOG10, 3),
        "threshold": reading.threshold,
    }


def transition(version: str, event: int, step: Transition, segment: str = "") -> dict[str, Any]:
    """A step of the breaker: the version's, or that of one of its groups."""
    return {
        "version": version,
        **({"segment": segment} if segment else {}),
        "event": event,
        "from": step.source.value,
        "to": step.to.value,
        "would_have": step.live_to.value,
        "cause": step.cause.value,
        "reason": step.reason,
        "page": step.page.value if step.page is not None else None,
        "epoch": step.epoch,
        "seq_before": step.seq,
        # when an open breaker probes at the earliest, or a half-open one gives up
        "deadline": step.deadline,
        "override": None if step.override is None else asdict(step.override),
    }


def guarantee(verdict: Verdict) -> str:
    """What the surest answers that pass are covered by."""
    if verdict.state not in (BreakerState.CLOSED, BreakerState.DEGRADED) or verdict.threshold > 1:
        return Guarantee.NONE.value
    return (Guarantee.CERTIFIED if verdict.certified_from <= 1 else Guarantee.TRACKING).value


def guarantee_in(verdict: Verdict, ruling: GroupRuling) -> str:
    """What is in force for what passes of one group: never more than a group's breaker and bar leave of the whole's."""
    whole = guarantee(verdict)
    answers = ruling.state in (BreakerState.CLOSED, BreakerState.DEGRADED) and verdict.threshold + ruling.offset <= 1
    if whole == Guarantee.NONE.value or not answers:
        return Guarantee.NONE.value
    # labels of a group that is ruled on by itself are no part of the certificate
    return whole if ruling.state is BreakerState.CLOSED else Guarantee.TRACKING.value
