"""Serves a stream with the production classes: what passes, whose labels are asked for, and when they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np

from benchmarks.routing.streams import Reference, Stream, cells, ranks
from detectors.selective import Selective, SelectiveReading, SelectiveReference
from detectors.tracking import Tracking
from detectors.types import RANK_CELLS, BoolArray, FloatArray, IntArray, Labels, Stake

__all__ = ["BATCH", "Outcome", "Settings", "route", "stakes"]

BATCH = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """How the stream is served."""

    max_error: float = 0.05
    known: Literal["all", "asked"] = "asked"
    propensity: float = 0.1
    delay: int = 500
    tau: float = 0.9
    evidence_at: int = 0
    alone: bool = False
    """Tracking without alarms, suspicion or certificate."""


@dataclass(slots=True)
class Outcome:
    """What was accepted, whose label was asked for (requests,), and what the classes said batch by batch."""

    accepted: BoolArray
    asked: BoolArray
    readings: list[SelectiveReading] = field(default_factory=list)


class _Judge(Protocol):
    def reading(self) -> SelectiveReading: ...

    def update(
        self,
        labels: Sequence[Labels],
        traffic: IntArray,
        outstanding: float,
        evidence: float = 0.0,
        *,
        warning_alarm: bool = False,
    ) -> SelectiveReading: ...


class _Alone:
    """Tracking from the same first threshold, and nothing else."""

    def __init__(self, known: SelectiveReference, s: Settings) -> None:
        self._reading = Selective(known, s.max_error, 0.95, s.known, s.tau).reading()
        self._tracking = Tracking(s.tau * s.max_error, self._reading.threshold)

    def reading(self) -> SelectiveReading:
        return replace(self._reading, threshold=self._tracking.threshold)

    def update(
        self,
        labels: Sequence[Labels],
        traffic: IntArray,
        outstanding: float,
        evidence: float = 0.0,
        *,
        warning_alarm: bool = False,
    ) -> SelectiveReading:
        del traffic, evidence, warning_alarm
        self._tracking.update(labels, outstanding)
        return self.reading()


def stakes(rank: FloatArray, reading: SelectiveReading) -> IntArray:
    """Say why each decision's label will count."""
    stake = np.full(rank.shape[0], int(Stake.HELD))
    if reading.threshold >= 1:
        stake[rank >= 0.9] = Stake.SUREST
    stake[rank >= reading.threshold] = Stake.SUSPECTED
    stake[rank >= reading.bar] = Stake.ACCEPTED
    return stake


@dataclass(frozen=True, slots=True)
class _Asked:
    """Decisions of one batch whose label was asked for: stake, cell, wrong, comes (decisions,) each."""

    at: int
    epoch: int
    stake: IntArray
    cell: IntArray
    wrong: BoolArray
    comes: BoolArray

    def labels(self, propensity: float, *, overdue: bool) -> Labels:
        """Count those that come, or those that do not as overdue."""
        counts = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
        late = np.zeros((len(Stake), RANK_CELLS), np.int64)
        if overdue:
            np.add.at(late, (self.stake[~self.comes], self.cell[~self.comes]), 1)
        else:
            np.add.at(counts, (self.stake[self.comes], self.cell[self.comes], self.wrong[self.comes].astype(int)), 1)
        return Labels(propensity, self.epoch, counts, late)


class _Desk:
    """Labels on their way: what was asked for, what comes, what is overdue after three delays."""

    def __init__(self, delay: int, propensity: float) -> None:
        self._delay, self._propensity = delay, propensity
        self._weights = np.array([1.0, propensity, 1.0, 0.0])
        self._open: deque[_Asked] = deque()
        self._late: deque[_Asked] = deque()
        self.outstanding = 0.0

    def ask(self, asked: _Asked) -> None:
        self._open.append(asked)
        self.outstanding += float(self._weights[asked.stake].sum())

    def come(self, now: int) -> list[Labels]:
        found = []
        while self._open and self._open[0].at <= now - self._delay:
            asked = self._open.popleft()
            found.append(self._settle(asked, asked.comes, overdue=False))
            self._late.append(asked)
        while self._late and self._late[0].at <= now - 3 * self._delay:
            asked = self._late.popleft()
            if not asked.comes.all():
                found.append(self._settle(asked, ~asked.comes, overdue=True))
        return found

    def _settle(self, asked: _Asked, which: BoolArray, *, overdue: bool) -> Labels:
        self.outstanding -= float(self._weights[asked.stake[which]].sum())
        return asked.labels(self._propensity, overdue=overdue)


def route(stream: Stream, before: Reference, s: Settings, r: np.random.Generator) -> Outcome:
    """Serve the stream in batches of 100, labels late, and let the production classes judge."""
    judge: _Judge = _Alone(before.counted, s) if s.alone else _ours(before, s)
    rank = ranks(before.ordered, stream.confidence)
    cell = cells(rank)
    propensity = s.propensity if s.known == "asked" else 1.0
    audited: BoolArray = np.less(r.random(rank.shape[0]), propensity)
    outcome = Outcome(np.zeros(rank.shape[0], dtype=np.bool_), audited.copy())
    desk = _Desk(s.delay, propensity)
    reading = judge.reading()
    for start in range(0, rank.shape[0], BATCH):
        part = slice(start, start + BATCH)
        stake = stakes(rank[part], reading)
        outcome.accepted[part] = stake == Stake.ACCEPTED
        asked = (stake != Stake.ACCEPTED) | audited[part]
        outcome.asked[part] = asked
        where = np.flatnonzero(asked) + start
        desk.ask(_Asked(start, reading.epoch, stake[asked], cell[where], stream.wrong[where], stream.comes[where]))
        alarm = bool(s.evidence_at) and start < s.evidence_at <= start + BATCH
        traffic = np.bincount(cell[part], minlength=RANK_CELLS)
        labels = desk.come(start + BATCH)
        reading = judge.update(labels, traffic, desk.outstanding, float(alarm), warning_alarm=alarm)
        outcome.readings.append(reading)
    return outcome


def _ours(before: Reference, s: Settings) -> Selective:
    return Selective(before.counted, s.max_error, 0.95, s.known, s.tau, memory=before.memory)
