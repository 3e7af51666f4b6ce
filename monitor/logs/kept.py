"""What the in-memory log keeps of a partition, and how a poll is shared between partitions."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.logs.types import Chunk, Partition

__all__ = ["Records", "check_keys", "shares"]


class Records:
    """The kept records of one partition; the first of them has the offset `first`."""

    __slots__ = ("first", "times", "values")

    def __init__(self) -> None:
        self.first = 0
        self.values: list[bytes] = []
        self.times: list[float] = []

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return self.first + len(self.values)

    def append(self, values: Sequence[bytes], time: float) -> None:
        """Add to the end."""
        self.values.extend(values)
        self.times.extend([time] * len(values))

    def read(self, where: Partition, offset: int, max_records: int) -> Chunk:
        """Up to `max_records` from `offset` on, or from the first kept one."""
        start = max(offset - self.first, 0)
        values = self.values[start : start + max_records]
        begin = self.first + start
        return Chunk(*where, range(begin, begin + len(values)), values, self.times[start : start + max_records])

    def trim(self, before: int) -> None:
        """Forget what has an offset below `before`."""
        gone = min(max(before - self.first, 0), len(self.values))
        del self.values[:gone]
        del self.times[:gone]
        self.first += gone


def check_keys(values: Sequence[bytes], keys: Sequence[bytes | None] | None) -> None:
    """Raise ValueError unless there is a key for each value, or none at all."""
    if keys is not None and len(keys) != len(values):
        raise ValueError(f"{len(keys)} keys for {len(values)} values; give one each")


def shares(waiting: Sequence[int], budget: int, turn: int) -> list[int]:
    """Split `budget` among partitions with more waiting than that: equally, what one cannot use going to others.

    `turn` moves who is first, so that partitions beyond a small budget have theirs later.
    """
    taken = [0] * len(waiting)
    order = [(turn + i) % len(waiting) for i in range(len(waiting))]
    while budget:
        hungry = [i for i in order if taken[i] < waiting[i]]
        each = max(budget // len(hungry), 1)
        for i in hungry[:budget]:
            take = min(each, waiting[i] - taken[i])
            taken[i] += take
            budget -= take
    return taken
