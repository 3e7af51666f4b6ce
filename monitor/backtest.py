"""A recorded stream through the production pipeline: the same loop, over a log in memory, in event time."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from detectors.profile import Profile
from monitor.answering import Recorded
from monitor.building import Parts, build
from monitor.config import Config
from monitor.logs import MemoryBroker
from monitor.observing import Everyone, Observer
from monitor.results import Block, Results
from monitor.tables import RawBatch
from monitor.topics import Topics

__all__ = ["Outputs", "Row", "backtest", "rows_of"]

_POLL = 1_000_000  # all that was fed: outcomes may come in any number


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a recorded stream: its records, its time, and its outcome as it was recorded."""

    prediction: bytes
    outcome: bytes | None
    id: str | None
    time: float
    truth: str | float | None
    flag: bytes | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write every decision, the ledger and the summaries to, a line each."""

    decisions: BinaryIO | None = None
    ledger: BinaryIO | None = None
    summaries: BinaryIO | None = None


def rows_of(batches: Iterable[RawBatch]) -> Iterator[tuple[Row, float]]:
    """Row after row, with how much of the file has been read."""
    for batch in batches:
        times, flags = batch.times.tolist(), batch.flags or [None] * len(batch)
        for columns_of_row in zip(batch.predictions, batch.outcomes, batch.ids, times, batch.truth, flags, strict=True):
            yield Row(*columns_of_row), batch.progress


def backtest(
    config: Config,
    profiles: Mapping[str, Profile],
    stream: Iterable[tuple[Row, float]],
    outputs: Outputs | None = None,
    *,
    observe: Observer | None = None,
    progress: Callable[[float, int], None] = lambda _share, _rows: None,
    snapshot_every: int | None = None,
    tell: Callable[[Block], None] | None = None,
) -> dict[str, Any]:
    """Run a stream; returns the result as INTERFACE has it. `tell` hears of every batch of rows what became of them.

    A batch has as many rows as `evidence.batch` says, whatever the time between them, so that runs repeat to the bit.
    """
    began = time.perf_counter()
    promise, classes = config.promise, {version: profile.classes for version, profile in profiles.items()}
    groups = {version: each.fitted.groups.labels for version, each in profiles.items() if each.fitted.groups}
    results = Results(promise.max_error, promise.coverage, promise.within, classes, tell, groups)
    run = _Run(
        config, profiles, Everyone(results, *([observe] if observe else [])), outputs or Outputs(), snapshot_every
    )
    batch: list[Row] = []
    share = 0.0
    for row, share in stream:
        batch.append(row)
        if len(batch) == config.evidence.batch:
            results.add(*run.feed(batch))
            progress(share, run.rows)
            batch = []
    if batch:
        results.add(*run.feed(batch))
    head = run.end()
    progress(1.0, run.rows)
    profile = next(iter(profiles.values())).digest if len(profiles) == 1 else ""
    return results.result(run.rows, time.perf_counter() - began, profile, head)


class _Run:
    """Feeds rows and drains the loop, batch after batch."""

    def __init__(
        self,
        config: Config,
        profiles: Mapping[str, Profile],
        observe: Observer,
        outputs: Outputs,
        snapshot_every: int | None,
    ) -> None:
        self._config, self._profiles, self._observe, self._outputs = config, profiles, observe, outputs
        self._snapshots = {} if snapshot_every is None else {"snapshot_every": snapshot_every}
        self._topics = Topics.of(config)
        self._broker = MemoryBroker(self._topics.partitions(1))
        self._parts: Parts | None = None
        self._late: list[tuple[float, int, bytes]] = []
        self._read = dict.fromkeys(self._topics.partitions(1), 0)
        self.rows = 0
        self._now = -math.inf

    def feed(self, rows: list[Row]) -> tuple[list[bytes], dict[str, str | float | None]]:
        """Run a batch; its decisions, and the recorded outcomes by id."""
        if self._parts is None:
            self._start(rows[0].time)
        times = [row.time for row in rows]
        self._now = max(self._now, *times)
        self._broker.append(self._topics.predictions, [row.prediction for row in rows], time=times[0])
        self._feed_outcomes(rows)
        self._drain()
        return self._take(self._topics.decisions, self._outputs.decisions), {
            row.id: row.truth for row in rows if row.id
        }

    def end(self) -> str:
        """Bury what was never matched; the ledger's head."""
        if self._parts is None:
            return ""
        self._parts.loop.end()
        self._take(self._topics.ledger, self._outputs.ledger)
        judge = self._parts.judging.judge_now
        self._parts.close()
        return judge.head if judge is not None else ""

    def _start(self, start: float) -> None:
        log = self._broker.member("backtest", self._topics.consumed)
        self._parts = build(
            self._config,
            self._profiles,
            log,
            Recorded(self._config),
            self._observe,
            start=start,
            poll=_POLL,
            **self._snapshots,  # type: ignore[arg-type]  # a number or nothing
        )
        self._drain()

    def _feed_outcomes(self, rows: list[Row]) -> None:
        """Outcomes become known `outcomes.delay` rows, or so long, after their prediction."""
        delay = self._config.outcomes.delay
        for i, row in enumerate(rows):
            due = self.rows + i + delay.rows if delay.rows is not None else row.time + (delay.seconds or 0.0)
            for said in (row.outcome, row.flag):
                if said is not None:
                    heapq.heappush(self._late, (float(due), self.rows + i, said))
        self.rows += len(rows)
        reached = self.rows - 1 if delay.rows is not None else self._now
        known = []
        while self._late and self._late[0][0] <= reached:
            known.append(heapq.heappop(self._late)[2])
        if known:
            self._broker.append(self._topics.outcomes, known, time=self._now)

    def _drain(self) -> None:
        assert self._parts is not None
        while self._parts.loop.step():
            pass
        self._take(self._topics.ledger, self._outputs.ledger, keep=True)
        self._take(self._topics.summaries, self._outputs.summaries, keep=True)
        for topic in (self._topics.predictions, self._topics.outcomes, self._topics.reviews, self._topics.joined):
            self._broker.trim(topic, 0, self._broker.end(topic, 0))
        for topic in (self._topics.dead_letters, self._topics.answers):
            self._broker.trim(topic, 0, self._broker.end(topic, 0))

    def _take(self, topic: str, file: BinaryIO | None, *, keep: bool = False) -> list[bytes]:
        """Records that were written since the last call, into their file; trimmed unless the judge may need them."""
        end = self._broker.end(topic, 0)
        if end == self._read[topic]:
            return []
        values = self._broker.read(topic, 0, self._read[topic], end - self._read[topic]).values
        self._read[topic] = end
        if file is not None:
            file.writelines(value + b"\n" for value in values)
        if not keep:
            self._broker.trim(topic, 0, end)
        return values
