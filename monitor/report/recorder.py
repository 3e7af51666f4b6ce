"""What a report needs of a backtest: an observer that keeps it in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from monitor.observing import Alarm, Counted, Evidence, Explained, Observation, Paged, Routed, Ruled, Transition
from monitor.page.shown import explained
from monitor.report.timeline import Timeline
from monitor.results import Block

__all__ = ["ROUTES", "SUMS", "TOPS", "Recorder"]

ROUTES: Final = ("model", "fallback", "human", "refuse")
SUMS: Final = (
    *ROUTES,
    "accepted",
    "accepted_wrong",
    "answered",
    "answered_wrong",
    "alone",
    "alone_wrong",
    "known",
    "in",
)
"""Columns that the timeline adds up."""
TOPS: Final = ("warning", "harm", "time")
"""Columns of which it keeps the greatest."""
_MOST = 2000
_QUALITY: Final = (
    "joined",
    "unmatched",
    "expired",
    "duplicates",
    "skipped",
    "backwards",
    "features_missing",
    "features_new",
)


class Recorder:
    """Observes a backtest, and takes the blocks of its results."""

    def __init__(self) -> None:
        self.events = 0
        self.timeline = Timeline(len(SUMS), len(TOPS))
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.alarms: list[Alarm] = []
        self.levels: Counter[str] = Counter()
        self.steps: list[Transition] = []
        self.pages: list[tuple[int, Paged]] = []
        self.letters: Counter[str] = Counter()
        self.quality: Counter[str] = Counter()
        self.versions: dict[str, Ruled] = {}
        self.level, self.since_profile = math.nan, 0.0
        self.first_time, self.last_time = math.nan, math.nan

    def __call__(self, seen: Observation, /) -> None:
        """Take note of what happened."""
        match seen:
            case Routed():
                self.reasons.update(seen.decisions)
                self._at(seen.time)
            case Evidence():
                self.level, self.since_profile = seen.level, seen.since_profile
                self.timeline.add(self.events, tops=(seen.warning, seen.harm, -math.inf))
            case Alarm() if seen.level != "epoch":
                self.levels[seen.level] += 1
                if len(self.alarms) < _MOST:
                    self.alarms.append(seen)
            case Explained():
                self.alarms = explained(self.alarms, seen)
            case Transition() if len(self.steps) < _MOST:
                self.steps.append(seen)
            case Paged() if len(self.pages) < _MOST:
                self.pages.append((self.events, seen))
            case Counted():
                self.letters.update(seen.dead_letters)
                self.quality.update({name: getattr(seen, name) for name in _QUALITY})
            case Ruled():
                self.versions[seen.version] = seen
            case _:
                # the rest says how a replica is, and there is none
                pass

    def take(self, block: Block) -> None:
        """Add what became of some rows; they follow those before."""
        routes = tuple(float(block.routes[route]) for route in ROUTES)
        pairs = (*block.accepted, *block.answered, *block.alone, *block.covered)
        self.timeline.add(self.events, sums=(*routes, *pairs))
        self.events += block.rows

    def _at(self, time: float) -> None:
        if math.isfinite(time):
            self.first_time = time if math.isnan(self.first_time) else self.first_time
            self.last_time = time if math.isnan(self.last_time) else max(self.last_time, time)
            self.timeline.add(self.events, tops=(-math.inf, -math.inf, time))
