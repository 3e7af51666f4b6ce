"""The reference's second half against its first, in time order, as the detector would have seen it.

It shows before anybody is woken whether the promise can be kept: a season, or rows that remember, raise alarms here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.profile import Reference
from detectors.types import FloatArray, IntArray, Rows
from monitor.config import Config
from monitor.fit.contexts import NONE, Segment, candidates, in_context
from monitor.fit.long_run import LongRun, long_runs
from monitor.fit.replay_context import ContextReplay
from monitor.fit.row_sets import taken

__all__ = ["Half", "Replay", "Replayed", "Replayer", "replay", "replay_all"]

_LEAST = 400
_CHUNK = 5000
_DOUBT = 0.01
_MATTERS = 1.3  # x <- .13 x + noise; below, alarms come hardly more often
_SHOWN = 5
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Half:
    """Rows in time order, with what else the replay asks of each: when, and of which segment."""

    rows: Rows
    times: FloatArray
    segments: Sequence[Segment]

    def at(self, places: IntArray) -> Half:
        """The rows at `places`."""
        return Half(taken(self.rows, places), self.times[places], [self.segments[i] for i in places.tolist()])


@dataclass(frozen=True, slots=True)
class Replayed:
    """The replay in one context.

    Attributes
    ----------
    context, cells
        `none` or a value of `views.context`, and its number of cells.
    rows, days
        What was replayed.
    alarms
        How many went off.
    views
        The views that did, the most frequent first.
    expected
        How many alarms the promise allows in that stretch, on average.
    chance
        That so many or more go off if the promise holds (Poisson).
    memory
        Long-run variance of each view, within the cells.
    tempered
        Whether bets were tempered by it.
    """

    context: str
    cells: int
    rows: int
    days: float
    alarms: int
    views: tuple[str, ...]
    expected: float
    chance: float
    memory: tuple[LongRun, ...]
    tempered: bool = False

    @property
    def passes(self) -> bool:
        """Whether the alarms are few enough for the promise: a promise that holds fails here in 1 of 100 replays."""
        return self.alarms == 0 or self.chance >= _DOUBT

    @property
    def remembers(self) -> tuple[LongRun, ...]:
        """Views whose rows remember so much that it matters, the worst first."""
        found = [each for each in self.memory if each.significant and each.ratio >= _MATTERS]
        return tuple(sorted(found, key=lambda each: -each.ratio))

    @property
    def clean(self) -> bool:
        """Whether nothing speaks against the promise: that rows remember does not, once bets are tempered."""
        return self.passes and (self.tempered or not self.remembers)

    @property
    def alarms_per_day(self) -> float:
        """Alarms a day; NaN if no time has passed."""
        return self.alarms / self.days if self.days > 0 else math.nan


@dataclass(frozen=True, slots=True)
class Replay:
    """What the replay came to.

    Attributes
    ----------
    promise
        `false_pages` as it was written.
    tried
        Contexts in the order in which they were tried; the first is the configured one, or none.
    context
        The first that passes, they come from the smallest to the largest; None if none does.
    ordered
        Whether the replay was in time order; a reference that is too large for memory is taken as it comes.
    """

    promise: str
    tried: tuple[Replayed, ...]
    context: str | None
    ordered: bool = True

    @property
    def chosen(self) -> Replayed:
        """The last replay in the proposed context; that with the fewest alarms if there is none to propose."""
        found = [each for each in self.tried if each.context == self.context]
        return found[-1] if found else min(self.tried, key=lambda each: each.alarms)

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the promise in the proposed context."""
        return self.context is not None and self.chosen.clean

    @property
    def memory(self) -> tuple[LongRun, ...]:
        """Long-run variance of each view in the proposed context: what `evidence.temper` divides the bets by."""
        return self.chosen.memory


