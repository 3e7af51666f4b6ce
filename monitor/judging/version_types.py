"""What a version's judge says of a batch, and what its views showed in it."""

from __future__ import annotations

from dataclasses import dataclass

from detectors.evidence import Alarm, EvidenceReading
from detectors.harm import HarmReading
from detectors.selective import SelectiveReading
from fallback.records import Transition
from fallback.types import Verdict

__all__ = ["Judged", "Seen"]


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
