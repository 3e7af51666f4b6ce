"""The groups that segments make, as the page shows them: rates with bands, and the gaps between groups."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from monitor.judging.trip_words import plain
from monitor.observing import Segments
from monitor.segment_rates import KINDS, Band, gaps, rates

__all__ = ["Between", "GapNote", "SegmentNote", "gap_notes", "segment_notes"]


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


class GapNote(msgspec.Struct, frozen=True):
    """The greatest difference between two groups of one segment name."""

    version: str
    name: str
    error: Between
    coverage: Between
    acceptance: Between


def segment_notes(told: Sequence[Segments]) -> list[SegmentNote]:
    """One item a group."""
    notes = []
    for seen in told:
        bands = [rates([each.tallies for each in seen.segments], kind) for kind in KINDS]
        for each, *found in zip(seen.segments, *bands, strict=True):
            notes.append(
                SegmentNote(
                    plain(seen.version),
                    plain(each.segment),
                    each.state,
                    each.guarantee,
                    each.offset,
                    each.followed,
                    each.n,
                    *map(_between, found),
                )
            )
    return notes


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
