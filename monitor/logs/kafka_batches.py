"""Whole batches to the client's producer: a record costs it a tenth of what `send` takes.

`send` checks, sizes and locks for each record. A turn writes hundreds that differ in value and key alone, so their
bytes are put together here and handed to the accumulator as one batch; compressing, sending, sequence numbers, retries
and transactions stay the client's. This leans on what the client does not promise: `bulk_of` compares with what its own
builder makes of the same records, and without a match there is no bulk, and everything goes through `send`.
"""

# ruff: noqa: SLF001  # the client's private parts are what this one module is for

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, UnknownTopicOrPartitionError
from kafka.producer.future import FutureRecordMetadata
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.record.util import encode_varint

__all__ = ["Bulk", "Headers", "bulk_of"]

Headers = Sequence[tuple[str, bytes]]
_ID = "ce_id"
_SAMPLES: tuple[tuple[list[bytes], list[bytes | None], Headers], ...] = (
    ([b"a", b"b" * 300, b""], [b"1", b"22" * 70, b"3"], [("content-type", b"application/json"), ("ce_type", b"x")]),
    ([b"a", b"b" * 9000], [None, None], []),
    ([b"a", b"b"], [b"1", None], []),
)


def bulk_of(producer: KafkaProducer) -> Bulk | None:
    """The fast way into a producer; None if this client is built another way."""
    try:
        bulk = Bulk(producer)
        return bulk if all(bulk.agrees(*sample) for sample in _SAMPLES) else None
    except (AttributeError, KeyError, TypeError):
        return None


class Bulk:
    """Puts records together for a producer."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer
        self._accumulator, self._manager = producer._accumulator, producer._transaction_manager
        self._wake = producer._sender.wakeup
        self._config = self._accumulator.config
        self._batch_size = int(self._config["batch_size"])
        # looked at once, so that a client without them is found out at the start
        _ = self._accumulator._batches, self._accumulator._incomplete.add, self._accumulator._tp_lock
        _ = self._accumulator._appends_in_progress.increment, self._accumulator._closed

    def send(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None],
        headers: Headers,
        partition: int,
        ms: int,
    ) -> list[Any]:
        """Hand records to the producer's thread; futures that tell when they are written.

        `headers`, if there are any, are those of all records with a key, and the key goes with them as `ce_id`.
        """
        where = TopicPartition(topic, partition)
        if partition not in (self._producer.partitions_for(topic) or ()):
            raise UnknownTopicOrPartitionError(f"{topic} has no partition {partition}")
        if self._manager is not None and self._manager.is_transactional():
            self._manager.maybe_add_partition_to_transaction(where)
        futures = []
        self._accumulator._appends_in_progress.increment()
        try:
            for records in self._batches(values, keys, headers):
                futures += self._append(where, records, ms)
        finally:
            self._accumulator._appends_in_progress.decrement()
        self._wake()
        return futures

    def agrees(self, values: Sequence[bytes], keys: Sequence[bytes | None], headers: Headers) -> bool:
        """Whether the client makes the same bytes of these records."""
        theirs = self._builder()
        for value, key in zip(values, keys, strict=True):
            with_id = [*headers, (_ID, key)] if headers and key is not None else []
            theirs.append(1_700_000_000_000, key, value, with_id)
        ours, parts = self._builder(), [*self._batches(values, keys, headers)]
        _fill(ours, parts[0], 1_700_000_000_000)
        ours.close()
        theirs.close()
        return len(parts) == 1 and bytes(ours.buffer()) == bytes(theirs.buffer())

    def _append(self, where: TopicPartition, records: list[bytes], ms: int) -> list[Any]:
        builder = self._builder()
        _fill(builder, records, ms)
        batch = ProducerBatch(where, builder)
        # a transaction fails as a whole; without one each record tells, for the client may split a batch
        telling = 1 if self._manager is not None and self._manager.is_transactional() else len(records)
        futures = [FutureRecordMetadata(batch.produce_future, i, ms, None, -1, -1, -1) for i in range(telling)]
        batch._record_futures.extend(futures)
        with self._accumulator._tp_lock(where):
            if self._accumulator._closed:
                raise KafkaError("the producer is closed")
            self._accumulator._batches[where].append(batch)
            self._accumulator._incomplete.add(batch)
        return futures

    def _builder(self) -> MemoryRecordsBuilder:
        config = self._config
        return MemoryRecordsBuilder(config["message_version"], config["compression_attrs"], config["batch_size"])

    def _batches(
        self, values: Sequence[bytes], keys: Sequence[bytes | None], headers: Headers
    ) -> Iterator[list[bytes]]:
        """Encoded records, no more at a time than fit in a batch; one that is larger has a batch of its own."""
        head = _head(headers)
        batch: list[bytes] = []
        size = 0
        for value, key in zip(values, keys, strict=True):
            record = _encoded(len(batch), value, key, head)
            if batch and size + len(record) > self._batch_size - 100:
                yield batch
                batch, size = [], 0
                record = _encoded(0, value, key, head)
            batch.append(record)
            size += len(record)
        if batch:
            yield batch


def _fill(records: MemoryRecordsBuilder, encoded: Sequence[bytes], ms: int) -> None:
    """Put encoded records into an empty builder, all with the same time."""
    builder = records._builder
    builder._buffer.extend(b"".join(encoded))
    builder._first_timestamp = builder._max_timestamp = ms
    builder._num_records = records._next_offset = len(encoded)
    builder._last_offset = len(encoded) - 1


def _encoded(offset: int, value: bytes, key: bytes | None, head: bytes | None) -> bytes:
    """A record of Kafka's second format: attributes, deltas of time and offset, key, value, headers."""
    if key is None:
        body = b"\x00\x00%b\x01%b%b\x00" % (_varint(offset), _varint(len(value)), value)
    else:
        length = _varint(len(key))
        tail = b"\x00" if head is None else b"%b%b%b" % (head, length, key)
        body = b"\x00\x00%b%b%b%b%b%b" % (_varint(offset), length, key, _varint(len(value)), value, tail)
    return _varint(len(body)) + body


def _head(headers: Headers) -> bytes | None:
    """Headers up to where the value of the id stands; None if there are none."""
    if not headers:
        return None
    parts = [_varint(len(headers) + 1)]
    for name, value in [(name.encode(), value) for name, value in headers]:
        parts += [_varint(len(name)), name, _varint(len(value)), value]
    return b"".join([*parts, _varint(len(_ID)), _ID.encode()])


@lru_cache(maxsize=1 << 16)
def _varint(value: int) -> bytes:
    made = bytearray()
    encode_varint(value, made.append)
    return bytes(made)
