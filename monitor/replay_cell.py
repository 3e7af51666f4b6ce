"""The replay of one cell of a context: its views, its evidence, and how its rows remember."""

from __future__ import annotations

import numpy as np

from detectors.evidence import Evidence
from detectors.profile import Fitted
from detectors.types import FloatArray, IntArray, Rows
from monitor.long_run import BLOCK, LongRunVariance
from monitor.row_sets import taken

__all__ = ["CellReplay"]

_DAY = 86400.0


class CellReplay:
    """The production views and e-detector over the rows of one cell."""

    def __init__(self, fitted: Fitted, log_level: float, tolerance: float, *, in_days: bool) -> None:
        self._views, self._level, self._tolerance, self._in_days = fitted.views, log_level, tolerance, in_days
        self._counts = fitted.counts.copy()
        self._evidence: Evidence | None = None
        self._spent = 0.0
        self.memory = LongRunVariance(fitted.views.layout(), fitted.counts)
        self.alarms: list[str] = []

    def learn(self, rows: Rows) -> None:
        """Count more of the first half."""
        if len(rows):
            self._counts += self._views.count(rows, np.array([0, len(rows)]))[0]

    def take(self, rows: Rows, batch: IntArray, moments: FloatArray, passed: FloatArray, start: float) -> None:
        """Judge rows of the second half.

        `batch` says in which batch each is, `moments` and `passed` when each batch ended, in epoch seconds and in rows
        of all cells. The clock of a batch is what has passed since the cell's last one: a batch without any of the
        cell's rows would only have added its coin.
        """
        if self._evidence is None:
            layout = self._views.layout()
            self._evidence = Evidence(layout, self._counts, self._level, self._tolerance)
        there, starts = np.unique(batch, return_index=True)
        counts = self._views.count(rows, np.append(starts, len(rows)))
        spent = (moments[there] - start) / _DAY if self._in_days else passed[there]
        clock = np.diff(spent, prepend=self._spent)
        self._spent = float(spent[-1])
        names = self._views.layout().names
        reading = self._evidence.update(counts, clock, moments[there])
        self.alarms += [names[alarm.view] for alarm in reading.alarms]
        self._remember(rows)

    def _remember(self, rows: Rows) -> None:
        blocks = len(rows) // BLOCK
        if blocks:
            whole = taken(rows, np.arange(blocks * BLOCK))
            self.memory.add(self._views.count(whole, np.arange(blocks + 1) * BLOCK))
