"""One loop over a log: poll, work, then write everything and commit in one transaction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import monotonic
from typing import Any

from monitor.events import encode_many
from monitor.joins.takeover import Takeover
from monitor.judging.office import Judging
from monitor.logs import Fenced, Log, Writer
from monitor.pipeline import Pipeline
from monitor.telling import Teller
from monitor.topics import Topics
from monitor.turn import Turn

__all__ = ["Loop"]


class Loop:
    """Turns over a log until it is told to stop.

    Parameters
    ----------
    log
        Batches of raw records in, and out in transactions.
    topics
        Where what goes.
    pipeline, judging
        What works through a poll; taken back if its transaction fails.
    takeover
        What waits in the partitions that are ours now.
    teller
        Tells those who watch, after the commit.
    poll
        Records of a poll at most.
    """

    def __init__(
        self,
        log: Log,
        topics: Topics,
        pipeline: Pipeline,
        takeover: Takeover,
        judging: Judging,
        teller: Teller,
        poll: int = 1000,
    ) -> None:
        self._log = log
        self._topics = topics
        self._pipeline = pipeline
        self._takeover = takeover
        self._joins = takeover.joins
        self._judging = judging
        self._teller = teller
        self._poll = poll
        self._generation = -1

    def step(self, timeout: float = 0.0) -> bool:
        """Take one turn; False if there was nothing to do."""
        try:
            return self._turn(timeout)
        except Fenced:
            # the group went on without us: nothing was written, and what we had in hand is no longer ours
            self._judging.forget()
            return True

    def end(self) -> None:
        """The end of a stream that has one."""
        turn = self._pipeline.end()
        with self._log.transaction() as writer:
            self._write(writer, turn)
        self._tell(turn)

    def _turn(self, timeout: float) -> bool:
        chunks = self._log.poll(self._poll, timeout)
        if self._log.generation != self._generation:
            self._takeover.take(self._pipeline.now())
            self._generation = self._log.generation
        began = monotonic()
        self._judging.follow()
        if not (chunks or self._judging.is_new or self._pipeline.is_due):
            return False
        self._joins.begin()
        try:
            turn = self._pipeline.work(chunks)
            with self._log.transaction() as writer:
                self._write(writer, turn)
        except BaseException:
            self._take_back()
            raise
        self._joins.commit()
        turn.seconds = monotonic() - began
        self._tell(turn)
        return True

    def _tell(self, turn: Turn) -> None:
        self._pipeline.keep(turn)
        self._judging.tell()
        self._teller.tell(turn, self._judging)

    def _take_back(self) -> None:
        self._joins.rollback()
        self._judging.forget()

    def _write(self, writer: Writer, turn: Turn) -> None:
        topics, time = self._topics, turn.time if math.isfinite(turn.time) else 0.0
        for topic, placed in (
            (topics.decisions, turn.decisions),
            (topics.reviews, turn.reviews),
            (topics.answers, turn.answers),
            (topics.joined, turn.joined),
        ):
            for partition, records in placed.items():
                _append(writer, topic, records, partition, time)
        for topic, lines in (
            (topics.summaries, encode_many([*turn.summaries, *turn.orders])),
            (topics.dead_letters, encode_many(turn.intake.letters)),
            (topics.ledger, turn.ledger),
        ):
            if lines:
                writer.append(topic, lines, time=time)


def _append(writer: Writer, topic: str, records: Sequence[Any], partition: int, time: float) -> None:
    writer.append(topic, encode_many(records), [each.id.encode() for each in records], partition, time)
