"""What the groups of a version are told, and what a batch brought for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detectors.harm import HarmAlarm
from fallback.records import BreakerRecord
from monitor.judging.group_breakers import GroupStep

__all__ = ["GroupsJudged", "Situation"]


@dataclass(frozen=True, slots=True)
class Situation:
    """What the groups are told of their version: its λ, its breaker, labels outstanding, and the usual delay."""

    threshold: float
    breaker: BreakerRecord
    outstanding: float
    waiting: float
    label_delay: float


@dataclass(frozen=True, slots=True)
class GroupsJudged:
    """What a batch brought for single groups: alarms and steps, by the group's place.

    `open_share` and `apart_share` are the shares of traffic in groups that are open, and in all that are not closed.
    """

    alarms: tuple[tuple[int, HarmAlarm], ...] = ()
    steps: tuple[GroupStep, ...] = ()
    open_share: float = math.nan
    apart_share: float = 0.0
