"""Ids of events that explain an alarm, as replicas find them after it: a few of each, whoever was first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec

from monitor.observing import Alarm, Explained
from monitor.summaries import MOST_EXAMPLES, MOST_EXPLAINED, Examples

__all__ = ["AlarmExamples"]

_MOST = 256
"""Alarms that can still be explained."""


class AlarmExamples:
    """Remembers the last alarms that lack ids, and those given for them; the same for whoever judges again."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, list[str]] = OrderedDict()

    def alarmed(self, alarm: Alarm) -> None:
        """A view moved."""
        # the first of a moment are single features, and what replicas look at
        version, event = f"{alarm.version}\n", f"\n{alarm.event}"
        if sum(key.startswith(version) and key.endswith(event) for key in self._known) >= MOST_EXPLAINED:
            return
        self._known[_key(alarm.version, alarm.view, alarm.event)] = []
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def take(self, said: Examples, time: float) -> list[Explained]:
        """Take in what a replica found; alarms that have new ids now, with all of theirs."""
        told = []
        for each in said.alarms:
            key = _key(said.version, each.view, each.event)
            ids = self._known.get(key)
            if ids is None:
                continue
            new = [one for one in dict.fromkeys(each.ids) if one not in ids][: MOST_EXAMPLES - len(ids)]
            if new:
                ids += new
                told.append(Explained(time=time, version=said.version, view=each.view, event=each.event, ids=list(ids)))
            if len(ids) == MOST_EXAMPLES:
                del self._known[key]
        return told

    def state(self) -> dict[str, Any]:
        """Plain values, for a snapshot."""
        return {key: list(ids) for key, ids in self._known.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`; an empty one is that of a judge that has seen nothing."""
        self._known = OrderedDict(msgspec.convert(dict(state), dict[str, list[str]]))


def _key(version: str, view: str, event: int) -> str:
    return f"{version}\n{view}\n{event}"
