"""Delays, false alarms and cost of the production detectors, on one stream after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from detectors.evidence import Evidence

from .changes import Change, Stream
from .side_by_side import fitted

__all__ = ["Found", "watch"]

_BATCHES_AT_ONCE = 10


@dataclass
class Found:
    """What came of some streams: of us, or of a peer.

    Attributes
    ----------
    delays
        Events from the change to the first alarm after it; what was missed counts as all that there were.
    missed, runs
        Streams whose change was not seen, and streams.
    false
        Alarms without a change before them.
    healthy
        Events without a change.
    events, seconds
        Events taken in, and CPU seconds of that.
    """

    delays: list[float] = field(default_factory=list)
    missed: int = 0
    runs: int = 0
    false: int = 0
    healthy: float = 0.0
    events: int = 0
    seconds: float = 0.0

    @property
    def delay(self) -> float:
        """Mean delay."""
        return float(np.mean(self.delays)) if self.delays else float("nan")

    @property
    def noise(self) -> float:
        """Standard error of the mean delay."""
        return float(np.std(self.delays) / np.sqrt(len(self.delays))) if self.delays else float("nan")

    @property
    def microseconds(self) -> float:
        """CPU of an event."""
        return self.seconds / self.events * 1e6 if self.events else float("nan")

    def note(self, alarms: list[int], begins: int, events: int) -> None:
        """Note where a stream alarmed, the first event is 0, and how many it has."""
        self.runs += 1
        before = [each for each in alarms if each < begins]
        self.false += len(before)
        self.healthy += min(begins, events)
        if begins < events:
            after = next((each for each in alarms if each >= begins), None)
            self.missed += after is None
            self.delays.append((events if after is None else after + 1) - begins)


def watch(change: Change, stream: Stream, batch: int, level: float, found: Found) -> None:
    """Fit on the reference, then count and judge until the first alarm that is not a false one."""
    profile = fitted(change.as_rows(stream.reference))
    evidence = Evidence(profile.views.layout(), profile.counts, float(np.log(level)))
    starts = np.arange(0, _BATCHES_AT_ONCE + 1) * batch
    alarms: list[int] = []
    events, at = stream.events.shape[1], 0
    healthy = stream.begins >= events
    while at < events and not any(healthy or each >= stream.begins for each in alarms):
        rows = change.as_rows(stream.events[:, at : at + starts[-1]])
        edges = np.unique(np.minimum(starts, len(rows)))
        clock, moments = np.diff(edges).astype(float), at + edges[1:].astype(float)
        began = time.process_time()
        reading = evidence.update(profile.views.count(rows, edges), clock, moments)
        if not reading.alarms:  # naming what moved is work of its own, done once a change
            found.seconds += time.process_time() - began
            found.events += len(rows)
        alarms += [at + int(edges[alarm.batch + 1]) - 1 for alarm in reading.alarms]
        at += len(rows)
    if healthy:
        found.runs, found.false = found.runs + 1, found.false + bool(alarms)
        found.healthy += alarms[0] + 1 if alarms else events
        return
    # an alarm before the change leaves the view in an episode: such a stream tells nothing of the delay
    if any(each < stream.begins for each in alarms):
        found.runs, found.false, found.healthy = found.runs + 1, found.false + 1, found.healthy + stream.begins
    else:
        found.note(alarms, stream.begins, events)
