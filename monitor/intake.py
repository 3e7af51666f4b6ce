"""Intake: chunks of raw records become work for the router, outcomes for the joins, and dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from monitor.events import (
    Answer,
    DeadLetter,
    DeadLetterReason,
    Outcome,
    Source,
    decode_answers,
    decode_outcomes,
    decode_predictions,
    epoch_seconds,
    label_text,
    utc,
)
from monitor.joins.records import Flagging
from monitor.logs import Chunk
from monitor.routed import Work
from monitor.summaries import Range

__all__ = [
    "LATEST",
    "Flag",
    "Intake",
    "OutcomeRow",
    "bury_duplicates",
    "take_answers",
    "take_outcomes",
    "take_predictions",
]

LATEST = 3600.0
"""Seconds that an event's time may lie ahead of the clock; one from next year would carry every timer with it."""

OutcomeRow = tuple[str, str | None, float | None, float]


@dataclass(frozen=True, slots=True)
class Flag:
    """A user's report of harm, and the dead letter that it becomes should no decision be known of it."""

    flagging: Flagging
    letter: DeadLetter


@dataclass(slots=True)
class Intake:
    """What a poll brought.

    Attributes
    ----------
    works
        Predictions by version, in the order of their first.
    batches
        Batches of so many records at most that the poll falls into.
    outcomes
        (id, label, value, time) of each outcome, by partition.
    flags
        Users' reports of harm, by partition.
    answers
        What people said, or expiry gave.
    letters
        Dead letters.
    skipped
        Events of other models.
    backwards
        Events whose time lies before one already seen.
    ranges
        Records of each batch, and of the outcomes.
    clock
        The greatest time of a prediction at the end of each batch.
    """

    works: dict[str, Work] = field(default_factory=dict)
    batches: int = 0
    outcomes: dict[int, list[OutcomeRow]] = field(default_factory=dict)
    flags: dict[int, list[Flag]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    skipped: int = 0
    backwards: int = 0
    ranges: list[Range] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)


def take_predictions(
    into: Intake, chunk: Chunk, model: str, version: str | None, max_bytes: int, batch: int, clock: float, latest: float
) -> None:
    """Add a chunk of predictions.

    `version` is the configured one for events that bear none, `batch` the most events of a summary, `clock` the
    greatest time seen so far, `latest` the time after which an event is not believed.
    """
    predictions, faults = decode_predictions(chunk.values, max_bytes, chunk.kinds)
    _bury(into, chunk, [(fault.index, fault.reason, fault.detail) for fault in faults])
    for start in range(0, len(predictions), batch):
        end = min(start + batch, len(predictions))
        for i in range(start, end):
            prediction = predictions[i]
            if prediction is None:
                continue
            if prediction.model not in ("", model):
                into.skipped += 1
                continue
            time = chunk.times[i] if prediction.time is None else epoch_seconds(prediction.time)
            if time > latest:
                late = f"its time lies {time - latest:.0f} s too far ahead of the clock"
                _bury(into, chunk, [(i, DeadLetterReason.TIME, late)])
                continue
            into.backwards += time < clock
            clock = max(clock, time)
            name = prediction.version or version or ""
            work = into.works.get(name)
            if work is None:
                work = into.works[name] = Work(name)
            work.predictions.append(prediction)
            work.sources.append(Source(chunk.topic, chunk.partition, chunk.offsets[i]))
            work.times.append(time)
            work.batch.append(into.batches)
        into.ranges.append(Range(chunk.topic, chunk.partition, chunk.offsets[start], chunk.offsets[end - 1]))
        into.clock.append(clock)
        into.batches += 1


def take_outcomes(into: Intake, chunk: Chunk, model: str, max_bytes: int) -> list[Range]:
    """Add a chunk of outcomes; returns the ranges read."""
    outcomes, faults = decode_outcomes(chunk.values, max_bytes, chunk.kinds)
    _bury(into, chunk, [(fault.index, fault.reason, fault.detail) for fault in faults])
    known = [(i, each) for i, each in enumerate(outcomes) if each is not None]
    ours = [(i, each) for i, each in known if each.model in ("", model)]
    into.skipped += len(known) - len(ours)
    rows = [_row(each, chunk.times[i]) for i, each in ours if each.source != "flag"]
    flags = [_flag(each, chunk, i, model) for i, each in ours if each.source == "flag" and each.harmful is not False]
    if flags:
        into.flags.setdefault(chunk.partition, []).extend(flags)
    into.outcomes.setdefault(chunk.partition, []).extend(rows)
    return [Range(chunk.topic, chunk.partition, chunk.offsets[0], chunk.offsets[-1])] if chunk.values else []


def take_answers(into: Intake, chunk: Chunk) -> None:
    """Add a chunk of answers: this replica's own come back, too."""
    answers, faults = decode_answers(chunk.values)
    _bury(into, chunk, [(fault.index, fault.reason, fault.detail) for fault in faults])
    into.answers += [each for each in answers if each is not None]


def bury_duplicates(into: Intake, work: Work, places: Iterable[int], chunks: Mapping[tuple[str, int], Chunk]) -> None:
    """Bury predictions whose id was decided before."""
    for place in places:
        source = work.sources[place]
        chunk = chunks[source.topic, source.partition]
        at = list(chunk.offsets).index(source.offset)
        detail = f"id {work.predictions[place].id[:80]!r} was decided before; a decision is written once"
        _bury(into, chunk, [(at, DeadLetterReason.DUPLICATE, detail)])


def _row(outcome: Outcome, time: float) -> OutcomeRow:
    when = time if outcome.time is None else epoch_seconds(outcome.time)
    return (outcome.id, label_text(outcome.label), outcome.value, when)


def _flag(outcome: Outcome, chunk: Chunk, place: int, model: str) -> Flag:
    detail = "no decision of this id is known, or not any more, so the flag counts for nothing"
    letter = _letter(chunk, place, DeadLetterReason.UNMATCHED, detail)
    when = chunk.times[place] if outcome.time is None else epoch_seconds(outcome.time)
    # who does not say who they are is somebody of their own; replicas share no secret, so the key is no secret either
    by = f"by\0{outcome.by}" if outcome.by else f"id\0{outcome.id}"
    key = model.encode("utf-8", "replace")[: blake2b.MAX_KEY_SIZE]
    who = blake2b(by.encode("utf-8", "replace"), digest_size=8, key=key).hexdigest()
    return Flag(Flagging(outcome.id, who, when), letter)


def _letter(chunk: Chunk, place: int, reason: DeadLetterReason, detail: str) -> DeadLetter:
    source = Source(chunk.topic, chunk.partition, chunk.offsets[place])
    return DeadLetter(
        reason=reason, detail=detail, source=source, payload=chunk.values[place], time=utc(chunk.times[place])
    )


def _bury(into: Intake, chunk: Chunk, faults: Sequence[tuple[int, DeadLetterReason, str]]) -> None:
    into.letters += [_letter(chunk, i, reason, detail) for i, reason, detail in faults]
