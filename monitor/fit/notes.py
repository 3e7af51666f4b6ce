"""What `fit` says about a reference, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from monitor.config import Config
from monitor.fit.long_run import LongRun
from monitor.fit.replay import Replay, Replayed

__all__ = ["a_day_of", "error_notes", "notes_on", "passing_note", "replay_notes", "unsure_note"]

_BATCHES = 10
_NAMED = 3
_WORDS = {
    "hour_of_day": "the hour of the day",
    "quarter_of_day": "the quarter of an hour of the day",
    "day_of_week": "the day of the week",
    "hour_of_week": "the hour of the week",
}


def notes_on(rows: int, labelled: int, unreadable: int, batch: int) -> Iterator[str]:
    """What is thin about it; `batch` is the most events of one."""
    if rows < _BATCHES * batch:
        yield (
            f"the reference has {rows:,} rows: with fewer than {_BATCHES * batch:,} a batch of {batch} is more than a "
            "tenth of it, and false alarms are not as rare as promised; take more if there are any, or write a smaller "
            "evidence.batch"
        )
    if labelled == 0:
        yield "no row has an outcome: errors are unknown, so nothing passes until 200 outcomes have come"
    if unreadable:
        yield f"rows that could not be read, and were left out: {unreadable:,}"


def unsure_note(unsure: Sequence[int], rows: int) -> Iterator[str]:
    """Which of so many rows lack probabilities that others have; silent if none does."""
    if len(unsure):
        yield (
            f"no confidence in {len(unsure):,} of {rows:,} rows, such as row {unsure[0]}: a probability is missing, is "
            "no number, or lies outside 0 to 1 (divide percent by 100); how sure the model was of them is not known"
        )


def replay_notes(replay: Replay | None) -> Iterator[str]:
    """Whether the promise held in the replay, and what to do if not; silent if all was well."""
    if replay is None or (replay.holds and replay.chosen == replay.tried[0]):
        return
    if not replay.ordered:
        yield "the rows are not in time order and too many to be sorted: the replay took them as they came"
    plain, chosen = replay.tried[0], replay.chosen
    if not plain.passes:
        yield f"{_counted(plain)}, the promise `{replay.promise}` allows {_few(plain.expected)}{_named(plain.views)}"
    if replay.context not in (None, plain.context):
        yield (
            f"rows are alike within {_words(chosen.context)}: compared with those of the same one alone "
            f"({chosen.cells} cells), {_count(chosen.alarms)} went off; set `views.context: {chosen.context}` "
            "and fit again"
        )
    yield from _memory(chosen)
    if replay.context is None:
        tried = [_words(each) for each in dict.fromkeys(each.context for each in replay.tried) if each != "none"]
        beside = f", nor in that of {_list(tried)}" if tried else ""
        if chosen.context != plain.context:
            beside += (
                f" (where {_count(chosen.alarms)} went off)"
                if len(tried) == 1
                else (f"; fewest go off within {_words(chosen.context)}, {chosen.alarms:,}")
            )
        yield (
            f"the promise `{replay.promise}` does not hold on this reference without a context{beside}: its second "
            "half differs from its first; take a reference in which nothing changes, or expect warnings at that rate"
        )


def error_notes(remembered: LongRun, memory: float) -> Iterator[str]:
    """Whether errors come in spells, and what follows from it."""
    if remembered.significant and memory > 1:
        yield (
            f"errors come in spells: their sums over {remembered.rows:,} labels vary {remembered.ratio:.1f} times as "
            "much as if they came one by one. A good spell looks like an improvement: what lets more pass must "
            f"be {memory:.1f} times as sure"
        )


def passing_note(passing: float, surest: float, config: Config) -> Iterator[str]:
    """Whether hardly anything will pass: `passing`, and what share of the `surest` tenth is wrong, on the reference."""
    if passing < config.breaker.min_acceptance:
        promised, least = 100 * config.promise.max_error, 100 * config.breaker.min_acceptance
        yield (
            f"{100 * passing:.2g} % of the answers may pass at first: of the surest tenth {100 * surest:.2g} % are "
            f"wrong in this reference, with `promise.max_error: {promised:g}%`. The breaker opens where less than "
            f"{least:g} % could pass (`breaker.min_acceptance`); take a better model, another "
            "`uncertainty.confidence`, or a promise that it can keep"
        )


def _memory(replayed: Replayed) -> Iterator[str]:
    found = replayed.remembers
    if not found:
        return
    worst = found[0]
    views = f"{len(found):,} views do, most of all" if len(found) > 1 else "that is"
    then = (
        f"bets were tempered by that, and {_count(replayed.alarms)} went off"
        if replayed.tempered
        else "false alarms come more often than promised: set `evidence.temper: auto`, or watch rows further apart"
    )
    yield (
        f"rows remember those before them: {views} {worst.view}, whose sums over {worst.rows:,} rows vary "
        f"{worst.ratio:.1f} times as much as those of independent rows; {then}"
    )


def _words(context: str) -> str:
    return _WORDS.get(context, f"the {context.removeprefix('segment:')}")


def _counted(replayed: Replayed) -> str:
    rate = replayed.alarms_per_day
    a_day = f", {a_day_of(rate)}" if math.isfinite(rate) and rate > 0 else ""
    return f"replayed in time order, {replayed.rows:,} rows raised {_count(replayed.alarms)}{a_day}"


def a_day_of(rate: float) -> str:
    """A rate in words."""
    return f"{rate:,.0f} a day" if rate >= 100 else f"{rate:.3g} a day"


def _count(alarms: int) -> str:
    return "no alarm" if alarms == 0 else "1 alarm" if alarms == 1 else f"{alarms:,} alarms"


def _few(expected: float) -> str:
    return f"{expected:.2g} in that time" if expected < 10 else f"{expected:,.0f} in that time"


def _named(views: Sequence[str]) -> str:
    return f"; most of {_list(views[:_NAMED])}" if views else ""


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
