"""What the status page shows as data, the JSON of `/api/v1/status`. Series are columns, oldest first."""

from __future__ import annotations

import msgspec

from monitor.page.notes import (
    AlarmNote,
    Answerer,
    CanaryNote,
    Decision,
    KillNote,
    PageNote,
    PatchNote,
    Picture,
    QueueNote,
    Reason,
    Step,
)
from monitor.page.segments import Cause, GapNote, OverrideNote, SegmentNote

__all__ = [
    "AlarmNote",
    "Answerer",
    "CanaryNote",
    "Cause",
    "Counts",
    "Decision",
    "ErrorSeries",
    "EvidenceSeries",
    "KillNote",
    "OverrideNote",
    "PageNote",
    "PatchNote",
    "Picture",
    "QueueNote",
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
    would_have: str = ""
    """The state that would hold without an operator's order."""
    waits_for: str = ""
    """What would close it; empty if it is closed."""
    override: OverrideNote | None = None


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
    act: str = ""
    """What is happening in the demo, in words."""
    operable: bool = False
    """Whether an operator can change anything here."""
    kill: KillNote | None = None
    canary: CanaryNote | None = None
    patched: PatchNote | None = None
    segments: list[SegmentNote] = []
    """Groups, those first of which there is most to say; not all of very many."""
    segments_left: dict[str, dict[str, int]] = {}
    """By version, how many groups are in which state beside those listed."""
    gaps: list[GapNote] = []
    answerers: list[Answerer] = []
    queue: QueueNote | None = None
    judging: bool | None = None
    """Whether this replica is the judge; None as long as that is not known."""
