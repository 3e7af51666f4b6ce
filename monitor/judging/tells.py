"""What the judge tells those who watch: alarms and pages as observations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from detectors.evidence import Alarm as Raised
from detectors.explain import Explanation
from fallback.records import Page
from fallback.records import Transition as Step
from fallback.types import GroupRuling, Verdict
from monitor.events import parse_time
from monitor.judging.group_judge import GroupJudge
from monitor.judging.records import guarantee_in
from monitor.judging.trips import Trips
from monitor.judging.version_judge import VersionJudge
from monitor.judging.version_types import Judged
from monitor.observing import (
    Alarm,
    Compared,
    Evidence,
    Explained,
    Paged,
    Segments,
    SegmentStanding,
    Standing,
    Transition,
    Trip,
)

__all__ = [
    "compared",
    "evidence",
    "explained",
    "harmed",
    "is_news",
    "moved",
    "of_step",
    "paged",
    "says_the_same",
    "standing",
    "stepped",
]

_HEARTBEAT = 5.0
_LEAST_GAP = 1.0
_BATCHES_WITHOUT_A_WORD = 10


def moved(time: float, event: int, version: str, names: Sequence[str], raised: Raised, told: Explanation) -> Alarm:
    """A view moved; `names` are those of all views."""
    return Alarm(
        time=time,
        event=event,
        level="warning",
        view=names[raised.view],
        log10_evidence=raised.log_evidence / math.log(10),
        why=told.why,
        version=version,
        bins=told.bins,
        before=told.before,
        now=told.now,
        since=raised.since,
        moved=[names[view] for view in raised.moved],
    )


def evidence(time: float, event: int, judged: Judged, judge: VersionJudge) -> Evidence:
    """Where the evidence stands after a batch."""
    return Evidence(
        time=time,
        event=event,
        warning=judged.top / math.log(10),
        harm=judged.harm.top / math.log(10),
        level=judge.log_level / math.log(10),
        estimated_error=judge.estimated_error,
        opinions=judged.opinions,
        since_profile=judge.log_e_since_profile / math.log(10),
    )


def compared(time: float, event: int, said: Mapping[str, Any]) -> Compared:
    """What is known of a candidate beside its baseline."""
    names = ("baseline", "candidate", "verdict", "why", "compared", "means")
    return Compared(time=time, event=event, **{name: said[name] for name in names})


def explained(fields: Mapping[str, Any]) -> list[Explained]:
    """Which events explain alarms; `fields` are those of the ledger's record."""
    time, version = parse_time(fields["time"]), fields["version"]
    return [Explained(time=time, version=version, **each) for each in fields["alarms"]]


def harmed(time: float, fields: Mapping[str, Any]) -> Alarm:
    """A rate is above what is tolerated; `fields` are those of the ledger's record."""
    names = ("event", "level", "view", "log10_evidence", "why", "version")
    return Alarm(time=time, segment=fields.get("segment", ""), **{name: fields[name] for name in names})


def stepped(time: float, fields: Mapping[str, Any]) -> Transition | None:
    """The breaker went from one state to another; None where it stayed."""
    if fields["from"] == fields["to"]:
        return None
    return Transition(
        time=time,
        event=fields["event"],
        version=fields["version"],
        before=fields["from"],
        after=fields["to"],
        reason=fields["reason"],
        segment=fields.get("segment", ""),
    )


def paged(time: float, model: str, step: Step, trip: Trip | None) -> Paged | None:
    """Somebody is woken; None where nobody is: a trip that gets worse or ends says so in `Standing`."""
    if step.page is not Page.PAGE or trip is None or not trip.paged:
        return None
    where = f", {trip.segment}" if trip.segment else ""
    summary = f"{model} version {trip.version}{where}: {trip.why}. The breaker is {trip.state} now."
    return Paged(time=time, summary=summary, trip=trip)


def of_step(
    time: float, model: str, fields: Mapping[str, Any], step: Step, trip: Trip | None
) -> Iterator[Transition | Paged]:
    """All that a step of a breaker is told as; `fields` are those of its record."""
    for seen in (stepped(time, fields), paged(time, model, step, trip)):
        if seen is not None:
            yield seen


def standing(verdict: Verdict, version: str, judge: VersionJudge, trips: Trips) -> Iterator[Standing | Segments]:
    """How the trips of a version and its groups stand, and the groups themselves."""
    for segment in ("", *trips.segments(version)):
        yield Standing(version=version, trip=trips.of(version, segment), segment=segment)
    if judge.groups is not None:
        yield _groups(verdict, version, judge.groups)


def _groups(verdict: Verdict, version: str, found: GroupJudge) -> Segments:
    rulings = {each.group: each for each in verdict.groups}
    each = tuple(
        SegmentStanding(
            segment=label,
            state=record.state.value,
            offset=rulings[label].offset if label in rulings else 0.0,
            epoch=record.epoch,
            followed=followed,
            n=int(n),
            answered=int(answered),
            accepted=(int(labelled), int(wrong)),
            covered=(judged, judged - misses),
            guarantee=guarantee_in(verdict, rulings.get(label, GroupRuling(label))),
        )
        for label, record, followed, (n, answered, labelled, wrong, judged, misses) in zip(
            found.groups.labels, found.breakers.records, found.followed.tolist(), found.totals.tolist(), strict=True
        )
    )
    return Segments(time=verdict.time, version=version, segments=each)


def is_news(verdict: Verdict, told: Verdict, gap: float, batches: int) -> bool:
    """Whether a verdict is to be written, `gap` seconds and `batches` batches after the one before."""
    if gap >= _HEARTBEAT:
        return True
    return (gap >= _LEAST_GAP or batches >= _BATCHES_WITHOUT_A_WORD) and not says_the_same(verdict, told)


def says_the_same(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts rule alike, whenever they were given; how likely answers are right rules nothing."""
    # a delay that is not known is NaN, and so differs from itself
    unknown = math.isnan(one.usual_delay) and math.isnan(other.usual_delay)
    first, second = (
        replace(
            each,
            time=0.0,
            ledger_offset=0,
            usual_delay=0.0 if unknown else each.usual_delay,
            intercept=0.0,
            slope=0.0,
        )
        for each in (one, other)
    )
    return first == second
