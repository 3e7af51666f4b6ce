"""Which events fell into the bins that moved: a few ids, from the rows that this replica still has."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np

from detectors.counting import Views
from detectors.profile import Profile
from detectors.rows import taken
from detectors.types import IntArray, Rows
from monitor.events import parse_time
from monitor.routed import RoutedBatch
from monitor.summaries import MOST_EXAMPLES, MOST_EXPLAINED, Example, Examples

__all__ = ["RecentRows", "moved_bins"]

_ROWS = 2000
_BYTES = 16_000_000
_AT_ONCE = 100
_LONGEST = 256
"""Characters of an id, and"""
_LONGEST_NAME = 1024
"""of a view's name, as the topic takes them."""
_ROUNDED = 1e-3
"""Seconds to which a record's time is rounded."""


class _Batch(NamedTuple):
    version: str
    times: Sequence[float]
    part: Sequence[int]
    ids: Sequence[str]
    rows: Rows
    size: int


class RecentRows:
    """The last rows that were counted, as references to arrays that are there anyway; looked at after an alarm alone.

    Bounded by rows and by bytes; the last batch is kept whatever its size.
    """

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles
        self._batches: deque[_Batch] = deque()
        self._held = np.zeros(2, dtype=np.int64)

    def take(self, batches: Iterable[RoutedBatch], times: Sequence[float]) -> None:
        """Remember what was routed in a turn, and counted in summaries of these times."""
        for each in batches:
            if each.arranged is not None:
                ids = [prediction.id for prediction in each.work.predictions]
                self.add(each.work.version, times, each.work.batch, ids, each.arranged.rows)

    def add(self, version: str, times: Sequence[float], part: Sequence[int], ids: Sequence[str], rows: Rows) -> None:
        """Remember rows that were counted.

        `times` are those of the summaries, in epoch seconds; `part` says for each row which of them it was counted in.
        """
        size = _size(rows) + sum(map(len, ids))
        self._batches.append(_Batch(version, times, part, ids, rows, size))
        self._held += (len(rows), size)
        while len(self._batches) > 1 and (self._held > (_ROWS, _BYTES)).any():
            gone = self._batches.popleft()
            self._held -= (len(gone.rows), gone.size)

    def explain(self, alarms: Sequence[Mapping[str, Any]], replica: str) -> list[Examples]:
        """Find rows for alarms as the ledger has them; a word for the judge a version, none where nothing is found."""
        told = []
        for version in dict.fromkeys(str(each["version"]) for each in alarms):
            profile = self._profiles.get(version)
            mine = [each for each in alarms if each["version"] == version and "before" in each][:MOST_EXPLAINED]
            if profile is not None and (found := self._find(profile.fitted.views, version, mine)):
                told.append(Examples(replica=replica, version=version, profile=profile.digest, alarms=found))
        return told

    def _find(self, views: Views, version: str, alarms: Sequence[Mapping[str, Any]]) -> list[Example]:
        wanted = _wanted(views, alarms)
        for batch in reversed(self._batches):
            short = [each for each in wanted if len(each.ids) < MOST_EXAMPLES and max(batch.times) >= each.since]
            if batch.version == version and short:
                _look(views, batch, short)
        return [Example(each.view, each.event, each.ids) for each in wanted if each.ids]


@dataclass(slots=True)
class _Wanted:
    """An alarm, the places of the bins that gained among all bins, and the ids found so far."""

    view: str
    event: int
    since: float
    bins: IntArray
    ids: list[str] = field(default_factory=list)


def _wanted(views: Views, alarms: Sequence[Mapping[str, Any]]) -> list[_Wanted]:
    layout = views.layout()
    starts, known = layout.starts(), {name: i for i, name in enumerate(layout.names)}
    found = []
    for each in alarms:
        view = known.get(each["view"])
        # the judge may have another profile for a while: its bins are not ours
        if view is None or len(each["before"]) != starts[view + 1] - starts[view] or len(each["view"]) > _LONGEST_NAME:
            continue
        bins = starts[view] + moved_bins(np.array(each["before"]), np.array(each["now"]))
        found.append(_Wanted(each["view"], each["event"], parse_time(each["since"]) - _ROUNDED, bins))
    return found


def _look(views: Views, batch: _Batch, short: list[_Wanted]) -> None:
    """Add ids of the batch's rows to those who lack some, the newest first."""
    times = np.array(batch.times)[np.array(batch.part)]
    for end in range(len(batch.rows), 0, -_AT_ONCE):
        places = np.arange(max(end - _AT_ONCE, 0), end)
        counts, _, parts = views.count_cells(taken(batch.rows, places), np.arange(len(places) + 1))
        counts = counts[parts[:-1]]
        for each in short:
            inside = places[counts[:, each.bins].any(axis=1) & (times[places] >= each.since)][::-1].tolist()
            ids = [batch.ids[place] for place in inside if len(batch.ids[place]) <= _LONGEST]
            each.ids += ids[: MOST_EXAMPLES - len(each.ids)]
        short = [each for each in short if len(each.ids) < MOST_EXAMPLES]
        if not short:
            return


def _size(rows: Rows) -> int:
    """Bytes, about: a text from outside may be as long as a record."""
    columns = [getattr(rows, each.name) for each in fields(rows) if each.name != "categorical"]
    texts = [*rows.categorical, *(each for each in columns if isinstance(each, list))]
    numbers = sum(each.nbytes for each in columns if isinstance(each, np.ndarray))
    return numbers + sum(sum(map(len, filter(None, column))) for column in texts)


def moved_bins(before: IntArray, now: IntArray) -> IntArray:
    """Bins that gained, those first that say most, up to half of what all of them say.

    What a bin says is its part of the divergence of now from before, counts with half an event more each.

    Examples
    --------
    >>> moved_bins(np.array([50, 40, 10, 0]), np.array([30, 30, 12, 28])).tolist()
    [3]
    """
    was = (before + 0.5) / (before.sum() + 0.5 * len(before))
    share = now / max(now.sum(), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        says = np.where(share > was, share * np.log(share / was), 0.0)
    order = np.argsort(-says, kind="stable")
    enough = int(np.searchsorted(np.cumsum(says[order]), says.sum() / 2)) + 1
    return order[: min(enough, int((says > 0).sum()))]
