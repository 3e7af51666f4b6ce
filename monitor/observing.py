"""What the loop, the router and the judge tell about a batch, and who listens: the page, the metrics, the log."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fallback.types import Verdict
from monitor.observing_ledger import Breakers, Heard
from monitor.observing_replica import Broker, KillState, Lag, LedgerState, Queue, Role
from monitor.observing_segments import Segments, SegmentStanding
from monitor.observing_trips import Explained, Patched, Standing, Trip

__all__ = [
    "Alarm",
    "Breakers",
    "Broker",
    "Compared",
    "Counted",
    "Decided",
    "Everyone",
    "Evidence",
    "Explained",
    "Frame",
    "Frames",
    "Heard",
    "KillState",
    "Labelled",
    "Lag",
    "LedgerState",
    "Observation",
    "Observer",
    "Paged",
    "Patched",
    "Queue",
    "Role",
    "Routed",
    "Ruled",
    "SegmentStanding",
    "Segments",
    "Standing",
    "Transition",
    "Trip",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision, shown among the last ones; a batch hands over a few."""

    id: str
    time: float
    route: str
    reason: str
    answer: str | None = None
    confidence: float | None = None
    threshold: float | None = None
    guarantee: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """A batch was decided: how many requests took which route, and for which reason."""

    time: float
    decisions: Mapping[tuple[str, str], int]
    """(route, reason) -> requests."""
    version: str = ""
    last: Sequence[Decided] = ()
    seconds: float | None = None
    """How long the batch took from poll to commit."""
    answerers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(route, who answered) -> requests; nobody's name while a person is asked."""

    @property
    def events(self) -> int:
        """Requests in the batch."""
        return sum(self.decisions.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Outcomes that came with a batch: (labelled, wrong) for three kinds of answers."""

    time: float
    accepted: tuple[int, int] = (0, 0)
    """The model's answers that were let through."""
    answered: tuple[int, int] = (0, 0)
    """What callers got, whoever answered."""
    alone: tuple[int, int] = (0, 0)
    """Every answer of the model, held back or not: "always answering"."""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What else a batch brought; each number is of this batch alone."""

    dead_letters: Mapping[str, int] = field(default_factory=dict)
    joined: int = 0
    unmatched: int = 0
    expired: int = 0
    duplicates: int = 0
    skipped: int = 0
    """Events of other models."""
    backwards: int = 0
    """Events whose time lies before one already seen."""
    features_missing: int = 0
    features_new: int = 0
    segments_other: int = 0
    """Values of a segment that belong to no group of the profile."""
    ledger_records: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where the evidence stands after a batch, as log10 of weight x M over all views."""

    time: float
    event: int
    warning: float
    harm: float
    level: float
    """log10 of the level at which either alarms."""
    estimated_error: float = math.nan
    """Error of what passes, estimated from its confidence alone: what there is until labels come."""
    opinions: Sequence[tuple[str, str]] = ()
    """Detector and view of second opinions that alarmed: to compare with, nothing follows from them."""
    since_profile: float = 0.0
    """log10 of the evidence that anything has changed since the profile, without restarts: 2 is a chance of 1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """The judge's verdict on one version, and the guarantee that it gives to what passes under it."""

    version: str
    verdict: Verdict
    guarantee: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something moved: the view, in words, and its histogram before and now (shares of a whole, bin by bin)."""

    time: float
    event: int
    level: str
    """`warning`, `page`, or `epoch`."""
    view: str
    log10_evidence: float
    why: str
    version: str = ""
    bins: Sequence[str] = ()
    before: Sequence[float] = ()
    now: Sequence[float] = ()
    since: float | None = None
    """Epoch seconds: when the change most likely came."""
    moved: Sequence[str] = ()
    """All views that stand out with this one; of such lists a tenth of the names is wrong on average, at most."""
    examples: Sequence[str] = ()
    """Ids of a few events that fell into the bins that gained: told by `Explained`, a moment later."""
    segment: str = ""
    """The group, `name=value`, whose rate it is; empty for that of the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """The breaker of a version, or of one of its groups, took a step."""

    time: float
    event: int
    version: str
    before: str
    after: str
    reason: str
    segment: str = ""
    """The group, `name=value`, whose breaker it is; empty for the version's."""

    @property
    def words(self) -> str:
        """Why, and where if that is not everywhere."""
        return f"{self.segment}: {self.reason}" if self.segment else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What became known of a candidate beside its baseline."""

    time: float
    event: int
    baseline: str
    candidate: str
    verdict: str
    """undecided, safe or worse."""
    why: str
    compared: int
    """Labels of the candidate that were compared."""
    means: Mapping[str, Mapping[str, float | None]]
    """Of errors, doubt and what is held back: of the baseline and of the candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """A page went out, or could not be sent."""

    time: float
    summary: str
    sent: bool = True
    kind: str = "page"
    """`page`, `worse` or `resolve`; the judge tells of pages alone, the rest is in `Standing`."""
    receiver: str = ""
    """Who could not be reached."""
    trip: Trip | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One request of the demo: its image, who answered what, and the truth."""

    id: str
    image: Sequence[Sequence[int]]
    """Rows of grey values, 0 to 16."""
    answered_by: str
    """`model`, `fallback`, `human` or `refuse`."""
    answer: str | None
    truth: str | None
    angle: float = 0.0
    """Degrees by which the camera is turned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """New frames of the demo, oldest first, and what is happening in it."""

    frames: Sequence[Frame] = ()
    told: str = ""
    """The act that begins; empty, the one before goes on."""


# the last six say how the replica itself is: told when that changes, or about once a second
Observation = (
    Routed
    | Labelled
    | Counted
    | Evidence
    | Ruled
    | Alarm
    | Transition
    | Compared
    | Paged
    | Patched
    | Explained
    | Frames
    | Standing
    | Segments
    | Breakers
    | Heard
    | Lag
    | Queue
    | Broker
    | Role
    | LedgerState
    | KillState
)


class Observer(Protocol):
    """Is told, in one call, of one thing that happened; never once per event."""

    def __call__(self, seen: Observation, /) -> None:
        """Take note of `seen`."""
        ...


class Everyone:
    """Tells several observers, in order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def __call__(self, seen: Observation, /) -> None:
        """Tell each of them."""
        for observer in self._observers:
            observer(seen)
