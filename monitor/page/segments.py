"""The groups that segments make, as the page shows them: rates with bands, and the gaps between groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from fallback.segments import SEVERITY
from monitor.judging.trip_words import plain
from monitor.observing import Segments
from monitor.segment_rates import KINDS, Band, gaps, rates

__all__ = [
    "MOST_SEGMENTS",
    "Between",
    "Cause",
    "GapNote",
    "OverrideNote",
    "SegmentNote",
    "gap_notes",
    "listed",
    "segment_notes",
]

MOST_SEGMENTS: Final = 24
"""Groups that are listed, of which the closed ones fill up the first half; what is not listed is counted."""


class OverrideNote(msgspec.Struct, frozen=True):
    """An operator's order in force: whose and why, and until when in epoch seconds."""

    state: str
    actor: str
    reason: str
    until: float


class Cause(msgspec.Struct, frozen=True):
    """Why a breaker stands as it does, and what would close it; empty if it has never moved."""

    since: float | None = None
    reason: str = ""
    waits_for: str = ""
    override: OverrideNote | None = None


class Between(msgspec.Struct, frozen=True):
    """A rate or a gap with its 95 % band; None where nothing is known."""

    rate: float | None
    low: float | None
    high: float | None


class SegmentNote(msgspec.Struct, frozen=True):
    """How one group stands, since the stream began."""

    version: str
    segment: str
    state: str
    guarantee: str
    offset: float
    followed: bool
    n: int
    error: Between
    coverage: Between
    acceptance: Between
    cause: Cause = Cause()


class GapNote(msgspec.Struct, frozen=True):
    """The greatest difference between two groups of one segment name."""

    version: str
    name: str
    error: Between
    coverage: Between
    acceptance: Between


def segment_notes(
    told: Sequence[Segments], cause: Callable[[str, str, str], Cause] = lambda _version, _segment, _state: Cause()
) -> list[SegmentNote]:
    """One item a group: those first that are worst off or overruled, then those that are wrong most surely."""
    notes = []
    for seen in told:
        bands = [rates([each.tallies for each in seen.segments], kind) for kind in KINDS]
        for each, error, coverage, acceptance in zip(seen.segments, *bands, strict=True):
            notes.append(
                SegmentNote(
                    plain(seen.version),
                    plain(each.segment),
                    each.state,
                    each.guarantee,
                    each.offset,
                    each.followed,
                    each.n,
                    _between(error),
                    _between(coverage),
                    _between(acceptance),
                    cause(seen.version, each.segment, each.state),
                )
            )
    return sorted(notes, key=_urgency)


def listed(notes: Sequence[SegmentNote]) -> int:
    """How many of the sorted ones are listed: of those that are closed and nobody's concern fewer."""
    calm = next((i for i, each in enumerate(notes) if each.state == _CALM and each.cause.override is None), len(notes))
    return min(max(calm, MOST_SEGMENTS // 2), MOST_SEGMENTS, len(notes))


def _urgency(note: SegmentNote) -> tuple[int, bool, float, int]:
    calm = note.cause.override is None
    return -_SEVERITY.get(note.state, len(SEVERITY)), calm, -(note.error.low or 0.0), -note.n


_CALM = "closed"
_SEVERITY = {state.value: rank for rank, state in enumerate(SEVERITY)}


def gap_notes(told: Sequence[Segments]) -> list[GapNote]:
    """One item a segment name with several groups."""
    notes = []
    for seen in told:
        labels, tallies = [each.segment for each in seen.segments], [each.tallies for each in seen.segments]
        found = [gaps(labels, tallies, kind) for kind in KINDS]
        notes += [
            GapNote(plain(seen.version), plain(name), *(_between(each[name]) for each in found)) for name in found[0]
        ]
    return notes


def _between(band: Band) -> Between:
    if math.isnan(band.estimate):
        return Between(None, None, None)
    return Between(round(band.estimate, 4), round(band.lower, 4), round(band.upper, 4))
