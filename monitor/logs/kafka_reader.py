"""Reads any partition, outside of the group: the ledger, the summaries, what a rebuild needs."""

from __future__ import annotations

import time as clocks
from collections.abc import Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from monitor.logs.types import Chunk, LogLost

__all__ = ["KafkaReader", "chunk_of"]

_POLL_MS = 20
_PATIENCE = 60.0
"""Seconds without a record or an end: longer than a transaction of a dead member stays open, or a leader is elected."""


def chunk_of(topic: str, partition: int, records: Sequence[Any]) -> Chunk:
    """Consumer records as a chunk."""
    kinds = [_kind(each.headers) for each in records] if any(each.headers for each in records) else None
    return Chunk(
        topic,
        partition,
        [each.offset for each in records],
        # a record without a value is unreadable, and is said to be so with no bytes
        [each.value or b"" for each in records],
        [each.timestamp / 1000 for each in records],
        kinds,
    )


def _kind(headers: Sequence[tuple[str, bytes | None]] | None) -> str | None:
    """The content type that a record names."""
    for name, value in headers or ():
        if name.lower() == "content-type" and value is not None:
            return value.decode("utf-8", "replace")
    return None


class KafkaReader:
    """A consumer without a group that reads one partition at a time, what is committed alone."""

    def __init__(self, settings: dict[str, Any]) -> None:
        shared = settings | {
            "group_id": None,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "fetch_max_wait_ms": 50,
            "metrics_enabled": False,
            "allow_auto_create_topics": False,
        }
        self._consumer = KafkaConsumer(**shared, isolation_level="read_committed")
        # where a partition ends, open transactions included, is what only a reader of everything is told
        self._ends = KafkaConsumer(**shared, isolation_level="read_uncommitted")
        self._at: tuple[TopicPartition, int] | None = None

    def read(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        """Up to `max_records` from `offset` on; empty only at the end, and then no transaction is open before it."""
        end = self.end(topic, partition)
        if offset >= end:
            return chunk_of(topic, partition, [])
        where = self._seek(topic, partition, offset)
        give_up = clocks.monotonic() + _PATIENCE
        while clocks.monotonic() < give_up:
            records = self._poll(where, max_records, _POLL_MS)
            if records or self._position(where) >= end:
                return chunk_of(topic, partition, records)
        raise LogLost(f"{topic}-{partition} could not be read from offset {offset} on within {_PATIENCE:.0f} s")

    def tail(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        """What is at hand from `offset` on."""
        return chunk_of(topic, partition, self._poll(self._seek(topic, partition, offset), max_records, 0))

    def end(self, topic: str, partition: int) -> int:
        """The offset behind the last record, that of open transactions included."""
        where = TopicPartition(topic, partition)
        try:
            return int(self._ends.end_offsets([where])[where])
        except KafkaError as error:
            raise LogLost(f"the end of {topic}-{partition} could not be learnt: {error}") from error

    def since(self, topic: str, partition: int, time: float) -> int:
        """The offset of the first record that is not older than `time`."""
        where = TopicPartition(topic, partition)
        try:
            found = self._ends.offsets_for_times({where: int(max(time, 0.0) * 1000)}).get(where)
        except KafkaError as error:
            raise LogLost(f"{topic}-{partition} could not be searched by time: {error}") from error
        return self.end(topic, partition) if found is None else int(found.offset)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; 0 if there is no such topic."""
        return len(self._consumer.partitions_for_topic(topic) or ())

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()
        self._ends.close()

    def _seek(self, topic: str, partition: int, offset: int) -> TopicPartition:
        where = TopicPartition(topic, partition)
        if self._at is None or self._at[0] != where:
            self._consumer.assign([where])
        if self._at != (where, offset):
            self._consumer.seek(where, offset)
            self._at = (where, offset)
        return where

    def _position(self, where: TopicPartition) -> int:
        position = self._consumer.position(where, timeout_ms=1000)
        return -1 if position is None else int(position)

    def _poll(self, where: TopicPartition, max_records: int, timeout_ms: int) -> list[Any]:
        try:
            records: list[Any] = self._consumer.poll(timeout_ms=timeout_ms, max_records=max_records).get(where, [])
        except KafkaError as error:
            raise LogLost(f"{where.topic}-{where.partition} cannot be read: {error}") from error
        if records:
            self._at = (where, records[-1].offset + 1)
        return records
