"""Where events come from and decisions go to: topics of partitions, read and written in transactions."""

from __future__ import annotations

from monitor.logs.memory import MemoryBroker, MemoryLog
from monitor.logs.types import Behind, Chunk, Fenced, Log, LogLost, Partition, Superseded, Writer

__all__ = [
    "Behind",
    "Chunk",
    "Fenced",
    "Log",
    "LogLost",
    "MemoryBroker",
    "MemoryLog",
    "Partition",
    "Superseded",
    "Writer",
]
