"""The vocabulary of routing: states, reasons, routes, guarantees, and the verdict that a router obeys."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Self

import msgspec

__all__ = [
    "BLIND_AFTER",
    "REASONS",
    "STALE_AFTER",
    "BarGuarantee",
    "BreakerState",
    "GroupRuling",
    "Guarantee",
    "Health",
    "Known",
    "Mode",
    "Reason",
    "Route",
    "Verdict",
    "WhenBlind",
    "health_of",
    "reason_code",
]

STALE_AFTER = 30.0
"""Seconds: six heartbeats of 5 s missed; a rebalance of the group is over sooner."""
BLIND_AFTER = 120.0
"""Seconds: a new judge has had the time to take over and catch up; who has heard nothing by now knows nothing."""


class BreakerState(StrEnum):
    """May the model answer? The last two are an operator's word."""

    CLOSED = "closed"
    DEGRADED = "degraded"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"


class Health(StrEnum):
    """How old the last verdict is; BLIND is never shown as closed."""

    FRESH = "fresh"
    STALE = "stale"
    BLIND = "blind"


class Mode(StrEnum):
    """OBSERVE decides and records, but never diverts."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class WhenBlind(StrEnum):
    """What a router does when BLIND: the last verdict, nothing passes, the bar is raised, or the model answers all."""

    STATIC = "static"
    OPEN = "open"
    DEGRADED = "degraded"
    CLOSED = "closed"


class Known(StrEnum):
    """Whose outcome comes: that of every request, or of those that were held back or audited."""

    ALL = "all"
    ASKED = "asked"


class BarGuarantee(StrEnum):
    """Which bar is served: the tracking threshold, or the larger of it and the certified one."""

    TRACKING = "tracking"
    CERTIFIED = "certified"


class Route(StrEnum):
    """Who answers a request."""

    MODEL = "model"
    FALLBACK = "fallback"
    HUMAN = "human"
    REFUSE = "refuse"


class Guarantee(StrEnum):
    """What holds for this answer; `none` for all that the model did not give, for the promise is about its answers."""

    CERTIFIED = "certified"
    TRACKING = "tracking"
    NONE = "none"


class Reason(StrEnum):
    """Why a request went where it went: the decision's reason, the metric's label and the log's field in one.

    The order is the code in arrays of reasons (`REASONS`), and 0 means that nothing speaks against the model's answer.
    """

    CONFIDENT = "confident"
    FORCED = "forced"
    PROBE = "probe"
    OBSERVED = "observed"
    BLIND_CLOSED = "blind_closed"
    UNKNOWN = "unknown"
    LOW_CONFIDENCE = "low_confidence"
    SUSPICION = "suspicion"
    UNCERTIFIED = "uncertified"
    BREAKER_OPEN = "breaker_open"
    BREAKER_HALF_OPEN = "breaker_half_open"
    FORCED_OPEN = "forced_open"
    RAMP = "ramp"
    BLIND = "blind"
    KILL_SWITCH = "kill_switch"
    NO_CONFIDENCE = "no_confidence"
    INFINITE_SET = "infinite_set"
    NO_PROFILE = "no_profile"
    NO_OUTPUT = "no_output"
    INVALID_OUTPUT = "invalid_output"
    INVALID_FEATURES = "invalid_features"
    MISSING_FEATURE = "missing_feature"
    UNKNOWN_FEATURE = "unknown_feature"
    NOVEL = "novel"
    QUEUE_FULL = "queue_full"
    DEADLINE = "deadline"
    ANSWERER_FAILED = "answerer_failed"
    CHAIN_EXHAUSTED = "chain_exhausted"


REASONS: tuple[Reason, ...] = tuple(Reason)
"""Reasons by code."""

_CODES = {reason: code for code, reason in enumerate(REASONS)}


def reason_code(reason: Reason) -> int:
    """Give the place of a reason in `REASONS`, which is how arrays hold it."""
    return _CODES[reason]


def health_of(age: float) -> Health:
    """Give the health for the age of the last verdict in seconds; NaN, no verdict yet, is BLIND."""
    if math.isnan(age) or age >= BLIND_AFTER:
        return Health.BLIND
    return Health.STALE if age >= STALE_AFTER else Health.FRESH


@dataclass(frozen=True, slots=True)
class GroupRuling:
    """What holds for one group of a version's requests, as far as it is not what holds for the version.

    Attributes
    ----------
    group
        `name=value` of the segment.
    offset
        What is added to the version's threshold.
    set_threshold
        The largest score that still belongs to the set; None is the version's.
    state
        The state of the group's own breaker, under the version's.
    epoch
        Counts the changes for the worse in this group.
    ramp
        The share of requests that may pass while its breaker is closing again.
    """

    group: str
    offset: float = 0.0
    set_threshold: float | None = None
    state: BreakerState = BreakerState.CLOSED
    epoch: int = 0
    ramp: float = 1.0

    def to_wire(self) -> list[object]:
        """Its fields in their order, without the last ones that say nothing."""
        sets = None if self.set_threshold is None else [_to_wire(self.set_threshold)]
        values = [self.group, self.offset, sets, self.state.value, self.epoch, self.ramp]
        silent = [self.group, 0.0, None, BreakerState.CLOSED.value, 0, 1.0]
        last = max(i for i, (value, none) in enumerate(zip(values, silent, strict=True)) if i == 0 or value != none)
        return values[: last + 1]

    @classmethod
    def from_wire(cls, values: list[object]) -> GroupRuling:
        """Read it back."""
        names = ("group", "offset", "set_threshold", "state", "epoch", "ramp")
        read = dict(zip(names, values, strict=False))
        sets = read.get("set_threshold")
        if isinstance(sets, list):
            read["set_threshold"] = _from_wire("set_threshold", sets[0])
        return msgspec.convert(read, cls)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The current ruling on a key (model, version, segment), as a router obeys it.

    Attributes
    ----------
    state
        The breaker's state.
    epoch
        Counts the changes for the worse; labels belong to the epoch of their decision.
    threshold
        The rank λ from which the model may answer; above 1 nothing passes.
    certified_from
        The rank from which answers are certified; above 1 none are.
    suspicion
        By how much evidence without labels raises the bar.
    propensity
        π, the share of accepted answers that is audited.
    set_threshold
        The largest score that still belongs to the set; infinity holds all requests back.
    usual_delay
        Seconds until a label usually comes; NaN if none came yet.
    time
        Epoch seconds of the ledger record.
    ledger_offset
        The ledger record that it came with.
    ramp
        The share of requests that may pass while a breaker is closing again.
    intercept, slope
        Log-odds that an answer is right, by the normal score of its rank (online Platt scaling); NaN until enough is
        known.
    groups
        What differs for groups of requests, at most as many as the profile has groups.
    """

    state: BreakerState
    epoch: int
    threshold: float
    certified_from: float
    suspicion: float
    propensity: float
    set_threshold: float
    usual_delay: float
    time: float
    ledger_offset: int
    ramp: float = 1.0
    intercept: float = math.nan
    slope: float = math.nan
    groups: tuple[GroupRuling, ...] = ()

    def to_builtins(self) -> dict[str, object]:
        """Turn it into what JSON can hold: infinity and NaN become null; no groups are left out."""
        values = {each.name: _to_wire(getattr(self, each.name)) for each in fields(self) if each.name != "groups"}
        groups = {"groups": [each.to_wire() for each in self.groups]} if self.groups else {}
        return values | {"state": self.state.value} | groups

    @classmethod
    def from_builtins(cls, values: dict[str, object]) -> Self:
        """Read it back; null is infinity, but NaN for what may be unknown."""
        read = {name: _from_wire(name, value) for name, value in values.items() if name != "groups"}
        groups: list[list[object]] = msgspec.convert(values.get("groups", []), list[list[object]])
        return replace(msgspec.convert(read, cls), groups=tuple(GroupRuling.from_wire(each) for each in groups))


_UNKNOWN = frozenset({"usual_delay", "intercept", "slope"})


def _to_wire(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return -sys.float_info.max if value < 0 else None
    return value


def _from_wire(name: str, value: object) -> object:
    if value is None:
        return math.nan if name in _UNKNOWN else math.inf
    # minus infinity (an empty set) has no null of its own: the least double compares alike
    return -math.inf if value == -sys.float_info.max else value
