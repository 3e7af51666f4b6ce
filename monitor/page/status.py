"""The live picture that the loop fills and the page shows: thread-safe, bounded, told once a batch."""

from __future__ import annotations

import math
import operator
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

import msgspec

from fallback.policy import Policy
from monitor.observing import (
    Alarm,
    Breakers,
    Compared,
    Counted,
    Decided,
    Evidence,
    Explained,
    Frame,
    Frames,
    Heard,
    KillState,
    Labelled,
    Observation,
    Paged,
    Patched,
    Queue,
    Role,
    Routed,
    Ruled,
    Segments,
    Transition,
)
from monitor.page import rates
from monitor.page.breakers import Gates
from monitor.page.lately import ROUTES, Lately
from monitor.page.picture import (
    CanaryNote,
    Counts,
    EvidenceSeries,
    KillNote,
    PageNote,
    PatchNote,
    QueueNote,
    RouteSeries,
    Status,
)
from monitor.page.series import Series
from monitor.page.shown import alarm, cut, decision, explained, most_telling, picture, queue_note, step
from monitor.page.words import describe

__all__ = ["ROUTES", "Board", "Status"]

_MAX_LETTERS: Final = 20
_COUNTED: Final = tuple(
    f for f in Counts.__struct_fields__ if f in Counted.__dataclass_fields__ and f != "dead_letters"
)
_RATE_SPAN: Final = 10.0
"""Seconds over which events per second are counted."""


