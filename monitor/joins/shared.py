"""The join stores of the partitions that this replica has: one each, so that a partition can come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from monitor.joins.records import Added, Early, Expired, Flagging, Joined, Match, Pending
from monitor.joins.store import JoinStore

__all__ = ["PartitionedJoins"]

_MOST_IDS = 1_000_000


class PartitionedJoins:
    """A `JoinStore` a partition. An outcome is looked for where its own partition's predictions are.

    Parameters
    ----------
    path
        Gives the file of a partition; `:memory:` for none.
    expire
        Seconds that a decision waits.
    capacity
        Ids of all partitions together.
    """

    def __init__(self, path: Callable[[int], str], *, expire: float, capacity: int = _MOST_IDS) -> None:
        self._path, self._expire, self._capacity = path, expire, capacity
        self._stores: dict[int, JoinStore] = {}

    @property
    def partitions(self) -> list[int]:
        """The partitions that are here."""
        return sorted(self._stores)

    @property
    def dropped(self) -> int:
        """Decisions that waited and early outcomes that full stores let go."""
        return sum(store.dropped.waiting + store.dropped.early for store in self._stores.values())

    def share(self, partitions: Iterable[int]) -> list[int]:
        """Have these partitions, and no others; returns the new ones, which know nothing yet."""
        wanted = set(partitions)
        for partition in set(self._stores) - wanted:
            self._stores.pop(partition).close()
        new = sorted(wanted - set(self._stores))
        for partition in new:
            self._stores[partition] = self._empty(partition, max(len(wanted), 1))
        return new

    def store(self, partition: int) -> JoinStore:
        """The store of a partition."""
        return self._stores[partition]

    def forget(self) -> None:
        """Have no partition at all: what comes next is told anew."""
        self.share(())

    def add(self, rows: Sequence[Pending], partitions: Sequence[int]) -> Added:
        """Let decisions wait, each in its partition; positions are those in `rows`."""
        duplicates: list[int] = []
        joined: list[Match] = []
        dropped: list[Pending] = []
        for partition in sorted(set(partitions)):
            places = [i for i, each in enumerate(partitions) if each == partition]
            added = self._stores[partition].add([rows[i] for i in places])
            duplicates += [places[i] for i in added.duplicates]
            joined += added.joined
            dropped += added.dropped
        return Added(sorted(duplicates), joined, dropped)

    def join(self, partition: int, outcomes: Sequence[tuple[str, str | None, float | None, float]]) -> Joined:
        """Give the decisions of a partition their outcomes."""
        return self._stores[partition].join(outcomes)

    def flag(self, partition: int, flags: Sequence[Flagging]) -> list[Flagging]:
        """Give flags the decisions of a partition."""
        return self._stores[partition].flag(flags)

    def overdue(self, before: float) -> list[tuple[int, Pending]]:
        """Decisions from before `before` whose outcome was asked for and has not come, with their partition."""
        return [(p, each) for p, store in sorted(self._stores.items()) for each in store.overdue(before)]

    def expire(self, now: float) -> Expired:
        """Forget what is too old at `now`."""
        gone = [store.expire(now) for _, store in sorted(self._stores.items())]
        asked = [each for one in gone for each in one.asked]
        early: list[Early] = [each for one in gone for each in one.early]
        return Expired(sum(one.unlabelled for one in gone), asked, early)

    def waiting(self) -> dict[int, list[int]]:
        """Labels asked for, not come and not overdue, by stake, a list a partition."""
        return {partition: list(store.waiting().by_stake) for partition, store in sorted(self._stores.items())}

    def begin(self) -> None:
        """From here on, all is kept by `commit` or undone by `rollback`."""
        for store in self._stores.values():
            store.begin()

    def commit(self) -> None:
        """Keep all since `begin`."""
        for store in self._stores.values():
            store.commit()

    def rollback(self) -> None:
        """Undo all since `begin`."""
        for store in self._stores.values():
            store.rollback()

    def close(self) -> None:
        """Close the files."""
        for store in self._stores.values():
            store.close()

    def _empty(self, partition: int, among: int) -> JoinStore:
        path = self._path(partition)
        if path != ":memory:":
            for end in ("", "-wal", "-shm"):
                Path(path + end).unlink(missing_ok=True)
        return JoinStore(path, capacity=max(self._capacity // among, 1), expire=self._expire)
