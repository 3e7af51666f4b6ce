"""Time to patch: from the first flag or page of an episode to whatever ended it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from monitor.observing import Patched, Trip
from monitor.summaries import VersionCounts

__all__ = ["Patches", "patched", "unpatched"]

_QUIET = 600.0
"""Seconds without a request after which a version has been replaced, if one that came after the page has requests."""
_PARTS = 60
_RECORDS = (b'"kind":"episode"', b'"kind":"patched"')
_HOW = {"recovered": "resolved"}


class _Open(msgspec.Struct, frozen=True):
    version: str
    segment: str
    since: float
    first: str


class Patches:
    """Follows trips that paged; the same for whoever judges the same summaries again.

    An episode begins with the first flag of its version within `window` seconds before the page, or with the page. It
    ends when its breaker closes (resolved, accepted, by a new profile), or with the version's last request once another
    version that came after the page has taken over.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._flags: dict[str, list[float]] = {}
        self._traffic: dict[str, list[float]] = {}
        self._open: dict[str, _Open] = {}
        self._done: dict[str, list[int]] = {}

    def look(
        self, counts: Iterable[VersionCounts], time: float, trips: Mapping[str, Trip]
    ) -> list[tuple[str, dict[str, Any]]]:
        """Take in what a summary counted, and how trips stand after it; records for the ledger, each with its kind."""
        for each in counts:
            self._saw(each, time)
        told = []
        for key, trip in trips.items():
            name = [trip.epoch, trip.step]
            if trip.paged and key not in self._open and self._done.get(key) != name:
                self._open[key], self._done[key] = self._begun(trip, time), name
                told.append(("episode", msgspec.to_builtins(self._open[key])))
            if key in self._open and (end := self._end(self._open[key], trip, time)) is not None:
                told.append(("patched", _patched(self._open.pop(key), *end)))
        return told

    def state(self) -> dict[str, Any]:
        """Plain values, for a snapshot."""
        return {
            "flags": self._flags,
            "traffic": self._traffic,
            "open": msgspec.to_builtins(self._open),
            "done": self._done,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`; an empty one is that of a judge that has seen nothing."""
        self._flags = {version: list(times) for version, times in state.get("flags", {}).items()}
        self._traffic = {version: list(times) for version, times in state.get("traffic", {}).items()}
        self._open = msgspec.convert(state.get("open", {}), dict[str, _Open])
        self._done = {key: list(name) for key, name in state.get("done", {}).items()}

    def _saw(self, counts: VersionCounts, time: float) -> None:
        if counts.n:
            self._traffic.setdefault(counts.version, [time, time])[1] = time
        if counts.flaggers:
            # the first of each sixtieth of the window: no more is needed to know the first in it
            known = [at for at in self._flags.get(counts.version, ()) if time - at <= self._window]
            if not known or time - known[-1] >= self._window / _PARTS:
                known.append(time)
            self._flags[counts.version] = known

    def _begun(self, trip: Trip, time: float) -> _Open:
        flags = [at for at in self._flags.get(trip.version, ()) if time - at <= self._window]
        return _Open(trip.version, trip.segment, min([*flags, time]), "flag" if flags else "page")

    def _end(self, episode: _Open, trip: Trip, time: float) -> tuple[float, str] | None:
        """When it ended, and by what."""
        if trip.ended is not None:
            return trip.ended, _HOW.get(trip.ended_by, trip.ended_by.replace("_", " "))
        began, last = self._traffic.get(episode.version, [time, time])
        if time - last < _QUIET:
            return None
        new = [v for v, (first, now) in self._traffic.items() if first > max(episode.since, began) and now > last]
        return (last, f"version {new[0]}") if new else None


def patched(fields: Mapping[str, Any], time: float) -> Patched:
    """What those who watch are told of a record."""
    return Patched(
        time=time,
        version=fields["version"],
        segment=fields["segment"],
        since=fields["since"],
        first=fields["first"],
        seconds=fields["seconds"],
        how=fields["how"],
    )


def unpatched(
    base: Mapping[str, Any] | None, rest: Sequence[bytes], digests: Mapping[str, str], time: float
) -> list[dict[str, Any]]:
    """Episodes that were open when a judge with other profiles or rules begins, each ended by what is other now.

    `base` and `rest` are the last record that a judge could begin from, and the records after it.
    """
    if base is None:
        return []
    known = msgspec.convert(base.get("trips", {}).get("patches", {}).get("open", {}), dict[str, _Open])
    episodes = {(each.version, each.segment): each for each in known.values()}
    for line in rest:
        if any(kind in line[:200] for kind in _RECORDS):
            record = msgspec.json.decode(line)
            key = (record["version"], record["segment"])
            if record["kind"] == "episode":
                episodes[key] = msgspec.convert(record, _Open)
            else:
                episodes.pop(key, None)
    before = base["profiles"]
    return [
        _patched(each, time, "configuration" if digests.get(version) == before.get(version) else _new(version, digests))
        for (version, _), each in episodes.items()
    ]


def _new(version: str, digests: Mapping[str, str]) -> str:
    return "new profile" if version in digests else f"version {', '.join(digests) or 'removed'}"


def _patched(episode: _Open, time: float, how: str) -> dict[str, Any]:
    seconds = round(max(time - episode.since, 0.0), 3)
    return {**msgspec.to_builtins(episode), "ended": time, "seconds": seconds, "how": how}
