"""Count: a batch's events and outcomes become one summary of small integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from detectors.counting import Views
from detectors.flags import HOURS
from detectors.profile import Profile, cells_of
from detectors.types import RANK_CELLS, FloatArray, IntArray, Labels, Rows, Stake
from fallback.types import Reason, reason_code
from monitor.group_counts import GroupCounts, GroupOutcomes
from monitor.joins.records import Flagging, Match, Pending
from monitor.nonconformity import is_wrong, scored
from monitor.packing import pack
from monitor.rows import Arranged
from monitor.summaries import Flagger, VersionCounts, group

__all__ = ["Outcomes", "count_events", "count_outcomes", "nothing_counted"]

_INVALID = reason_code(Reason.INVALID_FEATURES)
_STAKES = len(Stake)
_KEY = tuple[float, int]


def count_events(
    profile: Profile,
    arranged: Arranged,
    rank: FloatArray,
    starts: IntArray,
    groups: Sequence[GroupCounts | UnsetType] | None = None,
) -> list[VersionCounts]:
    """Count some batches of one version's predictions at once, one item a batch.

    `starts`, (batches + 1,), says where each batch begins, and the end; `groups` are each batch's counts by group.
    """
    views = profile.fitted.views
    plain = views.context.cells == 1
    parts, own = (views.count(arranged.rows, starts), None) if plain else _apart(views, arranged.rows, starts)
    cells = cells_of(rank)
    counted = []
    for batch, (start, end) in enumerate(pairwise(starts.tolist())):
        known = cells[start:end]
        traffic = np.bincount(known[known >= 0], minlength=RANK_CELLS)
        invalid = int((arranged.guard[start:end] == _INVALID).sum())
        counted.append(
            VersionCounts(
                version=profile.version,
                profile=profile.digest,
                n=int(end - start),
                invalid=invalid,
                counts=pack(parts[batch]),
                cells=[] if own is None else own[batch],
                traffic=pack(traffic),
                groups=UNSET if groups is None else groups[batch],
            )
        )
    return counted


def _apart(views: Views, rows: Rows, starts: IntArray) -> tuple[Sequence[IntArray], Sequence[list[int]]]:
    """Of each batch the counts (cells, width) of the cells of the context that it fell in, and these cells."""
    counts, cells, first = views.count_cells(rows, starts)
    return np.split(counts, first[1:-1]), [each.tolist() for each in np.split(cells, first[1:-1])]


class Outcomes:
    """Outcomes of one version that came with a batch, added up; overdue labels among them.

    Labels of an event in one of the groups `apart` count for its groups alone.
    """

    def __init__(self, groups: int = 0, apart: int = 0) -> None:
        self._groups = GroupOutcomes(groups, apart) if groups else None
        self._apart = apart
        self._places: dict[_KEY, list[int]] = {}
        self._overdue: dict[_KEY, IntArray] = {}
        self.scores: list[float] = []
        self.weights: list[float] = []
        self.misses = 0.0
        self.judged = 0.0
        self.delay_sum = 0.0
        self.delay_n = 0
        self.proxy = [0.0, 0.0]
        self.flagged: dict[int, int] = {}
        self.flaggers: dict[Flagger, None] = {}

    def __bool__(self) -> bool:
        """Whether anything has come."""
        return bool(self.delay_n or self._places or self._overdue or self.flaggers)

    def add(self, pending: Pending, *, wrong: bool) -> None:
        """A label has come."""
        if pending.cell < 0:
            return
        if self._groups is not None:
            self._groups.add(pending, wrong=wrong)
        if not pending.groups & self._apart:
            place = (pending.stake * RANK_CELLS + pending.cell) * 2 + wrong
            self._places.setdefault(_key(pending), []).append(place)

    def overdue(self, pending: Pending, change: int) -> None:
        """A label is overdue (+1), or has come after all (-1)."""
        if self._groups is not None:
            self._groups.overdue(pending, change)
        if pending.cell >= 0 and not pending.groups & self._apart:
            table = self._overdue.setdefault(_key(pending), np.zeros((_STAKES, RANK_CELLS), np.int64))
            table[pending.stake, pending.cell] += change

    def flag(self, flag: Flagging) -> None:
        """Somebody reports harm; the answer counts once, and so does whoever flags others of its segment."""
        if flag.pending is not None and not flag.again:
            if flag.first:
                hours = min(int(max(flag.time - flag.pending.time, 0.0) // 3600), HOURS - 1)
                self.flagged[hours] = self.flagged.get(hours, 0) + 1
            self.flaggers[Flagger(flag.pending.segment, flag.who)] = None

    def scored(self, pending: Pending, score: float, *, missed: bool) -> None:
        """A truth has its score, and was compared with the set that was served, if there was one."""
        weight = 1.0 if pending.accepted else pending.propensity
        self.scores.append(score)
        self.weights.append(weight)
        if self._groups is not None:
            self._groups.scored(pending, weight, missed=missed)
        if pending.score_bar is not None:
            self.judged += weight
            self.misses += weight * missed

    def labels(self) -> list[Labels]:
        """All of it, one item a propensity and epoch."""
        keys = sorted({*self._places, *self._overdue})
        nothing = np.zeros((_STAKES, RANK_CELLS), np.int64)
        return [Labels(*key, self._counts(key), self._overdue.get(key, nothing)) for key in keys]

    def _counts(self, key: _KEY) -> IntArray:
        """(stakes, rank cells, 2): right and wrong answers made under one propensity and epoch."""
        places = np.array(self._places.get(key, ()), dtype=np.int64)
        return np.bincount(places, minlength=_STAKES * RANK_CELLS * 2).reshape(_STAKES, RANK_CELLS, 2)

    def into(self, counts: VersionCounts) -> VersionCounts:
        """Put them into the batch's counts."""
        groups = counts.groups
        if self._groups is not None:
            groups = self._groups.into(GroupCounts() if groups is UNSET else groups)
        return replace(
            counts,
            labels=[group(each) for each in self.labels()],
            scores=np.array(self.scores).tobytes(),
            weights=np.array(self.weights).tobytes(),
            misses=self.misses,
            judged=self.judged,
            delay_sum=self.delay_sum,
            delay_n=self.delay_n,
            proxy=self.proxy if any(self.proxy) else [],
            groups=groups,
            flagged=self.flagged,
            flaggers=list(self.flaggers),
        )


