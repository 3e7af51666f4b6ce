"""The rule on users: so many different ones flag answers of one segment within a while, and it is harm."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from detectors.harm import HarmAlarm, HarmReading
from detectors.types import State
from monitor.summaries import Flagger

__all__ = ["FlagUsers"]

_MOST_SEGMENTS = 256
"""Segments that are watched at once; the one that was flagged least recently is let go."""


class FlagUsers:
    """Counts different users a segment within a window, exactly, in bounded memory.

    Whether there are `users` of them is known from the `users` that flagged last, so no more are remembered. A rule,
    and no evidence: what it costs in false pages is up to whoever wrote it. After it has fired it is silent for that
    segment until fewer flag it again.

    Parameters
    ----------
    users, window
        How many, within how many seconds; 0 users, and there is no rule.
    log_level
        log A, which an alarm of the rule stands for.

    Examples
    --------
    >>> rule = FlagUsers(2, 3600.0, 9.0)
    >>> none = HarmReading(-9.0, (), None, open=False)
    >>> rule.update([Flagger("", "ada"), Flagger("", "ada")], 0.0, none).alarms
    ()
    >>> [each.why for each in rule.update([Flagger("", "bob")], 60.0, none).alarms]
    ['flags by users: 2 different users flagged answers within 60 min; the rule is 2']
    """

    def __init__(self, users: int, window: float, log_level: float) -> None:
        self._users, self._window, self._level = users, window, log_level
        self._seen: OrderedDict[str, OrderedDict[str, float]] = OrderedDict()
        self._held: set[str] = set()

    @property
    def is_open(self) -> bool:
        """Whether as many still flag some segment."""
        return bool(self._held)

    def update(self, flaggers: Sequence[Flagger], time: float, beside: HarmReading) -> HarmReading:
        """Take in who flagged, at the judge's clock; `beside` is the reading of the other harm views."""
        if not self._users:
            return beside
        for each in flaggers:
            users = self._seen.setdefault(each.segment, OrderedDict())
            self._seen.move_to_end(each.segment)
            users[each.who] = time
            users.move_to_end(each.who)
            if len(users) > self._users:
                users.popitem(last=False)
        while len(self._seen) > _MOST_SEGMENTS:
            self._held.discard(self._seen.popitem(last=False)[0])
        alarms = self._alarms(dict.fromkeys([*(each.segment for each in flaggers), *sorted(self._held)]), time)
        return replace(beside, alarms=(*beside.alarms, *alarms), open=beside.open or self.is_open)

    def state(self) -> State:
        """Who flagged what, and when."""
        plain = {"seen": {name: list(users.items()) for name, users in self._seen.items()}, "held": sorted(self._held)}
        return {"users": np.frombuffer(msgspec.json.encode(plain), dtype=np.uint8).copy()}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same rule."""
        plain = msgspec.json.decode(state["users"].tobytes())
        self._seen = OrderedDict((name, OrderedDict(users)) for name, users in plain["seen"].items())
        self._held = set(plain["held"])

    def _alarms(self, segments: Iterable[str], time: float) -> tuple[HarmAlarm, ...]:
        """Look at some segments again."""
        alarms = []
        for segment in segments:
            users = self._seen.get(segment, OrderedDict[str, float]())
            many = sum(time - at <= self._window for at in users.values()) >= self._users
            if many and segment not in self._held:
                alarms.append(self._alarm(segment))
            (self._held.add if many else self._held.discard)(segment)
        return tuple(alarms)

    def _alarm(self, segment: str) -> HarmAlarm:
        where = f" of {segment}" if segment else ""
        why = (
            f"flags by users: {self._users} different users flagged answers{where} within {self._window / 60:.0f} min; "
            f"the rule is {self._users}"
        )
        return HarmAlarm("flags by users", self._level, 0.0, self._users, self._users, why)
