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
    """How many requests wait for a person, and how many may; ages in seconds, counts since the process began."""

    depth: int
    limit: int
    oldest: float = 0.0
    """How long the oldest has waited; 0 if none does."""
    longest: float | None = None
    """How long one may wait before it expires; None if that is not known."""
    budget: float | None = None
    """How many more may enter now; None without a budget."""
    per_hour: float | None = None
    """By how many the budget grows in an hour."""
    offered: int = 0
    answered: int = 0
    shed: int = 0
    """Given to others for want of room or budget."""
    expired: int = 0


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