class Replayer:
    """Learns from the first half, then takes the second as it comes; several contexts at once, in bounded memory."""

    def __init__(
        self,
        first: Half,
        reference: Reference,
        contexts: Sequence[str],
        config: Config,
        temper: Mapping[str, float] | None = None,
    ) -> None:
        """Fit on `first`, rows of the first half; of `reference` the names and the rate are used."""
        self._in_days = config.promise.false_pages.unit == "days"
        self._allowed = config.promise.false_pages.n
        self._batch = config.evidence.batch
        self._tempered = temper is not None
        self.rows, self._start, self._end = 0, math.nan, math.nan
        self._replays = [
            ContextReplay(each, self._seen(each, first), reference, config, math.log(self._allowed), temper or {})
            for each in contexts
        ]

    def learn(self, half: Half) -> None:
        """Count more rows of the first half, none of which the views were fitted on."""
        for each in self._replays:
            each.learn(self._seen(each.context, half))

    def take(self, half: Half) -> None:
        """Replay rows of the second half; whole batches, but for the last ones."""
        for start in range(0, len(half.rows), _CHUNK):
            self._take(half.at(np.arange(start, min(start + _CHUNK, len(half.rows)))))

    def results(self) -> list[Replayed]:
        """What each context came to."""
        days = (self._end - self._start) / _DAY if self.rows else 0.0
        expected = (days if self._in_days else self.rows) / self._allowed
        return [self._result(each, days, expected) for each in self._replays]

    def _take(self, part: Half) -> None:
        if math.isnan(self._start):
            self._start = self._end = float(part.times[0])
        # the judge's clock never runs backwards
        time = np.maximum.accumulate(np.maximum(part.times, self._end))
        sizes = np.diff(np.append(np.arange(0, len(part.rows), self._batch), len(part.rows)))
        moments = time[np.cumsum(sizes) - 1]
        clock = np.diff(moments, prepend=self._end) / _DAY if self._in_days else sizes.astype(np.float64)
        for each in self._replays:
            each.take(self._seen(each.context, part), clock, moments)
        self._end = float(moments[-1])
        self.rows += len(part.rows)

    def _seen(self, context: str, half: Half) -> Rows:
        return in_context(half.rows, context, half.times, half.segments)

    def _result(self, each: ContextReplay, days: float, expected: float) -> Replayed:
        alarms = len(each.alarms)
        views = sorted(dict.fromkeys(each.alarms), key=lambda name: -each.alarms.count(name))[:_SHOWN]
        return Replayed(
            each.context,
            each.cells,
            self.rows,
            days,
            alarms,
            tuple(views),
            expected,
            _poisson_tail(alarms, expected),
            long_runs(each.memories),
            self._tempered,
        )


def replay(whole: Half, reference: Reference, config: Config, *, timed: bool) -> Replay | None:
    """Replay a reference that is in memory; None if it is too small to be cut in half.

    `timed` says whether its times are its own: if not, no context of hours or days is tried.
    """
    if len(whole.rows) < _LEAST:
        return None
    order = np.argsort(whole.times, kind="stable")
    first, second = (whole.at(half) for half in (order[: len(order) // 2], order[len(order) // 2 :]))

    def run(contexts: Sequence[str], temper: Mapping[str, float] | None) -> list[Replayed]:
        replayer = Replayer(first, reference, contexts, config, temper)
        replayer.take(second)
        return replayer.results()

    times = (first.times, second.times) if timed else ()
    return replay_all(run, candidates(first.segments, second.segments, times), config)


def replay_all(
    run: Callable[[Sequence[str], Mapping[str, float] | None], list[Replayed]],
    contexts: Sequence[str],
    config: Config,
    *,
    ordered: bool = True,
    at_once: bool = False,
) -> Replay:
    """Replay as configured, then in the other contexts until nothing is wrong in one; `at_once`, in all of them.

    With `evidence.temper: auto` and rows that remember, the best one is replayed again with tempered bets. If there is
    none in which nothing is wrong, the first in which the alarms are few enough is proposed.
    """
    tried = run([config.views.context or NONE], None)
    others = [each for each in contexts if each != tried[0].context] if not tried[0].clean else []
    for some in [others] if at_once and others else [[each] for each in others]:
        tried += run(some, None)
        if any(each.clean for each in tried):
            break
    best = _best(tried)
    if config.evidence.temper == "auto" and not any(each.clean for each in tried):
        chosen = best or tried[0]
        tried += run([chosen.context], {each.view: each.temper for each in chosen.memory})
        best = _best(tried)
    return Replay(str(config.promise.false_pages), tuple(tried), best.context if best else None, ordered)


def _best(tried: Sequence[Replayed]) -> Replayed | None:
    return next((each for each in tried if each.clean), None) or next((each for each in tried if each.passes), None)


def _poisson_tail(k: int, mean: float) -> float:
    """Chance of k or more."""
    below, term = 0.0, math.exp(-mean)
    for i in range(k):
        below += term
        term *= mean / (i + 1)
    return max(0.0, 1.0 - below)
