"""The story's own side of the log: it writes predictions, outcomes and answers, and reads what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from monitor.logs import MemoryBroker

__all__ = ["Feed", "KafkaFeed", "MemoryFeed"]

_AT_ONCE = 100_000


class Feed(Protocol):
    """A producer and a reader, outside of the group."""

    @property
    def kind(self) -> str:
        """Which broker it is: `embedded` or `memory`."""

    def send(self, topic: str, values: Sequence[bytes], keys: Sequence[bytes]) -> None:
        """Write records to the only partition."""

    def take(self, topic: str) -> list[bytes]:
        """What has been written since the last call."""

    def close(self) -> None:
        """Close connections."""


class MemoryFeed:
    """Over the log in memory, where there is no embedded broker."""

    kind = "memory"

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._positions: dict[str, int] = {}

    def send(self, topic: str, values: Sequence[bytes], keys: Sequence[bytes]) -> None:
        """Write records."""
        self._broker.append(topic, values, keys, time=time.time())

    def take(self, topic: str) -> list[bytes]:
        """What has been written since the last call."""
        chunk = self._broker.read(topic, 0, self._positions.get(topic, 0), _AT_ONCE)
        if chunk.values:
            self._positions[topic] = chunk.offsets[-1] + 1
        return chunk.values

    def close(self) -> None:
        """Nothing to close."""


class KafkaFeed:
    """Real Kafka clients, as a model's server and a reviewer have them."""

    kind = "embedded"

    def __init__(self, bootstrap: str) -> None:
        from kafka import KafkaConsumer, KafkaProducer

        self._new_consumer: Callable[[], Any] = lambda: KafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            metrics_enabled=False,
        )
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, metrics_enabled=False)
        self._consumers: dict[str, Any] = {}

    def send(self, topic: str, values: Sequence[bytes], keys: Sequence[bytes]) -> None:
        """Write records."""
        for value, key in zip(values, keys, strict=True):
            self._producer.send(topic, value, key, partition=0)

    def take(self, topic: str) -> list[bytes]:
        """What has come since the last call."""
        from kafka import TopicPartition

        where = TopicPartition(topic, 0)
        if topic not in self._consumers:
            self._consumers[topic] = self._new_consumer()
            self._consumers[topic].assign([where])
        found: list[bytes] = []
        while records := self._consumers[topic].poll(timeout_ms=0, max_records=10_000).get(where):
            found += [record.value for record in records]
        return found

    def close(self) -> None:
        """Close the clients."""
        self._producer.close(timeout=5)
        for consumer in self._consumers.values():
            consumer.close()
