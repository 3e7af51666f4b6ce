"""Contexts: what is usual depends on the hour, the weekday or the segment, so each has a reference of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .types import FloatArray, IntArray, Rows

__all__ = ["CONTEXTS", "LEAST_ROWS", "SEGMENT", "Context", "hours_of", "mixture"]

CONTEXTS = {"hour_of_day": 24, "quarter_of_day": 96, "day_of_week": 7, "hour_of_week": 168}
"""Contexts that follow from an event's time, in UTC, and how many values each has; weeks begin on Monday. A quarter is
one of an hour: at a thousand events an hour or more, what moves within an hour is a change by itself."""
SEGMENT = "segment:"
"""Begins the name of a context that is one key of the event's segment."""
LEAST_ROWS = 500
"""Rows of the reference that a cell must have; half of them are counted."""
_MOST_CELLS = 256
_SECONDS = {"hour_of_day": 3600, "quarter_of_day": 900, "day_of_week": 86_400, "hour_of_week": 3600}
_MONDAY = 4 * 86400  # 1970-01-05


@dataclass(frozen=True, slots=True)
class Context:
    """The values of a context that have a reference of their own, as cells 1, 2, ...; all others share cell 0.

    Cell 0 is compared with the whole reference: the back-off for values of which it has fewer than 500 rows. At most
    256 values have a cell.

    Attributes
    ----------
    name
        "", `hour_of_day`, `quarter_of_day`, `day_of_week`, `hour_of_week` or `segment:<key>`.
    values
        The values with a cell, as texts.

    Examples
    --------
    >>> none = np.full(1200, np.nan)
    >>> time = np.repeat([0.0, 7200.0], [700, 500])
    >>> rows = Rows(np.empty((0, 1200)), (), [None] * 1200, none, none, none, none, time=time)
    >>> context = Context.fit("hour_of_day", rows)
    >>> context.values, context.cells_of(rows)[[0, 699, 700]].tolist()
    (('0', '2'), [1, 1, 2])
    """

    name: str = ""
    values: tuple[str, ...] = ()
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look values up by a table."""
        object.__setattr__(self, "_places", {value: i + 1 for i, value in enumerate(self.values)})

    @classmethod
    def fit(cls, name: str, rows: Rows) -> Context:
        """Give a cell to each value with enough rows of a reference."""
        counts = Counter(value for value in _values(name, rows) if value is not None)
        enough = [(value, n) for value, n in counts.items() if n >= LEAST_ROWS]
        kept = {value for value, _ in sorted(enough, key=lambda item: (-item[1], item[0]))[:_MOST_CELLS]}
        known = sorted(kept, key=(lambda value: (len(value), value)) if name in CONTEXTS else str)
        return cls(name, tuple(known))

    @property
    def cells(self) -> int:
        """Cells, the back-off included."""
        return len(self.values) + 1

    def cells_of(self, rows: Rows) -> IntArray:
        """Cell of each event: (events,)."""
        if not self.values:
            return np.zeros(len(rows), dtype=np.int64)
        if self.name in CONTEXTS and rows.time is not None:
            cells = np.zeros(CONTEXTS[self.name] + 1, dtype=np.int64)  # the last for an unknown time, -1
            cells[[int(value) for value in self.values]] = np.arange(1, self.cells)
            return np.asarray(cells[hours_of(self.name, rows.time)])
        place = self._places.get
        return np.array([0 if value is None else place(value, 0) for value in _values(self.name, rows)], dtype=np.int64)


def hours_of(name: str, times: FloatArray) -> IntArray:
    """Value of a context that follows from the time; -1 where the time is not known.

    Examples
    --------
    >>> monday_noon = np.array([4 * 86400.0 + 12 * 3600, np.nan])
    >>> [hours_of(name, monday_noon).tolist() for name in CONTEXTS]
    [[12, -1], [48, -1], [0, -1], [12, -1]]
    """
    known = np.isfinite(times)
    passed = np.floor_divide(np.where(known, times, 0.0) - _MONDAY, _SECONDS[name]).astype(np.int64)
    return np.where(known, passed % CONTEXTS[name], -1)


def _values(name: str, rows: Rows) -> Sequence[str | None]:
    """Value of the context of each event; None where it is not known."""
    if name in CONTEXTS and rows.time is not None:
        return [None if hour < 0 else str(hour) for hour in hours_of(name, rows.time).tolist()]
    if name.startswith(SEGMENT) and rows.segment is not None:
        return rows.segment
    return [None] * len(rows)


def mixture(pooled: IntArray, now: IntArray) -> IntArray:
    """(bins,): the cells' references, (cells, bins), in the proportions that `now` has of them."""
    if len(pooled) == 1:
        return np.array(pooled[0])
    of_cell, events = pooled.sum(axis=1), now.sum(axis=1)
    used = (of_cell > 0) & (events > 0)
    if not used.any():
        return np.asarray(pooled.sum(axis=0))
    mixed: FloatArray = (events[used] / of_cell[used]) @ pooled[used]
    whole: IntArray = np.rint(mixed * (of_cell[used].sum() / mixed.sum())).astype(np.int64)
    return whole
