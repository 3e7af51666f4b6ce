"""What the status page shows as data, the JSON of `/api/v1/status`. Series are columns, oldest first."""

from __future__ import annotations

import msgspec

from monitor.page.segments import GapNote, SegmentNote

__all__ = [
    "AlarmNote",
    "CanaryNote",
    "Counts",
    "Decision",
    "ErrorSeries",
    "EvidenceSeries",
    "KillNote",
    "PageNote",
    "PatchNote",
    "Picture",
    "Rate",
    "Reason",
    "RouteSeries",
    "Shares",
    "Status",
    "Step",
    "Version",
]


class Rate(msgspec.Struct, frozen=True):
    """Wrong answers among those whose truth is known, with the 95 % interval of Wilson."""

    n: int
    wrong: int
    rate: float | None
    low: float | None
    high: float | None


class Version(msgspec.Struct, frozen=True):
    """The last verdict on one version; times are epoch seconds, ages seconds."""

    version: str
    state: str
    health: str
    since: float | None
    age: float
    reason: str
    epoch: int
    threshold: float
    suspicion: float
    certified_from: float
    propensity: float
    ramp: float
    guarantee: str
    ledger_offset: int


class EvidenceSeries(msgspec.Struct, frozen=True):
    """Evidence over time, log10; a point is the greatest of its interval."""

    time: list[float]
    event: list[int]
    warning: list[float]
    harm: list[float]
    level: list[float]


class RouteSeries(msgspec.Struct, frozen=True):
    """Requests by route in each interval."""

    time: list[float]
    model: list[int]
    fallback: list[int]
    human: list[int]
    refuse: list[int]


class ErrorSeries(msgspec.Struct, frozen=True):
    """Error rates over the last known outcomes at each time; None where too few are known."""

    time: list[float]
    accepted: list[float | None]
    low: list[float | None]
    high: list[float | None]
    answered: list[float | None]
    alone: list[float | None]


class Shares(msgspec.Struct, frozen=True):
    """Who answered lately, as shares of `n` requests."""

    n: int = 0
    model: float = 0.0
    fallback: float = 0.0
    human: float = 0.0
    refuse: float = 0.0


class Reason(msgspec.Struct, frozen=True):
    """How many of the last requests were routed for one reason."""

    route: str
    reason: str
    n: int


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


class Step(msgspec.Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """A transition of the breaker."""

    time: float
    event: int
    version: str
    before: str
    after: str
    reason: str


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


class Counts(msgspec.Struct, frozen=True):
    """Totals since the process began."""

    events: int
    dead_letters: dict[str, int]
    joined: int
    unmatched: int
    expired: int
    duplicates: int
    skipped: int
    backwards: int
    features_missing: int
    features_new: int
    pages: int
    pages_failed: int
    alarms: dict[str, int]


class Status(msgspec.Struct, frozen=True):
    """All that the page shows, at one moment."""

    model: str
    max_error: float
    confidence: float
    false_pages: str
    started: float
    now: float
    stream_time: float | None
    tone: str
    headline: str
    detail: str
    events_per_second: float
    versions: list[Version]
    shares: Shares
    evidence: EvidenceSeries
    routes: RouteSeries
    errors: ErrorSeries
    rolling_over: int
    accepted: Rate
    answered: Rate
    alone: Rate
    accepted_lately: Rate
    answered_lately: Rate
    alone_lately: Rate
    reasons: list[Reason]
    decisions: list[Decision]
    alarms: list[AlarmNote]
    steps: list[Step]
    pages: list[PageNote]
    counts: Counts
    demo: list[Picture] = []
    operable: bool = False
    """Whether an operator can change anything here."""
    kill: KillNote | None = None
    canary: CanaryNote | None = None
    patched: PatchNote | None = None
    segments: list[SegmentNote] = []
    gaps: list[GapNote] = []
