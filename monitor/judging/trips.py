"""What the person on call wants to know of a breaker that left CLOSED: since when, why, what moved, is it over."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, Final

import msgspec

from detectors.layout import Group
from fallback.records import Page, Transition
from fallback.types import BreakerState
from monitor.judging.explained import AlarmExamples
from monitor.judging.patches import Patches, patched
from monitor.observing import Alarm, Observer, Trip
from monitor.summaries import Examples, VersionCounts

__all__ = ["Trips"]

_MEMORY: Final = 3600.0
"""Seconds: a view that moved longer before a trip has been judged by then, and is no part of it."""
_TELLS: Final = {Group.SINGLE: 2.0, Group.JOINT: 1.0, Group.PAIR: 0.0}
"""A thousand pairs, and every projection, may move with the one feature that changed."""
_MOST_PAGED: Final = 3
"""Trips of single groups that are paged for at the same time."""
_MOST: Final = 300
"""Characters of a text."""


class Trips:
    """Follows alarms and transitions, in their order; the same for whoever judges the same summaries again."""

    def __init__(self, *, enforced: bool = True, window: float = 3600.0) -> None:
        self._enforced = enforced
        self._patches = Patches(window)
        self._examples = AlarmExamples()
        self._trips: dict[str, Trip] = {}
        self._moved: dict[str, _Moved] = {}

    def of(self, version: str, segment: str = "") -> Trip | None:
        """The last trip of a version, or of one of its groups, open or over."""
        return self._trips.get(_key(version, segment))

    def segments(self, version: str) -> list[str]:
        """The version's groups that have tripped."""
        return [trip.segment for trip in self._trips.values() if trip.version == version and trip.segment]

    def moved(self, alarm: Alarm, group: str = Group.SINGLE) -> None:
        """A view moved: the one whose histogram changed most is what is told, a feature before what is made of it."""
        version = alarm.version
        self._examples.alarmed(alarm)
        distance = _distance(alarm) + _TELLS[group]
        new = _Moved(alarm.time, distance, _cut(alarm.why), alarm.view, alarm.event)
        known, trip = self._moved.get(version), self._open(version)
        if known is None or known.distance < new.distance or (trip is None and known.time < new.time - _MEMORY):
            self._moved[version] = new
            if trip is not None:
                self._trips[version] = replace(trip, moved=new.why, examples=())

    def stepped(self, version: str, step: Transition, harms: Sequence[str], segment: str = "") -> Trip | None:
        """The breaker took a step; `harms` say which harm alarmed with it. Returns the trip.

        Once the version's trip is paged and open, or three of its groups', a further one of a group is told but pages
        nobody: whoever is awake sees it beside them.
        """
        before = self._open(version, segment)
        if before is None and step.live_to is BreakerState.CLOSED:
            return self.of(version, segment)
        trip = _stepped(before or self._begun(version, step, segment), step, harms)
        if segment and trip.paged and not (before is not None and before.paged) and self._flooded(version):
            trip = replace(trip, paged=False)
        self._trips[_key(version, segment)] = trip
        if trip.ended is not None and not segment:
            self._moved.pop(version, None)
        return trip

    def _flooded(self, version: str) -> bool:
        own = [trip for trip in self._trips.values() if trip.version == version and trip.segment]
        whole = self._open(version)
        return sum(trip.paged and trip.ended is None for trip in own) >= _MOST_PAGED or (
            whole is not None and whole.paged
        )

    def explain(
        self,
        said: Examples,
        profiles: Mapping[str, str],
        time: float,
        write: Callable[[str, dict[str, Any]], bytes],
        observe: Observer,
    ) -> list[bytes]:
        """Tell which events explain alarms; a line for the ledger, if there is anything new."""
        # bins of another profile are others: its replica is about to be restarted, or we are
        told = self._examples.take(said, time) if profiles.get(said.version) == said.profile else []
        for each in told:
            observe(each)
            moved, trip = self._moved.get(each.version), self._open(each.version)
            if moved is not None and (moved.view, moved.event) == (each.view, each.event):
                self._moved[each.version] = msgspec.structs.replace(moved, ids=tuple(each.ids))
                if trip is not None and trip.moved == moved.why:
                    self._trips[each.version] = replace(trip, examples=tuple(each.ids))
        alarms = [{"view": each.view, "event": each.event, "ids": list(each.ids)} for each in told]
        return [write("examples", {"version": said.version, "alarms": alarms})] if alarms else []

    def look(
        self,
        counts: Iterable[VersionCounts],
        time: float,
        write: Callable[[str, dict[str, Any]], bytes],
        observe: Observer,
    ) -> list[bytes]:
        """Tell of episodes that began or were over with a summary; lines for the ledger."""
        lines = []
        for kind, fields in self._patches.look(counts, time, self._trips):
            lines.append(write(kind, fields))
            if kind == "patched":
                observe(patched(fields, time))
        return lines

    def state(self) -> dict[str, Any]:
        """Plain values, for a snapshot."""
        told = {"trips": msgspec.to_builtins(self._trips), "moved": msgspec.to_builtins(self._moved)}
        return {**told, "patches": self._patches.state(), "examples": self._examples.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`; an empty one is that of a judge that has seen nothing."""
        self._trips = msgspec.convert(state.get("trips", {}), dict[str, Trip])
        self._moved = msgspec.convert(state.get("moved", {}), dict[str, _Moved])
        self._patches.restore(state.get("patches", {}))
        self._examples.restore(state.get("examples", {}))

    def _open(self, version: str, segment: str = "") -> Trip | None:
        trip = self.of(version, segment)
        return trip if trip is not None and trip.ended is None else None

    def _begun(self, version: str, step: Transition, segment: str) -> Trip:
        moved = self._moved.get(version)
        if moved is not None and step.time - moved.time > _MEMORY:
            del self._moved[version]
            moved = None
        return Trip(
            version=version,
            epoch=step.epoch,
            step=step.seq,
            since=step.time,
            state=step.to.value,
            cause=step.cause.value,
            why=_cut(step.reason),
            moved="" if moved is None else moved.why,
            examples=() if moved is None else moved.ids,
            enforced=self._enforced,
            segment=segment,
        )


def _key(version: str, segment: str) -> str:
    return f"{version}\n{segment}" if segment else version


def _stepped(trip: Trip, step: Transition, harms: Sequence[str]) -> Trip:
    over = step.live_to is BreakerState.CLOSED
    if step.page in (Page.PAGE, Page.WORSE):
        why = ". ".join([*harms[:1], step.reason])
        # what got worse without a new alarm of harm is no reason to forget the harm
        before = f". Before that: {trip.why}" if trip.harm and not harms else ""
        trip = replace(trip, paged=True, cause=step.cause.value, why=_cut(why + before))
    return replace(
        trip,
        state=step.to.value,
        harm=trip.harm or step.harm,
        ended=step.time if over else None,
        ended_by=step.cause.value if over else "",
    )


class _Moved(msgspec.Struct, frozen=True):
    time: float
    distance: float
    why: str
    view: str = ""
    event: int = -1
    ids: tuple[str, ...] = ()


def _distance(alarm: Alarm) -> float:
    """How far apart the histograms before and now are, by their cumulated shares: few events can't feign it."""
    pairs = zip(accumulate(alarm.before), accumulate(alarm.now), strict=False)
    apart = max((abs(before - now) for before, now in pairs), default=0.0)
    return apart if math.isfinite(apart) else 0.0


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"
