"""The ledger where it lies: its lines from a broker, whole or from near its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from monitor.logs import Chunk

__all__ = ["BASES", "Reads", "is_base", "lines_of", "numbered", "since_base"]

BASES = (b'"kind":"snapshot"', b'"kind":"start"')
_AT_ONCE = 1000
_FIRST_LOOK = 2000
_FARTHER = 8
_HEAD = 200
"""Bytes of a line within which its kind stands."""


class Reads(Protocol):
    """What is needed of a log, or of a reader."""

    def read(self, topic: str, partition: int, offset: int, max_records: int) -> Chunk:
        """Records from an offset on; empty only at the end."""
        ...

    def end(self, topic: str, partition: int) -> int:
        """The offset behind the last record."""
        ...


def numbered(reader: Reads, topic: str, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Each record of a topic's first partition with its offset, from `offset` on; up to the end as it is then."""
    while (chunk := reader.read(topic, 0, offset, _AT_ONCE)).values:
        yield from zip(chunk.offsets, chunk.values, strict=True)
        offset = chunk.offsets[-1] + 1


def lines_of(reader: Reads, topic: str, offset: int = 0) -> Iterator[bytes]:
    """Each line of the ledger."""
    return (line for _, line in numbered(reader, topic, offset))


def is_base(line: bytes) -> bool:
    """Whether a judge can begin from this line."""
    return any(kind in line[:_HEAD] for kind in BASES)


def since_base(reader: Reads, topic: str) -> list[bytes]:
    """The last line that a judge can begin from, and all after it; nothing of a ledger that is empty.

    The ledger is kept for ever, so it is looked for near the end, and then farther back.
    """
    end, back = reader.end(topic, 0), _FIRST_LOOK
    while True:
        start = max(0, end - back)
        found: list[bytes] = []
        for line in lines_of(reader, topic, start):
            if is_base(line):
                found = [line]
            elif found:
                found.append(line)
        if found or start == 0:
            return found
        back *= _FARTHER
