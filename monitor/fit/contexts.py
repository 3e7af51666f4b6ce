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


def candidates(first: Sequence[Segment], second: Sequence[Segment], times: Sequence[FloatArray] = ()) -> list[str]:
    """The contexts in which nearly every row of both halves is in a cell of at least 500 rows of the first.

    From the fewest cells to the most; of two by the clock that part the rows alike, as quarters do where rows come on
    the hour, the first. `first` and `second` are the segments of the halves' rows, `times` those of both; without them
    (a file has none) only the segments remain. A week that is in one half alone is no context: what is usual on a
    Sunday has to be seen first.
    """
    halves: dict[str, list[Sequence[object]]] = {}
    if len(times):
        halves |= {name: [hours_of(name, each).tolist() for each in times] for name in CONTEXTS}
    names = {name for segment in set(first) for name, _ in segment}
    halves |= {f"{SEGMENT}{name}": [_column(first, name), _column(second, name)] for name in sorted(names)}
    found: list[tuple[int, str]] = []
    sizes: set[tuple[object, ...]] = set()
    for context, columns in halves.items():
        cells = Counter(columns[0])
        alike = (context not in CONTEXTS and context, *sorted(cells.values()))
        own = {value for value, n in cells.items() if n >= LEAST_ROWS and value is not None}
        covered = all(sum(value in own for value in each) >= (1 - _REST) * len(each) for each in columns)
        if 1 < len(own) <= _MOST_CELLS and covered and alike not in sizes:
            found.append((len(own), context))
            sizes.add(alike)
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
