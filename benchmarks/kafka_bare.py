"""The least that anyone's loop over Kafka does, as a process: poll, `json.loads`, `send`, commit.

    python -m benchmarks.kafka_bare BOOTSTRAP GROUP SOURCE SINK exactly_once

It has the client settings that a replica has: what is compared is what a replica does with them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata

from monitor.config import Kafka
from monitor.logs.kafka_clients import connection
from monitor.logs.kafka_writer import producer_settings

__all__ = ["main"]

RECORDS = 1000
"""Of a poll at most; twice the client's default."""


def main(bootstrap: str, group: str, source: str, sink: str, delivery: str) -> None:
    """Copy until killed."""
    settings = connection(Kafka(), bootstrap, group)
    once = delivery == "exactly_once"
    consumer = KafkaConsumer(
        source,
        **settings,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = KafkaProducer(**producer_settings(settings), **({"transactional_id": group} if once else {}))
    if once:
        producer.init_transactions()
    while True:
        found = consumer.poll(timeout_ms=250, max_records=RECORDS)
        if found:
            _copy(consumer, producer, found, sink, once=once)


def _copy(consumer: KafkaConsumer, producer: KafkaProducer, found: dict[Any, Any], sink: str, *, once: bool) -> None:
    if once:
        producer.begin_transaction()
    for where, records in found.items():
        for record in records:
            json.loads(record.value)
            producer.send(sink, record.value, record.key, partition=where.partition)
    offsets = {where: OffsetAndMetadata(records[-1].offset + 1, "", -1) for where, records in found.items()}
    if once:
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
        producer.commit_transaction()
    else:
        producer.flush()
        consumer.commit(offsets)


if __name__ == "__main__":
    main(*sys.argv[1:])