class Board:
    """Observes batches and hands out a `Status` on request.

    Every text from outside is cut to 300 characters; escaping is the page's part. `ages=False` where the breaker's
    clock is event time, which is always fresh.
    """

    def __init__(
        self,
        *,
        model: str,
        max_error: float,
        confidence: float = 0.95,
        false_pages: str = "",
        clock: Callable[[], float] = time.time,
        ages: bool = True,
        policy: Policy | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._model, self._max_error, self._confidence, self._false_pages = model, max_error, confidence, false_pages
        self._clock, self._ages, self._started = clock, ages, clock()
        self._event, self._time = 0, -math.inf
        self._gates, self._lately = Gates(policy or Policy()), Lately()
        self._evidence, self._routes, self._labels = Series(max), Series(operator.add), Series(operator.add)
        self._totals = [0] * 6
        self._pace: deque[tuple[float, int]] = deque()
        self._decided: deque[Decided] = deque(maxlen=12)
        self._alarms: list[Alarm] = []
        self._steps: deque[Transition] = deque(maxlen=50)
        self._pages: deque[Paged] = deque(maxlen=10)
        self._frames: deque[Frame] = deque(maxlen=24)
        self._act = ""
        self._counts: Counter[str] = Counter()
        self._letters: Counter[str] = Counter()
        self._levels: Counter[str] = Counter()
        self._kill: KillNote | None = None
        self._canary: CanaryNote | None = None
        self._patched: PatchNote | None = None
        self._queue: QueueNote | None = None
        self._judging: bool | None = None
        self.operable = False
        """Whether an operator can change anything over HTTP."""

    def __call__(self, seen: Observation, /) -> None:
        """Take note of what happened in a batch."""
        with self._lock:
            self._note(seen)

    def _note(self, seen: Observation) -> None:
        match seen:
            case Routed():
                self._routed(seen)
            case Labelled():
                values = (*seen.accepted, *seen.answered, *seen.alone)
                self._labels.add(self._at(seen.time), self._event, values)
                self._totals = [a + b for a, b in zip(self._totals, values, strict=True)]
            case Counted():
                self._counted(seen)
            case Frames():
                self._frames.extend(seen.frames)
                self._act = seen.told or self._act
            case Heard():
                self._judged(seen.seen)
            case Queue() | Role() | KillState():
                self._own(seen)
            case _:
                self._judged(seen)

    def _own(self, seen: Queue | Role | KillState) -> None:
        """How this replica is."""
        match seen:
            case Queue():
                self._queue = queue_note(seen)
            case Role():
                self._judging = seen.judge
                if not seen.judge:
                    self._gates.retire()
            case KillState():
                self._kill = KillNote(cut(seen.actor), cut(seen.reason), seen.since) if seen.on else None

    def _judged(self, seen: Observation) -> None:
        match seen:
            case Evidence():
                self._evidence.add(self._at(seen.time), seen.event, (seen.warning, seen.harm, seen.level))
            case Ruled() | Segments() | Breakers():
                self._gates(seen)
            case Transition():
                self._steps.append(seen)
                self._gates(seen)
            case Alarm():
                others = [each for each in self._alarms if _place(each) != _place(seen)]
                self._alarms = most_telling([*others, seen])
                self._levels[seen.level] += 1
            case Paged():
                self._pages.append(seen)
                self._counts["pages" if seen.sent else "pages_failed"] += 1
            case Compared():
                texts = (cut(seen.candidate), cut(seen.baseline), seen.verdict, cut(seen.why))
                self._canary = CanaryNote(seen.time, *texts, seen.compared)
            case Patched():
                self._patched = PatchNote(seen.time, cut(seen.version), seen.seconds, seen.first, cut(seen.how))
            case Explained():
                self._alarms = explained(self._alarms, seen)
            case _:
                # how else the replica is shows in the metrics
                pass

    def _at(self, at: float) -> float:
        """Give the running maximum, as the judge's clock is: a late batch does not draw a line backwards."""
        self._time = max(self._time, at) if math.isfinite(at) else self._time
        return self._time

    def _routed(self, seen: Routed) -> None:
        at, n = self._at(seen.time), seen.events
        self._event += n
        by_route = Counter[str]()
        for (route, _), count in seen.decisions.items():
            by_route[route] += count
        self._routes.add(at, self._event, tuple(by_route[route] for route in ROUTES))
        self._decided.extend(seen.last)
        self._lately.add(seen)
        self._pace.append((self._clock(), n))
        self._forget()

    def _forget(self) -> None:
        while self._pace and self._pace[0][0] < self._clock() - _RATE_SPAN:
            self._pace.popleft()

    def _counted(self, seen: Counted) -> None:
        for name in _COUNTED:
            self._counts[name] += getattr(seen, name)
        for reason, n in seen.dead_letters.items():
            known = reason in self._letters or len(self._letters) < _MAX_LETTERS
            self._letters[cut(reason) if known else "other"] += n

    def status(self) -> Status:
        """All that is known now; a copy, which the next batch does not change."""
        with self._lock:
            status = self._status()
        tone, headline, detail = describe(status)
        return msgspec.structs.replace(status, tone=tone, headline=headline, detail=detail)

    def _status(self) -> Status:
        self._forget()
        now = self._clock()
        evidence, routes, labels = self._evidence.points(), self._routes.points(), self._labels.points()
        totals, (segments, left) = self._totals, self._gates.segments()
        accepted, answered, alone = rates.lately(labels)
        columns = [[int(p.values[k]) for p in routes] for k in range(len(ROUTES))]
        return Status(
            model=self._model,
            max_error=self._max_error,
            confidence=self._confidence,
            false_pages=self._false_pages,
            started=self._started,
            now=now,
            stream_time=self._time if math.isfinite(self._time) else None,
            tone="",
            headline="",
            detail="",
            events_per_second=sum(n for _, n in self._pace) / max(1.0, min(_RATE_SPAN, now - self._started)),
            versions=self._gates.versions(now, ages=self._ages),
            shares=self._lately.shares(),
            evidence=EvidenceSeries(
                [round(p.time, 2) for p in evidence],
                [p.event for p in evidence],
                *[[round(p.values[k], 3) for p in evidence] for k in range(3)],
            ),
            routes=RouteSeries([round(p.time, 2) for p in routes], *columns),
            errors=rates.error_series(labels),
            rolling_over=rates.ROLLING,
            accepted=rates.rate(totals[0], totals[1]),
            answered=rates.rate(totals[2], totals[3]),
            alone=rates.rate(totals[4], totals[5]),
            accepted_lately=accepted,
            answered_lately=answered,
            alone_lately=alone,
            reasons=self._lately.reasons(),
            decisions=[decision(d) for d in reversed(self._decided)],
            alarms=[alarm(a) for a in reversed(self._alarms)],
            steps=[step(s) for s in reversed(self._steps)],
            pages=[PageNote(p.time, cut(p.summary), p.sent) for p in reversed(self._pages)],
            counts=self._since_start(),
            demo=[picture(frame) for frame in self._frames],
            act=cut(self._act),
            operable=self.operable,
            kill=self._kill,
            canary=self._canary,
            patched=self._patched,
            segments=segments,
            segments_left=left,
            gaps=self._gates.gaps(),
            answerers=self._lately.answerers(),
            queue=self._queue,
            judging=self._judging,
        )

    def _since_start(self) -> Counts:
        return Counts(
            events=self._event,
            dead_letters=dict(self._letters),
            pages=self._counts["pages"],
            pages_failed=self._counts["pages_failed"],
            alarms=dict(self._levels),
            **{name: self._counts[name] for name in _COUNTED},
        )


def _place(seen: Alarm) -> tuple[str, str, str]:
    return seen.version, seen.segment, seen.view
