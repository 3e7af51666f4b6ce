"""Why the breaker moved: a transition in words, its alarms derived again from their counts, or judged again in full."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from detectors.harm import log_odds
from detectors.payoffs import Bets, OrderedBets, PairBets, StepBets
from monitor.errors import CheckFailed, UsageError
from monitor.events import parse_time
from monitor.judging.judge import Judge
from monitor.judging.snapshots import FORMAT, readable
from monitor.judging.trip_words import plain
from monitor.summaries import decode_summaries

__all__ = ["Again", "Derived", "Explained", "Summaries", "derive", "explain_transitions", "judge_again"]

Summaries = Callable[[int], Iterable[tuple[int, bytes]]]
"""Gives the summaries from an offset on, each with its own: a broker's have gaps."""

_LN10 = math.log(10)
_BASES = ("start", "snapshot")
_LEAST = 0.0
"""log10 of the odds above which counts speak for a change at all: against those before it, an unchanged stretch pays
about one on average, and mostly less. This is a check of the record, not the proof: the recorded evidence grew batch by
batch, over every moment at which the change may have come. Judging the summaries again derives it exactly."""


@dataclass(frozen=True, slots=True)
class Derived:
    """An alarm, and the odds that its recorded counts give in a single step; `holds` if they bear it out.

    `examples` are ids of events that fell into the bins that gained, as far as they were found after it.
    """

    alarm: Mapping[str, Any]
    log10_odds: float
    holds: bool
    examples: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The alarm, and what its counts say."""
        if self.alarm.get("rule"):
            at = f"{self.alarm['level']} at event {self.alarm['event']:,} (record {self.alarm['seq']})"
            return f"{at}: {self.alarm['why']}"
        alarm, recorded = self.alarm, float(self.alarm["log10_evidence"])
        # evidence over many moments can see what one step over all of them blurs; that is no fault of the record
        says = "bear it out" if self.holds else "are too mixed to show it at once (`--again` derives it batch by batch)"
        if "before" in alarm:
            counts = f"{sum(alarm['now']):,} events since the change against {sum(alarm['before']):,} before"
        else:
            of = "predictions" if alarm["view"] == "flags" else "labels"
            counts = f"{alarm['wrong']:,} of {alarm['n']:,} {of}, {100 * alarm['tolerated']:.1f} % tolerated"
        return (
            f"{alarm['level']} at event {alarm['event']:,} (record {alarm['seq']}): {alarm['why']}. Its counts, "
            f"{counts}, {says}: odds of 10^{self.log10_odds:.1f} in a single step, 10^{recorded:.1f} recorded"
            + (f"; for example {', '.join(map(plain, self.examples))}" if self.examples else "")
        )


@dataclass(frozen=True, slots=True)
class Explained:
    """A transition, and the alarms and epochs of its version since the one before."""

    transition: Mapping[str, Any]
    alarms: tuple[Derived, ...]
    epochs: tuple[Mapping[str, Any], ...]
    accepted: str = ""
    """What somebody accepted with it, in words."""

    @property
    def words(self) -> list[str]:
        """One line for the transition, and one for each of what came before it."""
        step = self.transition
        page = f"; {step['page']}" if step.get("page") else ""
        where = f", {step['segment']}" if step.get("segment") else ""
        when = f"record {step['seq']}, {step['time']}, version {step['version']}{where}, event {step['event']:,}"
        told = [f"{when}: {step['from']} -> {step['to']}: {step['reason']}{page}"]
        told += [f"  {each.words}" for each in self.alarms]
        told += [
            f"  epoch {each['epoch']} at event {each['event']:,} (record {each['seq']}): errors turned {each['side']}, "
            f"odds of 10^{each['log10_evidence']:.1f}; the threshold went to {each['threshold']:.2f}"
            for each in self.epochs
        ]
        if self.accepted:
            return [*told, f"  accepted: {self.accepted}"]
        return told if len(told) > 1 else [*told, "  no alarm came before it: a timer, the labels or an operator"]


@dataclass(frozen=True, slots=True)
class Again:
    """What judging the summaries again gave: from which record, over how many summaries, how many records compared."""

    base: int
    summaries: int
    records: int


def derive(alarm: Mapping[str, Any]) -> Derived:
    """Derive an alarm's evidence from the counts in its record."""
    if "before" in alarm:
        odds = _moved(alarm)
    elif alarm.get("rule"):
        return Derived(alarm, math.nan, holds=True)
    else:
        odds = log_odds(int(alarm["n"]), int(alarm["wrong"]), float(alarm["tolerated"])) / _LN10
    return Derived(alarm, odds, odds > _LEAST)


