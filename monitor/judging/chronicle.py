"""What a replica tells of the ledger that it reads: how breakers stand, and what happened while another one judged."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
import numpy as np

from detectors.explain import bin_names
from detectors.profile import Profile
from fallback.policy import Policy
from monitor.errors import RunError
from monitor.events import parse_time
from monitor.judging import tells
from monitor.judging.patches import patched
from monitor.ledger.standings import Known, begun, follow
from monitor.ledger.topic import is_base
from monitor.observing import Alarm, Breakers, Compared, Evidence, Explained, Heard, Patched, Transition

__all__ = ["Chronicle"]

_HEAD: Final = 200
_STEP, _ALARM = b'"kind":"transition"', b'"kind":"alarm"'
_EXAMPLES: Final = b'"kind":"examples"'
_OTHERS: Final = (b'"kind":"canary"', b'"kind":"patched"')
_MOST: Final = 1000
"""What is told at once: a page shows less, and a ledger that is read for the first time may hold far more."""
_Seen = Alarm | Evidence | Transition | Compared | Patched | Explained


class Chronicle:
    """Follows the ledger from the last record that a judge can begin from; the same on every replica.

    A profile names the bins of a view that moved; without it the words are told and no histogram.
    """

    def __init__(self, profiles: Mapping[str, Profile] = MappingProxyType({}), policy: Policy | None = None) -> None:
        self._profiles, self._policy = profiles, policy or Policy()
        self.begin_again()

    @property
    def is_whole(self) -> bool:
        """Whether what the breakers remember is known: what was read held a record that a judge can begin from."""
        return bool(self._known)

    def begin_again(self) -> None:
        """Forget all; it is read from farther back."""
        self._known: dict[str, Known] = {}
        self._changed: set[str] = set()
        self._heard: list[_Seen] = []

    def read(self, line: bytes) -> None:
        """Take in a line that is neither a verdict nor an order."""
        head = line[:_HEAD]
        if is_base(line):
            self._begin(line)
        elif _STEP in head or _ALARM in head:
            record = msgspec.json.decode(line)
            follow(self._known, record, self._policy)
            if _STEP in head:
                self._changed |= self._known.keys() & {record["version"]}
            self._hear(record)
        elif _EXAMPLES in head:
            for each in tells.explained(msgspec.json.decode(line)):
                self._keep(each)
        elif any(kind in head for kind in _OTHERS):
            self._hear(msgspec.json.decode(line))

    def ruled(self, record: Mapping[str, Any]) -> None:
        """Take in a verdict: it says where the evidence stood."""
        if (told := record.get("evidence")) is not None:
            self._keep(Evidence(time=parse_time(record["time"]), event=record["event"], **told))

    def news(self, *, judging: bool) -> list[Breakers | Heard]:
        """What has come since the last call; what a judge has told by itself is no news."""
        told: list[Breakers | Heard] = [] if judging else [Heard(seen=each) for each in self._heard]
        for version in self._changed:
            each = self._known[version]
            told.append(Breakers(version=version, own=each.record, groups=dict(each.groups)))
        self._changed.clear()
        self._heard.clear()
        return told

    def _begin(self, line: bytes) -> None:
        # a snapshot says nothing new to whoever has followed so far, and is long
        if self._known and b'"kind":"snapshot"' in line[:_HEAD]:
            return
        try:
            self._known = dict(begun(msgspec.json.decode(line)))
        except RunError:
            # of another version of this program: its judge begins anew, and writes that down
            return
        self._changed = set(self._known)

    def _hear(self, record: Mapping[str, Any]) -> None:
        if (seen := self._told(record)) is not None:
            self._keep(seen)

    def _keep(self, seen: _Seen) -> None:
        self._heard.append(seen)
        del self._heard[:-_MOST]

    def _told(self, record: Mapping[str, Any]) -> _Seen | None:
        time = parse_time(record["time"])
        match record["kind"]:
            case "transition":
                return tells.stepped(time, record)
            case "canary":
                return tells.compared(time, record["event"], record)
            case "patched":
                return patched(record, time)
            case _:
                return self._moved(time, record) if record["level"] == "warning" else tells.harmed(time, record)

    def _moved(self, time: float, record: Mapping[str, Any]) -> Alarm:
        names = ("event", "level", "view", "log10_evidence", "why", "version", "moved")
        bins = self._bins(record["version"], record["view"])
        before, now = (_shares(record[name][: len(bins)]) for name in ("before", "now"))
        return Alarm(
            time=time,
            since=parse_time(record["since"]),
            bins=bins,
            before=before,
            now=now,
            **{name: record[name] for name in names},
        )

    def _bins(self, version: str, view: str) -> tuple[str, ...]:
        profile = self._profiles.get(version)
        if profile is None:
            return ()
        views = profile.fitted.views
        names = views.layout().names
        return bin_names(views, names.index(view)) if view in names else ()


def _shares(counts: list[int]) -> list[float]:
    return (np.array(counts) / max(sum(counts), 1)).tolist()  # type: ignore[no-any-return]  # numpy's own word
