"""Single things that the page shows: an alarm, a step, a decision, the queue."""

from __future__ import annotations

import msgspec

__all__ = [
    "AlarmNote",
    "Answerer",
    "CanaryNote",
    "Decision",
    "KillNote",
    "PageNote",
    "PatchNote",
    "Picture",
    "QueueNote",
    "Reason",
    "Step",
]


class Reason(msgspec.Struct, frozen=True):
    """How many of the last requests were routed for one reason."""

    route: str
    reason: str
    n: int


class Answerer(msgspec.Struct, frozen=True):
    """How many of the last requests somebody answered; without a name while people were asked."""

    route: str
    name: str
    n: int


class QueueNote(msgspec.Struct, frozen=True):
    """The queue of people at this replica; ages in seconds, counts since the process began."""

    depth: int
    limit: int
    oldest: float
    longest: float | None
    budget: float | None
    per_hour: float | None
    offered: int
    answered: int
    shed: int
    expired: int


class Decision(msgspec.Struct, frozen=True):
    """One of the last decisions."""

    id: str
    time: float
    route: str
    reason: str
    answer: str | None
    confidence: float | None
    threshold: float | None
    guarantee: str


class AlarmNote(msgspec.Struct, frozen=True):
    """What moved, in words, with its histogram before and now."""

    time: float
    event: int
    level: str
    view: str
    log10_evidence: float
    why: str
    version: str
    bins: list[str]
    before: list[float]
    now: list[float]
    since: float | None = None
    """When the change most likely came."""
    moved: int = 0
    """How many views stand out with this one."""
    segment: str = ""
    examples: list[str] = []
    """Ids of a few events that fell into the bins that gained."""


class Step(msgspec.Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """A transition of the breaker."""

    time: float
    event: int
    version: str
    before: str
    after: str
    reason: str
    segment: str = ""
    """The group whose breaker it is; empty for the version's."""


class PageNote(msgspec.Struct, frozen=True):
    """A page that went out or could not be sent."""

    time: float
    summary: str
    sent: bool


class CanaryNote(msgspec.Struct, frozen=True):
    """What is known of a candidate beside its baseline."""

    time: float
    candidate: str
    baseline: str
    verdict: str
    why: str
    compared: int


class PatchNote(msgspec.Struct, frozen=True):
    """The last episode that had paged and is over: how long it took from its first flag or page, and what ended it."""

    time: float
    version: str
    seconds: float
    first: str
    how: str


class KillNote(msgspec.Struct, frozen=True):
    """The kill switch is on: who turned it on, why, and since when."""

    actor: str
    reason: str
    since: float


class Picture(msgspec.Struct, frozen=True):
    """One request of the demo: image (rows of grey values, 0 to 16), answer, truth."""

    id: str
    image: list[list[int]]
    answered_by: str
    answer: str | None
    truth: str | None
    right: bool | None
    angle: float
