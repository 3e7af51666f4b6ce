"""Writes what a turn brought, and commits what it read: in one transaction, or at least once.

The group does the fencing: a transaction sends the offsets with the member's generation, and the broker refuses them
when the group has gone on without it (KIP-447). So whoever writes the ledger always sends the offset of the summaries,
even an unchanged one: a judge that was deposed can't commit.
"""

from __future__ import annotations

import time as clocks
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol
from uuid import uuid4

from kafka import ConsumerGroupMetadata, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import (
    AuthorizationError,
    CommitFailedError,
    FencedInstanceIdError,
    IllegalGenerationError,
    InvalidProducerEpochError,
    KafkaError,
    ProducerFencedError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from monitor.errors import RunError, UsageError
from monitor.logs.kafka_batches import bulk_of
from monitor.logs.kept import check_keys
from monitor.logs.patience import Patience
from monitor.logs.types import Fenced, LogLost, Superseded, Writer

__all__ = ["AtLeastOnce", "ExactlyOnce", "Offsets", "Sink", "producer_settings"]

Offsets = Mapping[TopicPartition, int]
_DEPOSED = (
    CommitFailedError, IllegalGenerationError, UnknownMemberIdError, RebalanceInProgressError, FencedInstanceIdError
)  # fmt: skip
_FENCED = (ProducerFencedError, InvalidProducerEpochError)
_LONGEST_REQUEST = 100_000_000
_IN_BULK = False


def producer_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of the producers: as fast as a turn, for a turn is a batch already."""
    return settings | {
        "acks": "all",
        "linger_ms": 0,
        "batch_size": 262_144,
        "max_request_size": _LONGEST_REQUEST,
        "compression_type": "lz4",
        "max_block_ms": 30_000,
        "metrics_enabled": False,
        "allow_auto_create_topics": False,
    }


class Sink(Writer, Protocol):
    """Where the records of one turn go."""

    def begin(self) -> None:
        """Start a turn."""

    def commit(self, offsets: Offsets, member: ConsumerGroupMetadata) -> None:
        """Keep what was written, and the offsets; raises Fenced or LogLost, and then nothing is kept."""

    def abort(self) -> None:
        """Drop what was written."""

    def close(self) -> None:
        """Give back the connection."""


class ExactlyOnce:
    """One transactional producer: records and offsets are committed at once or not at all."""

    def __init__(self, settings: dict[str, Any], name: str | None, timeout: float, kinds: Mapping[str, str]) -> None:
        # a random name can't be anybody else's; one that is given ends at once what its last holder left open
        self._is_named = name is not None
        self._name = name or f"holdback-{uuid4()}"
        self._patience = Patience(3 * timeout + 30, "holdback-transactions")
        self._producer = KafkaProducer(
            **producer_settings(settings),
            transactional_id=self._name,
            transaction_timeout_ms=int(timeout * 1000),
        )
        self._records = _Records(kinds, self._producer)
        try:
            self._call("starting the transactional producer", self._producer.init_transactions)
        except BaseException:
            self.close()
            raise

    def begin(self) -> None:
        """Start a transaction; the broker hears of it with the first record."""
        if self._patience.lost:
            raise LogLost("starting a transaction: an earlier call never came back")
        try:
            self._producer.begin_transaction()
        except KafkaError as error:
            raise _translated("starting a transaction", error) from error

    def append(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None = None,
        partition: int = 0,
        time: float | None = None,
    ) -> None:
        """Write records into the transaction."""
        try:
            self._records.send(topic, values, keys, partition, time)
        except KafkaError as error:
            raise _translated(f"writing to {topic}-{partition}", error) from error

    def commit(self, offsets: Offsets, member: ConsumerGroupMetadata) -> None:
        """Send the offsets with the member's generation, and commit."""
        sent = {where: OffsetAndMetadata(offset, "", -1) for where, offset in offsets.items()}

        def send_and_commit() -> None:
            if sent:
                self._producer.send_offsets_to_transaction(sent, member)
            self._producer.commit_transaction()

        self._call("committing the transaction", send_and_commit)

    def abort(self) -> None:
        """Abort the transaction; raises LogLost if the producer is of no use any more."""
        self._call("aborting the transaction", self._producer.abort_transaction)

    def close(self) -> None:
        """Close the producer; what is open ends by its time-out."""
        _close(self._producer)
        self._patience.close()

    def _call(self, what: str, function: Callable[[], object]) -> None:
        try:
            self._patience.call(what, function)
        except KafkaError as error:
            if self._is_named and isinstance(error, _FENCED):
                raise Superseded(
                    f"{what}: another process uses the transactional id {self._name!r} "
                    f"({type(error).__name__}); give each replica one of its own"
                ) from error
            raise _translated(what, error) from error


class AtLeastOnce:
    """A plain producer, for latency: records first, then the offsets; the ledger alone goes in a transaction.

    After a crash records come twice; decisions are idempotent by their id. The ledger must not fork, so it is fenced
    as ever.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        guarded: ExactlyOnce,
        ledger: str,
        kinds: Mapping[str, str],
        commit: Callable[[dict[TopicPartition, OffsetAndMetadata]], object],
    ) -> None:
        self._producer = KafkaProducer(**producer_settings(settings), enable_idempotence=True)
        self._guarded = guarded
        self._ledger = ledger
        self._commit = commit
        self._records = _Records(kinds, self._producer)
        self._lines: list[tuple[Sequence[bytes], float | None]] = []
        self._sent: list[Any] = []

    def begin(self) -> None:
        """Start a turn."""
        self._lines, self._sent = [], []

    def append(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None = None,
        partition: int = 0,
        time: float | None = None,
    ) -> None:
        """Write records; lines of the ledger wait for the commit."""
        if topic == self._ledger:
            self._lines.append((tuple(values), time))
            return
        try:
            self._sent += self._records.send(topic, values, keys, partition, time)
        except KafkaError as error:
            raise _translated(f"writing to {topic}-{partition}", error) from error

    def commit(self, offsets: Offsets, member: ConsumerGroupMetadata) -> None:
        """Wait until all is written, then commit the offsets: with the ledger's lines, if there are any."""
        try:
            self._producer.flush(timeout=30)
            for each in self._sent:
                each.get(timeout=0)
            if self._lines:
                self._guarded.begin()
                for values, time in self._lines:
                    self._guarded.append(self._ledger, values, None, 0, time)
                self._guarded.commit(offsets, member)
            elif offsets:
                self._commit({where: OffsetAndMetadata(offset, "", -1) for where, offset in offsets.items()})
        except KafkaError as error:
            raise _translated("writing", error) from error

    def abort(self) -> None:
        """Drop the lines that were not written."""
        if self._lines:
            with suppress(RunError):  # there may be no transaction: the lines had not gone out yet
                self._guarded.abort()
        self._lines, self._sent = [], []

    def close(self) -> None:
        """Close both producers."""
        _close(self._producer)
        self._guarded.close()


class _Records:
    """Sends values with CloudEvents' binary headers, where a topic has a kind of event."""

    def __init__(self, kinds: Mapping[str, str], producer: KafkaProducer) -> None:
        self._producer = producer
        # a turn written in bulk while the broker was killed was still not through a minute later
        self._bulk = bulk_of(producer) if _IN_BULK else None
        self._known = frozenset(kinds)
        self._headers = {
            topic: [
                ("content-type", b"application/json"),
                ("ce_specversion", b"1.0"),
                ("ce_type", f"holdback.{kind}.v1".encode()),
                ("ce_source", b"holdback"),
            ]
            for topic, kind in kinds.items()
            if kind
        }

    def send(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None,
        partition: int,
        time: float | None,
    ) -> list[Any]:
        """Hand records to the producer, whose thread sends them."""
        check_keys(values, keys)
        if topic not in self._known:
            raise UsageError(f"there is no topic {topic!r} to write to; topics: {', '.join(sorted(self._known))}")
        stamp = int((clocks.time() if time is None else time) * 1000)
        common, named = self._headers.get(topic), keys or [None] * len(values)
        if self._bulk is not None:
            return self._bulk.send(topic, values, named, common or (), partition, stamp)
        sent = []
        for value, key in zip(values, named, strict=True):
            headers = None if common is None or key is None else [*common, ("ce_id", key)]
            sent.append(self._producer.send(topic, value, key, headers, partition, stamp))
        return sent


def _translated(what: str, error: KafkaError) -> RunError:
    """What an error of the client means to the loop."""
    if isinstance(error, _DEPOSED):
        return Fenced(f"{what}: the group went on without this member ({type(error).__name__}); nothing was written")
    if isinstance(error, AuthorizationError):
        return RunError(f"{what} is forbidden: {error}; `holdback doctor` says which rights are needed")
    return LogLost(f"{what} failed: {type(error).__name__}: {error}")


def _close(producer: KafkaProducer) -> None:
    with suppress(KafkaError):
        producer.close(timeout=1)
