"""A replica over a log in memory, for the tests of the loop and of the judge."""

from __future__ import annotations

from typing import Any

import msgspec

from detectors.profile import Profile
from monitor.answering import Recorded
from monitor.building import Parts, build
from monitor.config import Config
from monitor.judging.judge import Judge
from monitor.logs import MemoryBroker
from monitor.observing import Observation
from monitor.overruling import Orders
from monitor.topics import Topics
from tests.monitor.streams import FIRST

__all__ = ["SNAPSHOT_EVERY", "Run", "broker"]

SNAPSHOT_EVERY = 7


def broker(config: Config) -> MemoryBroker:
    """An empty log."""
    return MemoryBroker(Topics.of(config).partitions(1), clock=lambda: FIRST)


class Run:
    """A replica over a log in memory, fed 100 rows at a time."""

    def __init__(
        self,
        config: Config,
        profile: Profile,
        broker: MemoryBroker,
        name: str = "r",
        orders: Orders | None = None,
    ) -> None:
        self.topics = Topics.of(config)
        self.broker = broker
        self.log = broker.member("g", self.topics.consumed)
        self.seen: list[Observation] = []
        self.parts: Parts = build(
            config, {"1": profile}, self.log, Recorded(config), self.seen.append,
            replica=name, start=FIRST, snapshot_every=SNAPSHOT_EVERY, orders=orders,
        )  # fmt: skip

    def drain(self) -> None:
        """Work until there is nothing to do."""
        while self.parts.loop.step():
            pass

    def feed(self, predictions: list[bytes], outcomes: list[bytes]) -> None:
        """A batch, and the outcomes that come with it."""
        self.broker.append(self.topics.predictions, predictions, time=FIRST)
        if outcomes:
            self.broker.append(self.topics.outcomes, outcomes, time=FIRST)
        self.drain()

    @property
    def judge(self) -> Judge:
        """Its judge."""
        judge = self.parts.judging.judge_now
        assert judge is not None
        return judge

    def ledger(self) -> list[bytes]:
        """All lines of the ledger."""
        return self.broker.read(self.topics.ledger, 0, 0, 1_000_000).values

    def decisions(self) -> list[dict[str, Any]]:
        """All decisions, in the order in which they were written."""
        return [msgspec.json.decode(line) for line in self.broker.read(self.topics.decisions, 0, 0, 1_000_000).values]

    def letters(self) -> list[dict[str, Any]]:
        """All dead letters."""
        return [
            msgspec.json.decode(line) for line in self.broker.read(self.topics.dead_letters, 0, 0, 1_000_000).values
        ]
