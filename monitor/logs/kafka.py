"""A log on Kafka: a member of a consumer group that reads its share of the topics and writes in transactions."""

from __future__ import annotations

import time as clocks
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from kafka import ConsumerGroupMetadata, ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import AuthorizationError, KafkaError

from monitor.config import Kafka
from monitor.errors import RunError, UsageError
from monitor.logs.kafka_clients import connection
from monitor.logs.kafka_reader import KafkaReader, chunk_of
from monitor.logs.kafka_writer import AtLeastOnce, ExactlyOnce, Sink
from monitor.logs.types import Behind, Chunk, Fenced, LogLost, Partition, Writer

__all__ = ["KafkaLog"]

_FETCH_BYTES = 8 << 20
_COMMITTED_MS = 60_000
_Part = TypeVar("_Part", KafkaReader, ExactlyOnce, AtLeastOnce)


class KafkaLog:
    """A member of `group`; implements `Log`. For one thread.

    Parameters
    ----------
    config
        Where the broker is, and how to get in.
    bootstrap
        Its address, which differs from the configured one where it is embedded.
    group
        The consumer group.
    topics
        What the group shares out: topics with equally many partitions, and topics with one.
    writes
        Topics to write to, each with its kind of event for CloudEvents' headers, or with an empty one.
    guarded
        Topics with one partition of which a transaction always sends the offset, if this member owns it.
    longest_turn
        Seconds between two polls after which the group goes on without this member.
    ledger
        Given, this topic alone is written exactly once, and the others at least once.
    """

    def __init__(
        self,
        config: Kafka,
        bootstrap: str,
        group: str,
        topics: Iterable[str],
        writes: Mapping[str, str],
        *,
        guarded: Iterable[str] = (),
        longest_turn: float = 300.0,
        ledger: str | None = None,
    ) -> None:
        self._topics = tuple(dict.fromkeys(topics))
        self._guarded = tuple(guarded)
        self._longest_turn = longest_turn
        self._share = _Share(0, ConsumerGroupMetadata(group_id=group), frozenset())
        self._positions: dict[TopicPartition, int] = {}
        self._moved: dict[TopicPartition, int] = {}
        self._starts: dict[TopicPartition, int] = {}
        self._read_to = 0.0
        self._closers: list[Callable[[], object]] = []
        settings = connection(config, bootstrap, f"holdback-{group}")
        try:
            self._open(settings, config, group, writes, ledger)
        except KafkaError as error:
            self.close()
            raise _lost(f"{bootstrap} could not be reached", error) from error
        except BaseException:
            self.close()
            raise

    @property
    def generation(self) -> int:
        """The generation of the group that the assignment is of."""
        return self._share.generation

    def poll(self, max_records: int, timeout: float = 0.0) -> list[Chunk]:
        """New records of the assigned partitions; see `Log.poll`."""
        try:
            found = self._consumer.poll(timeout_ms=int(timeout * 1000), max_records=max(max_records, 1))
            if self._shares.latest is not self._share:
                self._begin_again()
                return []
        except KafkaError as error:
            raise _lost("polling failed", error) from error
        self._note(found)
        order = sorted(found, key=lambda where: (self._topics.index(where.topic), where.partition))
        return [chunk_of(where.topic, where.partition, found[where]) for where in order]

    @contextmanager
    def transaction(self) -> Iterator[Writer]:
        """A transaction; see `Log.transaction`."""
        self._sink.begin()
        try:
            yield self._sink
            self._sink.commit(self._offsets(), self._share.member)
        except BaseException:
            self._rewind()
            with suppress(Fenced):
                self._sink.abort()
            raise
        self._moved, self._starts = {}, {}

    def assignment(self) -> frozenset[Partition]:
        """The partitions that are polled, as of the last poll."""
        return frozenset((where.topic, where.partition) for where in self._share.partitions)

    def read(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        """Records of any partition from `offset` on."""
        return self._reader.read(topic, partition, offset, max_records)

    def tail(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        """What is at hand of a partition that is followed."""
        return self._follower.tail(topic, partition, offset, max_records)

    def end(self, topic: str, partition: int) -> int:
        """The offset behind the last record."""
        return self._reader.end(topic, partition)

    def since(self, topic: str, partition: int, time: float) -> int:
        """The offset of the first record that is not older than `time`."""
        return self._reader.since(topic, partition, time)

    def committed(self, topic: str, partition: int) -> int:
        """The offset from which the group would continue; waits for transactions that are open on it."""
        try:
            offset = self._consumer.committed(TopicPartition(topic, partition), timeout_ms=_COMMITTED_MS)
        except KafkaError as error:
            raise _lost(f"the committed offset of {topic}-{partition} could not be learnt", error) from error
        return 0 if offset is None else int(offset)

    def behind(self) -> Behind:
        """How much of the assigned partitions has not been polled yet, as far as is known."""
        left = 0
        for where in self._share.partitions & self._consumer.assignment():
            end = self._consumer.highwater(where)
            if end is not None and (position := self._positions.get(where)) is not None:
                left += max(0, end - position)
        return Behind(left, max(0.0, clocks.time() - self._read_to) if left else 0.0)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; 0 if it does not exist."""
        return self._reader.partitions(topic)

    def close(self) -> None:
        """Leave the group at once, so that others need not wait for the session to run out."""
        while self._closers:
            with suppress(KafkaError, RunError):
                self._closers.pop()()

    def _open(
        self, settings: dict[str, Any], config: Kafka, group: str, writes: Mapping[str, str], ledger: str | None
    ) -> None:
        self._reader = self._kept(KafkaReader(settings))
        self._refuse_unequal(writes)
        self._follower = self._kept(KafkaReader(settings))
        session = int(config.session_timeout * 1000)
        self._consumer = KafkaConsumer(
            **settings,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=session,
            heartbeat_interval_ms=max(session // 5, 1),
            max_poll_interval_ms=int(self._longest_turn * 1000),
            fetch_max_bytes=_FETCH_BYTES,
            metrics_enabled=False,
            max_partition_fetch_bytes=max(1 << 20, config.max_bytes + 4096),
            allow_auto_create_topics=False,
        )
        self._closers.append(lambda: self._consumer.close(autocommit=False, timeout_ms=5000))
        self._shares = _Shares(self._share, self._consumer.group_metadata)
        once = self._kept(ExactlyOnce(settings, config.transactional_id, config.transaction_timeout, writes))
        self._sink: Sink = once
        if ledger is not None:
            self._sink = self._kept(
                AtLeastOnce(settings, once, ledger, writes, lambda sent: self._consumer.commit(sent, timeout_ms=30_000))
            )
        self._consumer.subscribe(self._topics, listener=self._shares)
        for topic in self._topics:
            # a member that leads the group without knowing the topics would share out nothing
            self._consumer.partitions_for_topic(topic)

    def _kept(self, part: _Part) -> _Part:
        """Closed with the log, in reverse order."""
        self._closers.append(part.close)
        return part

    def _refuse_unequal(self, writes: Iterable[str]) -> None:
        counts = {topic: self._reader.partitions(topic) for topic in self._topics}
        others = [topic for topic in writes if topic not in counts and self._reader.partitions(topic) == 0]
        missing = [*(topic for topic, n in counts.items() if n == 0), *others]
        if missing:
            raise UsageError(
                f"there is no topic {', '.join(missing)}, or no right to see it; `holdback doctor --fix` creates topics"
            )
        several = {topic: n for topic, n in counts.items() if topic not in self._guarded}
        if len(set(several.values())) > 1:
            told = ", ".join(f"{topic} has {n}" for topic, n in several.items())
            raise UsageError(
                f"these topics need equally many partitions, but {told}: outcomes would miss their prediction"
            )

    def _note(self, found: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Remember where the records began, and behind which offset the group goes on once they are committed."""
        for where, records in found.items():
            self._starts.setdefault(where, records[0].offset)
            self._moved[where] = self._positions[where] = self._position(where, records[-1].offset + 1)
            self._read_to = max(self._read_to, records[-1].timestamp / 1000)

    def _position(self, where: TopicPartition, at_least: int) -> int:
        """The next offset; a broker's own markers may stand before it."""
        position = self._consumer.position(where, timeout_ms=0)
        return at_least if position is None else max(int(position), at_least)

    def _begin_again(self) -> None:
        """Take up a new assignment at what the group has committed.

        The client keeps the positions of partitions that it had before, whatever others did with them meanwhile.
        """
        self._share, held = self._shares.latest, bool(self._moved)
        self._moved, self._starts, self._positions = {}, {}, {}
        for where in self._share.partitions & self._consumer.assignment():
            offset = self._consumer.committed(where, timeout_ms=_COMMITTED_MS)
            if offset is None:
                self._consumer.seek_to_beginning(where)
            else:
                self._consumer.seek(where, int(offset))
                self._positions[where] = int(offset)
        if held:
            raise Fenced("the group was shared out anew; what was polled and not committed must be dropped")

    def _offsets(self) -> dict[TopicPartition, int]:
        """What to commit: all that moved, the guarded partitions even if they did not, and at least one: it fences."""
        mine = self._share.partitions
        wanted = [where for topic in self._guarded if (where := TopicPartition(topic, 0)) in mine]
        if not wanted and not self._moved:
            wanted = sorted(mine)[:1]
        for where in wanted:
            if where not in self._positions:
                self._positions[where] = self.committed(*where)
        return {where: self._positions[where] for where in wanted} | self._moved

    def _rewind(self) -> None:
        """Poll again what was polled and not committed."""
        for where, offset in self._starts.items():
            with suppress(ValueError):  # not assigned any more: the next poll begins again
                self._consumer.seek(where, offset)
            self._positions[where] = offset
        self._moved, self._starts = {}, {}


@dataclass(frozen=True, slots=True)
class _Share:
    """What the group gave to this member, in which generation; `member` proves it to the broker."""

    generation: int
    member: ConsumerGroupMetadata
    partitions: frozenset[TopicPartition]


class _Shares(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    """Is told of each assignment, in the client's thread: generation and partitions are noted together.

    A transaction proves itself with these, not with what the client has come to by then: it may be a member again, of
    a generation in which the partitions are another's.
    """

    def __init__(self, first: _Share, member: Callable[[], ConsumerGroupMetadata]) -> None:
        self.latest = first
        self._member = member

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing to do: what is in hand is committed under the old generation, or not at all."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note them."""
        self.latest = _Share(self.latest.generation + 1, self._member(), frozenset(assigned))


def _lost(what: str, error: KafkaError) -> RunError:
    if isinstance(error, AuthorizationError):
        return RunError(f"{what}: {error}; `holdback doctor` says which rights are needed")
    return LogLost(f"{what}: {type(error).__name__}: {error}")
