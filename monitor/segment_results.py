"""What became of each group in a recorded stream, over all outcomes that are known by its end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from monitor.segment_rates import BANDS_ARE, CONFIDENCE, KINDS, Band, gaps, rates

__all__ = ["SegmentResults"]


class SegmentResults:
    """Adds up decisions by group; a value that is no group of its version's profile is left out.

    Parameters
    ----------
    labels
        Groups of each version, `name=value`.
    """

    def __init__(self, labels: Mapping[str, Sequence[str]]) -> None:
        self._tallies = {
            (version, label): {kind: [0, 0] for kind in KINDS} for version, of in labels.items() for label in of
        }
        self._states: dict[tuple[str, str], str] = {}

    def add(
        self, version: str, segment: Mapping[str, str], *, passed: bool, wrong: bool | None, covered: bool | None
    ) -> None:
        """Take in a decision; None where the outcome is not known, or there was no set."""
        if not self._tallies:
            return
        for name, value in segment.items() if len(segment) <= len(self._tallies) else ():
            tally = self._tallies.get((version, f"{name}={value}"))
            if tally is None:
                continue
            for kind, happened in (("acceptance", passed), ("error", wrong if passed else None), ("coverage", covered)):
                if happened is not None:
                    tally[kind][0] += 1
                    tally[kind][1] += happened

    def stepped(self, version: str, segment: str, state: str) -> None:
        """A group's breaker took a step."""
        self._states[version, segment] = state

    def result(self) -> dict[str, Any] | None:
        """Rates of each group with their bands, and the gaps between those of one name; None without groups."""
        if not self._tallies:
            return None
        told: dict[str, Any] = {"confidence": CONFIDENCE, "bands": BANDS_ARE, "versions": {}}
        for version in dict.fromkeys(version for version, _ in self._tallies):
            mine = {label: tally for (of, label), tally in self._tallies.items() if of == version}
            tallies = [{kind: (float(n), float(k)) for kind, (n, k) in each.items()} for each in mine.values()]
            bands = {kind: rates(tallies, kind) for kind in KINDS}
            told["versions"][version] = {
                "groups": {
                    label: {
                        kind: {"n": tally[kind][0], "happened": tally[kind][1], **_plain(bands[kind][i])}
                        for kind in KINDS
                    }
                    | {"breaker": self._states.get((version, label), "closed")}
                    for i, (label, tally) in enumerate(mine.items())
                },
                "gaps": {
                    kind: {name: _plain(band) for name, band in gaps(list(mine), tallies, kind).items()}
                    for kind in KINDS
                },
            }
        return told


def _plain(band: Band) -> dict[str, float | None]:
    values = {"rate": band.estimate, "lower": band.lower, "upper": band.upper}
    return {name: None if math.isnan(value) else round(value, 6) for name, value in values.items()}