def explain_transitions(records: Sequence[Mapping[str, Any]], seq: int | None = None) -> list[Explained]:
    """Every transition of a ledger, or the one with this `seq`. Raises UsageError if that is none."""
    found: list[Explained] = []
    alarms: dict[tuple[str, str], list[Derived]] = {}
    epochs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    accepted: dict[str, str] = {}
    # they come after their alarm, and may come after the transition; the last record of an alarm has them all
    examples = {
        (str(each["version"]), one["view"], one["event"]): tuple(one["ids"])
        for each in records
        if each["kind"] == "examples"
        for one in each["alarms"]
    }
    for record in records:
        breaker = (str(record.get("version")), str(record.get("segment", "")))
        if record["kind"] == "alarm":
            ids = examples.get((breaker[0], record["view"], record["event"]), ())
            alarms.setdefault(breaker, []).append(replace(derive(record), examples=ids))
        elif record["kind"] == "epoch":
            epochs.setdefault(breaker, []).append(record)
        elif record["kind"] == "order":
            accepted = dict(record.get("rebased", {}))
        elif record["kind"] == "transition":
            before = (tuple(alarms.pop(breaker, ())), tuple(epochs.pop(breaker, ())))
            if seq in (None, record["seq"]):
                found.append(Explained(record, *before, "" if breaker[1] else accepted.pop(breaker[0], "")))
    if seq is not None and not found:
        known = ", ".join(str(each["seq"]) for each in records if each["kind"] == "transition") or "none"
        raise UsageError(f"record {seq} is no transition; transitions of this ledger: {known}")
    return found


def judge_again(
    lines: Sequence[bytes],
    summaries: Summaries,
    topic: str,
    new_judge: Callable[[], Judge],
    seq: int | None,
    kept_from: int = 0,
) -> Again:
    """Judge again from the last base before record `seq`, or from the first; raises CheckFailed where a record differs.

    A base is a snapshot, or the record that began the ledger or a new promise in it. `kept_from` is the offset of the
    first summary that is still there: without `seq` it begins at the first base from which on all of them are.
    """
    records = [msgspec.json.decode(line) for line in lines]
    last = len(lines) - 1 if seq is None else seq
    if not 0 <= last < len(lines):
        raise UsageError(f"there is no record {last}; the ledger has {len(lines)}")
    kinds = [each["kind"] for each in records[: last + 1]]
    starts = [i for i, kind in enumerate(kinds) if kind in _BASES and (i < last or kind == "start")]
    if not starts:
        raise UsageError("the ledger does not begin with a start record, so there is nothing to judge from")
    kept = [i for i in starts if records[i]["offset"] >= kept_from]
    if not kept or (seq is not None and kept[-1] != starts[-1]):
        raise UsageError(
            f"the summaries are kept from offset {kept_from} on, and record {last} follows from older ones: what came "
            "of them can be read in the ledger, but not derived again"
        )
    base = kept[0] if seq is None else kept[-1]
    at, used = base, 0
    while True:
        following = next((i for i in range(at + 1, last + 1) if kinds[i] == "start"), last + 1)
        made = _judged(lines, records, at, summaries, topic, new_judge)
        first = at if kinds[at] == "start" else at + 1
        for i in range(first, following):
            line, used_here = next(made, (None, 0))
            used = max(used, used_here)
            if line != lines[i]:
                raise CheckFailed(_differs(i, records[i], line))
        if following > last:
            return Again(base, used, last - base + 1)
        at = following


def _judged(
    lines: Sequence[bytes],
    records: Sequence[Mapping[str, Any]],
    at: int,
    summaries: Summaries,
    topic: str,
    new_judge: Callable[[], Judge],
) -> Iterator[tuple[bytes, int]]:
    """Lines that a new judge writes from record `at` on, with the summaries that it took."""
    judge, base = new_judge(), records[at]
    if not readable(base):
        raise UsageError(
            f"record {at} holds a state of the format {base.get('format')!r}, and this version reads {FORMAT!r} alone; "
            "judge it again with the version that wrote it"
        )
    if not judge.knows(base):
        known = ", ".join(f"{version} {digest[:12]}" for version, digest in base["profiles"].items())
        raise UsageError(f"record {at} was judged with other profiles: {known}. Give those")
    if base["kind"] == "start":
        if at:
            judge.resume(lines[at - 1])
        yield from (
            (line, 0) for line in judge.begin(parse_time(base["time"]), base["offset"], base.get("patched", ()))
        )
    else:
        judge.resume(lines[at])
        judge.restore(base)
    for used, (offset, summary) in enumerate(summaries(base["offset"]), start=1):
        for line in judge.judge(decode_summaries([summary]), [offset], topic):
            yield line, used


def _differs(number: int, record: Mapping[str, Any], line: bytes | None) -> str:
    where = f"record {number} ({record['kind']} of {record['time']})"
    if line is None:
        return f"{where} does not follow from the summaries: they end before it"
    other = msgspec.json.decode(line)
    names = [name for name in {**record, **other} if record.get(name) != other.get(name) and name != "hash"]
    what = f"in {', '.join(names)}" if names else "in its bytes"
    return (
        f"{where} does not follow from the summaries: judged again it differs {what} (hash {other['hash']}, recorded "
        f"{record['hash']}). Were the configuration, the profile and the summaries those of this run?"
    )


def _moved(alarm: Mapping[str, Any]) -> float:
    """log10 of the mean over a view's bets of what its counts since the change pay against those before it."""
    before, now = (np.array(alarm[name], dtype=np.float64)[None, None] for name in ("before", "now"))
    kinds: dict[str, Callable[[int], Bets]] = {
        "ordered": lambda _bins: OrderedBets(), "categories": StepBets, "pair": lambda _bins: PairBets()
    }  # fmt: skip
    bets = kinds[alarm["bins"]](before.shape[-1])
    # one event more a bin that has some now: a bin that was empty before would pay without end
    growth = bets.growth(before + (now > 0), now).ravel()
    return float((np.logaddexp.reduce(growth) - np.log(len(growth))) / _LN10)
