"""What a version's judge says of a batch, and what its views showed in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from detectors.evidence import Alarm, EvidenceReading
from detectors.harm import HarmReading
from detectors.selective import SelectiveReading
from fallback.records import Transition
from fallback.types import Verdict
from monitor.judging.group_types import GroupsJudged

__all__ = ["Judged", "Seen", "clocks_of"]

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What a batch brought for a version: alarms, an epoch, transitions, where the evidence is, and second opinions."""

    alarms: tuple[Alarm, ...]
    harm: HarmReading
    selective: SelectiveReading
    transitions: tuple[Transition, ...]
    verdict: Verdict
    top: float
    opinions: tuple[tuple[str, str], ...] = ()
    groups: GroupsJudged = field(default_factory=GroupsJudged)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the views showed in a batch."""

    top: float
    was_open: bool
    is_open: bool
    alarms: tuple[Alarm, ...]

    @classmethod
    def of(cls, reading: EvidenceReading, batch: int, *, was_open: bool) -> Seen:
        """Of one batch of a call."""
        alarms = tuple(alarm for alarm in reading.alarms if alarm.batch == batch)
        return cls(float(reading.top[batch]), was_open, bool(reading.is_open[batch]), alarms)


def clocks_of(n: Sequence[int], times: Sequence[float], last: float, *, in_days: bool) -> list[float]:
    """What the promise counts for each batch: its events, `n`, or the days since the batch before.

    `last` is the time of the batch before these; NaN if there was none.

    Examples
    --------
    >>> clocks_of([100, 50], [86400.0, 172800.0], math.nan, in_days=True)
    [0.0, 1.0]
    """
    if not in_days or not n:
        return [float(each) for each in n]
    before = [times[0] if math.isnan(last) else last, *times[:-1]]
    return [(now - then) / _DAY for now, then in zip(times, before, strict=True)]
