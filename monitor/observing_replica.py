"""What a replica tells of itself, whenever it changes or about once a second; import it from `monitor.observing`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Broker", "KillState", "Lag", "LedgerState", "Queue", "Role"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far this replica is behind the log, over its partitions of predictions and outcomes."""

    records: int
    """Records that lie in the log and are not committed yet."""
    seconds: float = 0.0
    """Age of the oldest of them; 0 if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How many requests wait for a person, and how many may."""

    depth: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Whether the broker answers."""

    connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Whether this replica is the judge now."""

    judge: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """Whether the ledger that was read is whole: every record carries the hash of the one before."""

    broken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KillState:
    """Whether this replica's kill switch is on; who turned it on, why, and since when in epoch seconds."""

    on: bool
    actor: str = ""
    reason: str = ""
    since: float = 0.0
