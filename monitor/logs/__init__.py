"""Where events come from and decisions go to: topics of partitions, read and written in transactions."""

from __future__ import annotations

from monitor.logs.memory import MemoryBroker, MemoryLog
from monitor.logs.types import Chunk, Fenced, Log, Partition, Writer

__all__ = ["Chunk", "Fenced", "Log", "MemoryBroker", "MemoryLog", "Partition", "Writer"]
