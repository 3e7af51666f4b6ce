"""What a log is to the loop: batches of raw records in, and out in one transaction with the offsets consumed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from monitor.errors import RunError

__all__ = ["Behind", "Chunk", "Fenced", "Log", "LogLost", "Partition", "Superseded", "Writer"]

Partition = tuple[str, int]
"""A topic and the number of one of its partitions."""


class Fenced(RunError):
    """The group went on without this member: what it polled since its last commit is no longer its own.

    Nothing of it was written. Whoever catches this drops what it has in hand and polls again, or ends.
    """


class LogLost(RunError):
    """The broker is out of reach, or this member's producer is of no use any more.

    What is not committed is not written. Whoever catches this closes the log, waits, and joins again.
    """


class Superseded(RunError):
    """Another process uses this one's transactional id: one of them has to go, and the broker says that it is us."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one partition that follow each other; `offsets`, `values` and `times` are equally long.

    Offsets rise strictly, but may have gaps: a broker's own markers take some. `times` are the records' times in
    seconds since 1970. `kinds` are content types, None for all where no record names one.
    """

    topic: str
    partition: int
    offsets: Sequence[int]
    values: list[bytes]
    times: list[float]
    kinds: Sequence[str | None] | None = None


@dataclass(frozen=True, slots=True)
class Behind:
    """How far a member is behind the ends of its partitions: records, and seconds since the last one that it read."""

    records: int
    seconds: float


class Writer(Protocol):
    """Takes what a transaction writes."""

    def append(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None = None,
        partition: int = 0,
        time: float | None = None,
    ) -> None:
        """Add `values`, in their order, to the end of a partition; `time` is that of all, by default the clock's."""


class Log(Protocol):
    """A member of a consumer group that reads its share of the topics, and writes in transactions."""

    @property
    def generation(self) -> int:
        """Rises whenever the group shares its partitions out anew; the assignment of another one is another state."""

    def poll(self, max_records: int, timeout: float = 0.0) -> list[Chunk]:
        """At most `max_records` new records, a chunk a partition, in the order of the subscribed topics.

        Waits up to `timeout` seconds for the first record, and takes up a new assignment. No partition can starve
        another. Raises Fenced if the group was shared out anew while records that were polled are not committed.
        """

    def transaction(self) -> AbstractContextManager[Writer]:
        """Write records, and commit the positions of all that was polled, at once or not at all.

        An exception inside leaves nothing written, and the next poll starts again at what was committed. Raises Fenced
        at the end if the group went on without this member; then the same holds.
        """

    def assignment(self) -> frozenset[Partition]:
        """The partitions that this member polls, as of its last poll."""

    def read(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        """Up to `max_records` committed records from `offset` on, whoever owns them; empty only at the end.

        Begins at the first kept record if `offset` is no longer kept. Waits for transactions that are still open, so
        that what the group has committed can be read.
        """

    def tail(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        """As `read`, for one who follows a partition: what is at hand, without waiting for anything."""

    def end(self, topic: str, partition: int) -> int:
        """The offset behind the last record; that of an open transaction counts."""

    def since(self, topic: str, partition: int, time: float) -> int:
        """The offset of the first record that is not older than `time`; the end if there is none."""

    def committed(self, topic: str, partition: int) -> int:
        """The offset from which the group would continue; 0 before the first commit."""

    def behind(self) -> Behind:
        """How much of the assigned partitions has not been polled yet, as far as is known."""

    def close(self) -> None:
        """Leave the group; what is not committed goes to the other members."""
