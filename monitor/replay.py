"""The reference's second half against its first, in time order, as the detector would have seen it.

It shows before anybody is woken whether the promise can be kept: a season, or rows that remember, raise alarms here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.counting import ViewSettings
from detectors.profile import LEAST_ROWS, Reference, fit
from detectors.types import FloatArray, IntArray, Rows
from monitor.config import Config
from monitor.contexts import NONE, Cells, cells_of_rows, choose_cells
from monitor.long_run import LongRun, long_runs
from monitor.replay_cell import CellReplay
from monitor.row_sets import taken

__all__ = ["Half", "Replay", "Replayed", "Replayer", "concluded", "replay"]

_LEAST = 400
_CHUNK = 5000
_BATCH = 100
_DOUBT = 0.01
_MATTERS = 1.3  # x <- .13 x + noise; below, alarms come hardly more often
_SHOWN = 5
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Half:
    """Rows in time order, with what else the replay asks of each: when, and of which segment."""

    rows: Rows
    times: FloatArray
    segments: Sequence[str]

    def at(self, places: IntArray) -> Half:
        """The rows at `places`."""
        return Half(taken(self.rows, places), self.times[places], [self.segments[i] for i in places.tolist()])


@dataclass(frozen=True, slots=True)
class Replayed:
    """The replay in one context.

    Attributes
    ----------
    context, cells
        `none`, `hour_of_day`, `day_of_week`, `hour_of_week` or `segment`, and its number of cells.
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
        """Whether nothing speaks against the promise."""
        return self.passes and not self.remembers

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
        Contexts in the order in which they were tried; the first is none.
    context
        The smallest that passes; None if none does.
    ordered
        Whether the replay was in time order; a reference that is too large for memory is taken as it comes.
    """

    promise: str
    tried: tuple[Replayed, ...]
    context: str | None
    ordered: bool = True

    @property
    def chosen(self) -> Replayed:
        """The replay in the proposed context, or without any if there is none to propose."""
        return next((each for each in self.tried if each.context == self.context), self.tried[0])

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the promise in the proposed context."""
        return self.context is not None and not self.chosen.remembers

    @property
    def memory(self) -> tuple[LongRun, ...]:
        """Long-run variance of each view in the proposed context: what `evidence.temper` divides the bets by."""
        return self.chosen.memory


