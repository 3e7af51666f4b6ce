"""What the page shows of each breaker: its state, why it is so, what would close it, and who overrules it."""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

from fallback.policy import Policy
from fallback.records import BreakerRecord
from fallback.types import health_of
from monitor.judging.records import guarantee_in
from monitor.ledger.waits import waits_for
from monitor.observing import Breakers, Ruled, Segments, SegmentStanding, Transition
from monitor.page.picture import Cause, OverrideNote, Version
from monitor.page.segments import GapNote, SegmentNote, gap_notes, listed, segment_notes
from monitor.page.shown import cut

__all__ = ["Gates"]

_T = TypeVar("_T")
_MAX_VERSIONS = 20


class Gates:
    """Remembers the verdict on each version and how its breakers stand; of too many versions the first is forgotten."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._ruled: dict[str, Ruled] = {}
        self._last: dict[str, Transition] = {}
        self._breakers: dict[str, Breakers] = {}
        self._segments: dict[str, Segments] = {}

    def __call__(self, seen: Ruled | Transition | Breakers | Segments, /) -> None:
        """Take note of it."""
        match seen:
            case Ruled():
                _keep(self._ruled, seen.version, seen)
            case Transition():
                if not seen.segment:
                    _keep(self._last, seen.version, seen)
            case Breakers():
                _keep(self._breakers, seen.version, seen)
            case Segments():
                _keep(self._segments, seen.version, seen)

    def retire(self) -> None:
        """Another replica judges: what was counted here of groups grows old."""
        self._segments.clear()

    def versions(self, now: float, *, ages: bool) -> list[Version]:
        """The last verdict on each."""
        return [self._version(ruled, now if ages else ruled.verdict.time) for ruled in self._ruled.values()]

    def segments(self) -> tuple[list[SegmentNote], dict[str, dict[str, int]]]:
        """The groups that most is to be said of; and by version, of those left out, how many are in which state."""
        notes = segment_notes(self._groups(), self._cause)
        n = listed(notes)
        left: dict[str, Counter[str]] = {}
        for each in notes[n:]:
            left.setdefault(each.version, Counter())[each.state] += 1
        return notes[:n], {version: dict(states) for version, states in left.items()}

    def gaps(self) -> list[GapNote]:
        """The greatest differences between groups of one name."""
        return gap_notes(self._groups())

    def _groups(self) -> list[Segments]:
        """What the judge tells of them; elsewhere what the verdicts say."""
        return [self._segments.get(version) or _ruled_groups(ruled) for version, ruled in self._ruled.items()]

    def _version(self, ruled: Ruled, now: float) -> Version:
        verdict, last = ruled.verdict, self._last.get(ruled.version)
        age = max(0.0, now - verdict.time)
        known = self._breakers.get(ruled.version)
        cause = self._cause(ruled.version, "", verdict.state)
        return Version(
            version=cut(ruled.version),
            state=verdict.state,
            health=health_of(age),
            since=last.time if last else cause.since,
            age=age,
            reason=cut(last.reason) if last else cause.reason,
            epoch=verdict.epoch,
            threshold=verdict.threshold,
            suspicion=verdict.suspicion,
            certified_from=verdict.certified_from,
            propensity=verdict.propensity,
            ramp=verdict.ramp,
            guarantee=ruled.guarantee,
            ledger_offset=verdict.ledger_offset,
            would_have=verdict.state if known is None else known.own.live,
            waits_for=cause.waits_for,
            override=cause.override,
        )

    def _cause(self, version: str, segment: str, state: str) -> Cause:
        """Why a breaker stands in this state; nothing where it has never moved, or where that is not read yet."""
        known = self._breakers.get(version)
        record = None if known is None else known.groups.get(segment) if segment else known.own
        if record is None or record.cause is None or record.state != state:
            return Cause()
        return Cause(record.since, cut(record.reason), waits_for(record, self._policy), _override(record))


def _ruled_groups(ruled: Ruled) -> Segments:
    verdict = ruled.verdict
    standing = [
        SegmentStanding(
            segment=each.group,
            state=each.state.value,
            offset=each.offset,
            epoch=each.epoch,
            followed=True,
            n=0,
            answered=0,
            accepted=(0, 0),
            covered=(0.0, 0.0),
            guarantee=guarantee_in(verdict, each),
        )
        for each in verdict.groups
    ]
    return Segments(time=verdict.time, version=ruled.version, segments=standing)


def _override(record: BreakerRecord) -> OverrideNote | None:
    held = record.override
    return None if held is None else OverrideNote(held.state, cut(held.actor), cut(held.reason), held.until)


def _keep(known: dict[str, _T], version: str, value: _T) -> None:
    known[version] = value
    while len(known) > _MAX_VERSIONS:
        known.pop(next(iter(known)))
