"""A log in memory, for backtests and for a demo without a broker: the same groups, offsets and transactions."""

# ruff: noqa: SLF001  # the broker, its members and their transactions are one thing in three classes

from __future__ import annotations

import threading
import time as clocks
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from monitor.errors import RunError, UsageError
from monitor.logs.kept import Records, check_keys, shares
from monitor.logs.types import Behind, Chunk, Fenced, Partition

__all__ = ["MemoryBroker", "MemoryLog"]


class _Group:
    """Who is in a consumer group, and how far it has come."""

    __slots__ = ("committed", "generation", "members")

    def __init__(self) -> None:
        self.generation = 0
        self.members: list[MemoryLog] = []
        self.committed: dict[Partition, int] = {}


class MemoryBroker:
    """Topics with a number of partitions each; threads may share it.

    Keeps everything until `trim`. `clock` gives the time of records that are written without one.
    """

    def __init__(self, topics: Mapping[str, int], clock: Callable[[], float] = clocks.time) -> None:
        self._partitions = {(topic, p): Records() for topic, count in topics.items() for p in range(count)}
        self._counts = dict(topics)
        self._groups: dict[str, _Group] = {}
        self._clock = clock
        # One lock for all: a commit touches many partitions, and nobody may see a part of it.
        self._changed = threading.Condition(threading.RLock())

    def append(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None = None,
        partition: int = 0,
        time: float = 0.0,
    ) -> None:
        """Write as a producer outside of all groups; visible at once. Keys place and compact nothing here."""
        check_keys(values, keys)
        records = self._records(topic, partition)
        with self._changed:
            records.append(values, time)
            self._changed.notify_all()

    def read(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        """Up to `max_records` from `offset` on, or from the first kept one."""
        records = self._records(topic, partition)
        with self._changed:
            return records.read((topic, partition), offset, max_records)

    def end(self, topic: str, partition: int) -> int:
        """The offset of the next record."""
        return self._records(topic, partition).end

    def since(self, topic: str, partition: int, time: float) -> int:
        """The offset of the first record that is not older than `time`; the end if there is none."""
        records = self._records(topic, partition)
        with self._changed:
            return next((records.first + i for i, each in enumerate(records.times) if each >= time), records.end)

    def trim(self, topic: str, partition: int, before: int) -> None:
        """Forget the records with an offset below `before`; the others keep theirs."""
        records = self._records(topic, partition)
        with self._changed:
            records.trim(before)

    def member(self, group: str, topics: Iterable[str]) -> MemoryLog:
        """Join `group` as a new member that subscribes to `topics`; the group's partitions are shared out anew."""
        return MemoryLog(self, self._groups.setdefault(group, _Group()), topics)

    def evict(self, member: MemoryLog) -> None:
        """Take a member out of its group without its knowing, as when it is not heard of for too long.

        It finds out at its next commit, and joins again at its next poll.
        """
        member._leave()

    def _records(self, topic: str, partition: int) -> Records:
        records = self._partitions.get((topic, partition))
        if records is None:
            known = ", ".join(f"{name} ({count})" for name, count in self._counts.items())
            raise UsageError(f"there is no partition {partition} of topic {topic!r}; topics and partitions: {known}")
        return records


class MemoryLog:
    """A member of a group of a MemoryBroker; implements `Log`. For one thread; another may close it."""

    def __init__(self, broker: MemoryBroker, group: _Group, topics: Iterable[str]) -> None:
        self._broker = broker
        self._group = group
        self._topics = tuple(dict.fromkeys(topics))
        self._generation = -1
        self._mine: dict[Partition, Records] = {}
        self._positions: dict[Partition, int] = {}
        self._moved: dict[Partition, int] = {}
        self._open: _Transaction | None = None
        self._turn = 0
        self._read_to = 0.0
        self._closed = False
        with broker._changed:
            for topic in self._topics:
                broker._records(topic, 0)
            self._join()

    @property
    def generation(self) -> int:
        """The generation of the group that the assignment is of."""
        return self._generation

    def poll(self, max_records: int, timeout: float = 0.0) -> list[Chunk]:
        """New records of the assigned partitions; see `Log.poll`."""
        with self._broker._changed:
            self._renew()
            chunks = self._take(max_records)
            if chunks or timeout <= 0:
                return chunks
            self._broker._changed.wait_for(self._woken, timeout)
            self._renew()
            return self._take(max_records)

    def transaction(self) -> _Transaction:
        """A transaction; see `Log.transaction`."""
        return _Transaction(self)

    def assignment(self) -> frozenset[Partition]:
        """The partitions that are polled, as of the last poll."""
        return frozenset(self._mine)

    def read(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        """Records of any partition from `offset` on."""
        return self._broker.read(topic, partition, offset, max_records)

    tail = read

    def end(self, topic: str, partition: int) -> int:
        """The offset behind the last record."""
        return self._broker.end(topic, partition)

    def since(self, topic: str, partition: int, time: float) -> int:
        """The offset of the first record that is not older than `time`."""
        return self._broker.since(topic, partition, time)

    def behind(self) -> Behind:
        """How much has not been polled yet."""
        left = sum(records.end - max(self._positions[where], records.first) for where, records in self._mine.items())
        return Behind(left, max(0.0, self._broker._clock() - self._read_to) if left else 0.0)

    def committed(self, topic: str, partition: int) -> int:
        """The offset from which the group would continue."""
        self._broker._records(topic, partition)
        return self._group.committed.get((topic, partition), 0)

    def close(self) -> None:
        """Leave the group."""
        self._closed = True
        self._leave()

    def _join(self) -> None:
        self._group.members.append(self)
        self._group.generation += 1
        self._adopt()

    def _leave(self) -> None:
        with self._broker._changed:
            if self in self._group.members:
                self._group.members.remove(self)
                self._group.generation += 1
                self._broker._changed.notify_all()

    def _woken(self) -> bool:
        return self._generation != self._group.generation or any(
            records.end > max(self._positions[where], records.first) for where, records in self._mine.items()
        )

    def _renew(self) -> None:
        """Take up the group's present assignment; what was polled under the old one belongs to others."""
        if self._closed:
            raise RunError("this member has left its group; join again with MemoryBroker.member")
        if self._generation == self._group.generation:
            return
        held = bool(self._moved)
        if self not in self._group.members:
            self._join()
        else:
            self._adopt()
        if held:
            raise Fenced("the group was shared out anew; what was polled and not committed must be dropped")

    def _adopt(self) -> None:
        self._generation = self._group.generation
        self._mine = {where: self._broker._partitions[where] for where in self._share()}
        self._rewind()

    def _share(self) -> Iterator[Partition]:
        """Range assignment: partition p of all topics with equally many goes to one member, and 0 to the first."""
        for topic in self._topics:
            among = [member for member in self._group.members if topic in member._topics]
            each, more = divmod(self._broker._counts[topic], len(among))
            rank = among.index(self)
            first = rank * each + min(rank, more)
            for p in range(first, first + each + (rank < more)):
                yield topic, p

    def _rewind(self) -> None:
        self._positions = {where: self._group.committed.get(where, 0) for where in self._mine}
        self._moved.clear()

    def _take(self, budget: int) -> list[Chunk]:
        ready = [
            (where, records, max(self._positions[where], records.first))
            for where, records in self._mine.items()
            if records.end > max(self._positions[where], records.first)
        ]
        waiting = [records.end - start for _, records, start in ready]
        if sum(waiting) > budget:
            self._turn += 1
            waiting = shares(waiting, budget, self._turn)
        chunks = []
        for (where, records, start), take in zip(ready, waiting, strict=True):
            if take:
                chunks.append(records.read(where, start, take))
                self._positions[where] = self._moved[where] = start + take
                self._read_to = chunks[-1].times[-1]
        return chunks


class _Transaction:
    """What is written meanwhile is kept here, so that nobody sees it before the commit."""

    __slots__ = ("_log", "_writes")

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._writes: list[tuple[Records, Sequence[bytes], float]] = []

    def append(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None = None,
        partition: int = 0,
        time: float | None = None,
    ) -> None:
        """Add records to what will be committed."""
        check_keys(values, keys)
        broker = self._log._broker
        # Copied: the caller may go on with its list.
        self._writes.append(
            (broker._records(topic, partition), tuple(values), broker._clock() if time is None else time)
        )

    def __enter__(self) -> Self:
        if self._log._open is not None:
            raise RuntimeError("a transaction is already open; end it before the next one begins")
        self._log._open = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        log = self._log
        log._open = None
        with log._broker._changed:
            if kind is not None:
                log._rewind()
            elif log._generation != log._group.generation:
                log._rewind()
                raise Fenced("the group went on without this member; nothing of its transaction was written")
            else:
                self._commit()

    def _commit(self) -> None:
        log = self._log
        for records, values, time in self._writes:
            records.append(values, time)
        log._group.committed.update(log._moved)
        log._moved.clear()
        if self._writes:
            log._broker._changed.notify_all()
