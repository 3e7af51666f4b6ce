"""A reader that also knows where all partitions of a topic end, so that what is not new need not be looked at."""

from __future__ import annotations

from kafka import TopicPartition

from monitor.logs.kafka_reader import KafkaReader
from monitor.logs.types import LogLost

__all__ = ["TopicReader"]

_MS = 20_000


class TopicReader(KafkaReader):
    """Reads what is committed; asks for the ends of many partitions at once."""

    def ends(self, topic: str) -> dict[int, int]:
        """The offset behind the last record that can be read now, by partition; a broker's marker may stand there."""
        places = [TopicPartition(topic, p) for p in range(self.partitions(topic))]
        found = self._consumer.end_offsets(places, timeout_ms=_MS)
        if len(found) != len(places):
            raise LogLost(f"the ends of {topic} could not be learnt within {_MS / 1000:.0f} s")
        return {where.partition: int(offset) for where, offset in found.items()}
