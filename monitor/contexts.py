"""Contexts that may explain why rows differ: which a reference has enough rows for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from detectors.contexts import CONTEXTS, LEAST_ROWS, SEGMENT, hours_of
from detectors.types import FloatArray, Rows

__all__ = ["NONE", "Segment", "candidates", "in_context"]

NONE = "none"
Segment = tuple[tuple[str, str], ...]
"""The segment of a row: names with values, by name."""
_REST = 0.05  # share of rows, at most, whose cell has too few and falls back on the whole reference
_MOST_CELLS = 256


def candidates(times: FloatArray | None, segments: Sequence[Segment]) -> list[str]:
    """The contexts in which nearly every row is in a cell of at least 500, from the fewest cells to the most.

    Without `times` (a file has none) only the segments remain.
    """
    found: list[tuple[int, str]] = []
    columns: dict[str, Sequence[object]] = {}
    if times is not None:
        columns |= {name: hours_of(name, times).tolist() for name in CONTEXTS}
    names = {name for segment in set(segments) for name, _ in segment}
    columns |= {f"{SEGMENT}{name}": _column(segments, name) for name in sorted(names)}
    for context, values in columns.items():
        counts = Counter(values)
        own = [n for n in counts.values() if n >= LEAST_ROWS]
        if 1 < len(own) <= _MOST_CELLS and sum(own) >= (1 - _REST) * len(values):
            found.append((len(own), context))
    return [context for _, context in sorted(found)]


def in_context(rows: Rows, context: str, times: FloatArray, segments: Sequence[Segment]) -> Rows:
    """Rows with the column that the context looks at."""
    if context in CONTEXTS:
        return replace(rows, time=times)
    if context.startswith(SEGMENT):
        return replace(rows, segment=_column(segments, context.removeprefix(SEGMENT)))
    return rows


def _column(segments: Sequence[Segment], name: str) -> list[str | None]:
    known = {segment: dict(segment).get(name) for segment in set(segments)}
    return [known[segment] for segment in segments]