def nothing_counted(profile: Profile) -> VersionCounts:
    """A batch without predictions of this version; it may still have outcomes."""
    width, cells = len(profile.fitted.counts), np.zeros(RANK_CELLS, np.int64)
    counts = pack(np.zeros(width, np.int64))
    return VersionCounts(version=profile.version, profile=profile.digest, counts=counts, traffic=pack(cells))


def count_outcomes(
    matches: Sequence[Match],
    overdue: Sequence[Pending],
    profile: Profile,
    within: float | None,
    flags: Sequence[Flagging] = (),
    apart: int = 0,
) -> Outcomes:
    """Add up the outcomes and flags of one version; `apart` are groups, as bits, that are ruled on by themselves."""
    groups = profile.fitted.groups
    outcomes = Outcomes(0 if groups is None else len(groups), apart)
    for flag in flags:
        outcomes.flag(flag)
    for pending in overdue:
        outcomes.overdue(pending, 1)
    method = profile.method
    scores, missed = scored(matches, profile.classes, method)
    for match, score, uncovered in zip(matches, scores.tolist(), missed.tolist(), strict=True):
        pending = match.pending
        if match.was_overdue:
            outcomes.overdue(pending, -1)
        outcomes.delay_sum += max(0.0, match.time - pending.time)
        outcomes.delay_n += 1
        if pending.label is None and pending.value is None:
            continue
        wrong = is_wrong(pending, match.truth_label, match.truth_value, within, method)
        if not pending.asked:
            # a label that came although nobody asked is no sample of anything
            continue
        outcomes.add(pending, wrong=wrong)
        if pending.proxy >= 0:
            outcomes.proxy[bool(pending.proxy) == wrong] += 1.0 if pending.accepted else pending.propensity
        if not math.isnan(score):
            outcomes.scored(pending, score, missed=uncovered)
    return outcomes


def _key(pending: Pending) -> _KEY:
    return (pending.propensity, pending.epoch)
