"""What a person on call wants to know of a breaker that left CLOSED."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Explained", "Patched", "Standing", "Trip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A breaker left CLOSED: what a person on call wants to know of it.

    `epoch` and `step`, the breaker's when it left, name it; times in epoch seconds.
    """

    version: str
    epoch: int
    step: int
    since: float
    state: str
    """What holds now: degraded, open, half_open, forced_open or forced_closed."""
    cause: str
    """What the breaker last tripped by, or got worse by: a word of `fallback.records.Cause`."""
    why: str
    """The same in a sentence, with its numbers."""
    moved: str = ""
    """Which view moved most, in words and numbers; empty as long as none did,"""
    examples: tuple[str, ...] = ()
    """and ids of a few events that fell into the bins that gained, once they were found."""
    harm: bool = False
    paged: bool = False
    """Somebody was to be told of it: the breaker said so."""
    ended_by: str = ""
    """By what it ended: a word of `fallback.records.Cause`."""
    ended: float | None = None
    """When it was over."""
    enforced: bool = True
    """Requests are diverted; in mode `observe` that is recorded alone."""
    segment: str = ""
    """The group, `name=value`, whose breaker it is; empty for the version's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The last trip of a version, open or over; None, it has not tripped yet.

    The judge tells it with every verdict, so that whoever hears it need not remember what came before.
    """

    version: str
    trip: Trip | None
    segment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Ids of a few events that fell into the bins that moved, found after the alarm of this view at this event."""

    time: float
    version: str
    view: str
    event: int
    ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """An episode that had paged is over: how long that took from its first flag or page on, and what ended it."""

    time: float
    version: str
    since: float
    first: str
    """What it began with: `flag` or `page`."""
    seconds: float
    how: str
    """`resolved`, `accepted`, `new profile`, `version ...`, `configuration`, or another word of `Cause`."""
    segment: str = ""
