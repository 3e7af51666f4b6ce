"""The queue of people: what they should look at first, how much of it they get, and what becomes of the rest.

A queue without bounds only moves the failure: nobody reads what is a day old. So depth, age and budget are bounded, the
least valuable items are shed, and whoever offers learns of it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from fallback.agreement import Counted

__all__ = [
    "OnExpiry",
    "ReviewItem",
    "ReviewKind",
    "ReviewPolicy",
    "ReviewQueue",
    "Settled",
    "TokenBucket",
]


class ReviewKind(StrEnum):
    """Why somebody should look. Audits and probes are measurements: leaving some out would bend what is measured."""

    HELD = "held"
    PROBE = "probe"
    AUDIT = "audit"


class OnExpiry(StrEnum):
    """What becomes of an item that nobody answered in time."""

    FALLBACK = "fallback"
    REFUSE = "refuse"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A request for a person. `priority`: greater is sooner (risk times value). Times are epoch seconds.

    `origin` is whatever whoever offers it wants back when it is settled.
    """

    decision_id: str
    request_id: str
    kind: ReviewKind
    priority: float
    offered_at: float
    payload: Mapping[str, object]
    origin: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of an item: what a person said, or what expiry made of it."""

    decision_id: str
    request_id: str
    at: float
    answer: str | float | None
    answered_by: str
    expired: OnExpiry | None = None
    origin: int = 0


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """Bounds of the queue. Times in seconds."""

    depth: int = 1000
    """Open items: two reviewers at 60 an hour need a day for them, and more would only grow old."""
    max_age: float = 4 * 3600.0
    """After half a shift the caller has long gone elsewhere."""
    rate: float = 120.0 / 3600.0
    """Items a second that may enter: what two reviewers get done."""
    burst: float = 120.0
    """An hour's work may come at once."""
    reserve: float = 0.2
    """Share of budget and depth that only audits and probes may use: without labels nothing is learnt, and nothing
    closes."""
    lease: float = 600.0
    """A reviewer who has gone to lunch gives an item back after ten minutes."""
    on_expiry: OnExpiry = OnExpiry.FALLBACK
    reviewers: int = 1
    """People who look at each item, one after the other; more than half of them have to say the same."""
    within: float = 0.0
    """Numbers that are no farther apart are the same answer."""
    remembered: int = 10_000
    """Settled items that are kept, so that an answer that is given twice counts once."""


class ReviewQueue(Protocol):
    """What the pipeline and the reviewers' page need of a queue, wherever it is kept."""

    def offer(self, items: Iterable[ReviewItem], now: float) -> tuple[list[ReviewItem], list[ReviewItem]]:
        """Offer items; returns those that are in the queue now, and those that were shed for want of room or budget.

        What was shed may have been in the queue since an earlier call.
        """
        ...

    def claim(self, reviewer: str, now: float, n: int = 1) -> list[ReviewItem]:
        """Take the most urgent items that nobody else holds, under a lease."""
        ...

    def answer(self, decision_id: str, reviewer: str, answer: str | float, now: float) -> Settled | Counted:
        """Answer an item; saying it again changes nothing, and gives what was settled, or that others are asked."""
        ...

    def expire(self, now: float) -> list[Settled]:
        """Settle what has grown too old."""
        ...

    def is_full(self, now: float) -> bool:
        """Whether an item that is no measurement would be shed now, or push out another."""
        ...

    def audit_room(self, now: float) -> int:
        """Count the audits that could be taken: none is shed, so their share is lowered before the draw."""
        ...


class TokenBucket:
    """A budget that fills by `rate` a second, up to `burst`; the last `reserve` is for the privileged.

    A clock that runs backwards fills nothing until it is where it was, but for no longer than an empty bucket takes to
    fill: one that once was a year ahead must not stop the budget for a year.

    Examples
    --------
    >>> bucket = TokenBucket(rate=1.0, burst=10.0, reserve=2.0)
    >>> bucket.left(0.0, privileged=False), bucket.left(0.0, privileged=True)
    (8.0, 10.0)
    """

    def __init__(self, rate: float, burst: float, reserve: float) -> None:
        self._rate, self._burst, self._reserve = rate, burst, reserve
        self._tokens = burst
        self._at: float | None = None

    def left(self, now: float, *, privileged: bool) -> float:
        """Count the tokens that the asker could take now."""
        at = now if self._at is None else self._at
        if self._rate > 0:
            at = min(at, now + self._burst / self._rate)
        passed, self._at = max(0.0, now - at), max(at, now)
        self._tokens = min(self._burst, self._tokens + passed * self._rate)
        return self._tokens - (0.0 if privileged else self._reserve)

    def take(self) -> None:
        """Take a token that is left."""
        self._tokens -= 1.0

    def state(self) -> tuple[float, float | None]:
        """Give what is in it, and as of when."""
        return self._tokens, self._at

    def restore(self, tokens: float, at: float | None) -> None:
        """Continue from `state`."""
        self._tokens, self._at = tokens, at