class Replayer:
    """Learns from the first half, then takes the second as it comes; several contexts at once, in bounded memory."""

    def __init__(self, first: Half, reference: Reference, contexts: Sequence[Cells], config: Config) -> None:
        """Fit on `first`, rows of the first half; of `reference` the names and the rate are used."""
        self._in_days = config.promise.false_pages.unit == "days"
        self._allowed = config.promise.false_pages.n
        self._cells = list(contexts)
        self._replays: list[list[CellReplay | None]] = []
        self.rows, self._start, self._end = 0, math.nan, math.nan
        settings = _settings(config)
        for cells in self._cells:
            places = cells_of_rows(cells, first.times, first.segments)
            level = math.log(config.promise.false_pages.n) + math.log(cells.n)
            learnt: list[CellReplay | None] = []
            for cell in range(cells.n):
                own = np.flatnonzero(places == cell)
                if len(own) < LEAST_ROWS:
                    learnt.append(None)
                    continue
                part = taken(first.rows, own)
                nothing = np.full(len(own), np.nan)
                within = Reference(
                    part, reference.numeric, reference.categorical, nothing, np.empty(0), reference.events_per_day
                )
                learnt.append(
                    CellReplay(fit(within, settings), level, config.evidence.tolerance, in_days=self._in_days)
                )
            self._replays.append(learnt)

    def learn(self, half: Half) -> None:
        """Count more rows of the first half, none of which the views were fitted on."""
        for cells, replays in zip(self._cells, self._replays, strict=True):
            places = cells_of_rows(cells, half.times, half.segments)
            for cell, own in enumerate(replays):
                if own is not None:
                    own.learn(taken(half.rows, np.flatnonzero(places == cell)))

    def take(self, half: Half) -> None:
        """Replay rows of the second half; whole hundreds, but for the last ones."""
        for start in range(0, len(half.rows), _CHUNK):
            part = np.arange(start, min(start + _CHUNK, len(half.rows)))
            self._take(taken(half.rows, part), half.times[part], [half.segments[i] for i in part.tolist()])

    def _take(self, rows: Rows, times: FloatArray, segments: Sequence[str]) -> None:
        if math.isnan(self._start):
            self._start = float(times[0])
        # the judge's clock never runs backwards
        clock = np.maximum.accumulate(np.concatenate([[self._start if math.isnan(self._end) else self._end], times]))[
            1:
        ]
        self._end = float(clock[-1])
        batch = np.arange(len(rows)) // _BATCH
        ends = np.minimum((np.arange(batch[-1] + 1) + 1) * _BATCH, len(rows)) - 1
        moments, passed = clock[ends], self.rows + ends + 1.0
        for cells, replays in zip(self._cells, self._replays, strict=True):
            places = cells_of_rows(cells, times, segments)
            for cell, own in enumerate(replays):
                chosen = np.flatnonzero(places == cell)
                if own is not None and len(chosen):
                    own.take(taken(rows, chosen), batch[chosen], moments, passed, self._start)
        self.rows += len(rows)

    def results(self) -> list[Replayed]:
        """What each context came to."""
        days = (self._end - self._start) / _DAY if self.rows else 0.0
        expected = (days if self._in_days else self.rows) / self._allowed
        return [self._result(*each, days, expected) for each in zip(self._cells, self._replays, strict=True)]

    def _result(self, cells: Cells, replays: list[CellReplay | None], days: float, expected: float) -> Replayed:
        there = [each for each in replays if each is not None]
        counts: dict[str, int] = {}
        for each in there:
            for name in each.alarms:
                counts[name] = counts.get(name, 0) + 1
        alarms = sum(counts.values())
        views = tuple(sorted(counts, key=lambda name: -counts[name])[:_SHOWN])
        memory = long_runs([each.memory for each in there])
        chance = _poisson_tail(alarms, expected)
        return Replayed(cells.context, cells.n, self.rows, days, alarms, views, expected, chance, memory)


def replay(whole: Half, reference: Reference, config: Config, *, timed: bool) -> Replay | None:
    """Replay a reference that is in memory; None if it is too small to be cut in half.

    `timed` says whether its times are its own: if not, no context of hours or days is tried.
    """
    if len(whole.rows) < _LEAST:
        return None
    order = np.argsort(whole.times, kind="stable")
    first, second = (whole.at(half) for half in (order[: len(order) // 2], order[len(order) // 2 :]))

    def run(contexts: Sequence[Cells]) -> list[Replayed]:
        replayer = Replayer(first, reference, contexts, config)
        replayer.take(second)
        return replayer.results()

    tried = run([Cells(NONE, 1)])
    for cells in choose_cells(first.times if timed else None, first.segments) if not tried[0].clean else ():
        tried += run([cells])
        if tried[-1].clean:
            break
    return concluded(tried, str(config.promise.false_pages))


def concluded(tried: Sequence[Replayed], promise: str, *, ordered: bool = True) -> Replay:
    """The smallest context in which nothing is wrong, else the smallest in which the alarms are few enough."""
    best = next((each for each in tried if each.clean), None) or next((each for each in tried if each.passes), None)
    return Replay(promise, tuple(tried), best.context if best else None, ordered)


def _settings(config: Config) -> ViewSettings:
    views = config.views
    return ViewSettings(config.evidence.bins, views.joint, views.projections, views.pairs)


def _poisson_tail(k: int, mean: float) -> float:
    """Chance of k or more."""
    below, term = 0.0, math.exp(-mean)
    for i in range(k):
        below += term
        term *= mean / (i + 1)
    return max(0.0, 1.0 - below)
