"""A real broker for the contract of logs: each test has topics and groups of its own, under the names that it uses."""

from __future__ import annotations

import time as clocks
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from uuid import uuid4

from kafka.structs import MemberState

from monitor.config import Kafka
from monitor.logs import Behind, Chunk, Fenced, Log, Partition, Writer
from monitor.logs.kafka import KafkaLog
from tests.real.kafka import ApacheKafka

__all__ = ["ScopedKafka"]

_JOIN_SECONDS = 30.0
_LONGEST_TURN = 5.0


class ScopedKafka:
    """Topics and groups whose real names begin with a random word."""

    def __init__(self, kafka: ApacheKafka, topics: dict[str, int]) -> None:
        self._kafka, self._topics = kafka, topics
        self._scope = f"{uuid4().hex[:8]}."
        self._members: list[ScopedLog] = []
        kafka.create({self._scope + name: n for name, n in topics.items()})

    def append(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None = None,
        partition: int = 0,
        time: float = 0.0,
    ) -> None:
        """Write from outside of all groups."""
        self._kafka.append(self._scope + topic, values, keys, partition, time)

    def member(self, group: str, topics: Iterable[str]) -> Log:
        """Join a group; returns once the group has been shared out."""
        config = Kafka(bootstrap=self._kafka.bootstrap, session_timeout=6.0)
        names = [self._scope + topic for topic in topics]
        writes = {self._scope + topic: "" for topic in self._topics}
        guarded = [self._scope + "sums"] if "sums" in topics else []
        log = KafkaLog(
            config, self._kafka.bootstrap, self._scope + group, names, writes,
            guarded=guarded, longest_turn=_LONGEST_TURN,
        )  # fmt: skip
        self._members.append(ScopedLog(log, self._scope))
        self._members[-1].join()
        return self._members[-1]

    def close(self) -> None:
        """Close all members."""
        for member in self._members:
            member.close()


class ScopedLog:
    """A member under the names of the test; polls wait a little for what is on its way."""

    def __init__(self, log: KafkaLog, scope: str) -> None:
        self._log, self._scope = log, scope

    def join(self) -> None:
        """Poll until the group has been shared out; the poll that takes the share up brings nothing."""
        give_up = clocks.monotonic() + _JOIN_SECONDS
        while self._log.generation == 0 and clocks.monotonic() < give_up:
            assert self._log.poll(1, 0.1) == []

    @property
    def generation(self) -> int:
        return self._log.generation

    def poll(self, max_records: int, timeout: float = 0.0) -> list[Chunk]:
        """What comes within a moment; a poll for nothing only keeps the member in its group."""
        give_up = clocks.monotonic() + (timeout or 2.0) * (max_records > 0)
        while True:
            before = self._log.generation
            chunks = self._log.poll(max_records, 0.1)
            done = clocks.monotonic() > give_up and self._log.generation == before and self._is_stable()
            if chunks or done or not max_records:
                return [replace(chunk, topic=chunk.topic.removeprefix(self._scope)) for chunk in chunks]

    def _is_stable(self) -> bool:
        return bool(self._log._consumer.group_metadata().state == MemberState.STABLE)

    @contextmanager
    def transaction(self) -> Iterator[Writer]:
        with self._log.transaction() as writer:
            yield _ScopedWriter(writer, self._scope)

    def assignment(self) -> frozenset[Partition]:
        return frozenset((topic.removeprefix(self._scope), p) for topic, p in self._log.assignment())

    def read(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        return self._log.read(self._scope + topic, partition, offset, max_records)

    def tail(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        return self._log.tail(self._scope + topic, partition, offset, max_records)

    def end(self, topic: str, partition: int) -> int:
        return self._log.end(self._scope + topic, partition)

    def since(self, topic: str, partition: int, time: float) -> int:
        return self._log.since(self._scope + topic, partition, time)

    def committed(self, topic: str, partition: int) -> int:
        return self._log.committed(self._scope + topic, partition)

    def behind(self) -> Behind:
        return self._log.behind()

    def close(self) -> None:
        with suppress(Fenced):
            self._log.close()


class _ScopedWriter:
    def __init__(self, writer: Writer, scope: str) -> None:
        self._writer, self._scope = writer, scope

    def append(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None = None,
        partition: int = 0,
        time: float | None = None,
    ) -> None:
        self._writer.append(self._scope + topic, values, keys, partition, time)
