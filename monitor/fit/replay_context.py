"""The replay in one context: the production views and e-detector, and how rows remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from detectors.evidence import Evidence
from detectors.profile import Reference, counts_by_cell, fit
from detectors.stakes import BetRules
from detectors.types import FloatArray, IntArray, Rows
from monitor.config import Config
from monitor.config.tolerances import tolerated_share
from monitor.fit.contexts import NONE
from monitor.fit.long_run import BLOCK, LongRunVariance
from monitor.fit.row_sets import taken
from monitor.fit.viewing import view_settings

__all__ = ["ContextReplay"]


class ContextReplay:
    """Learns from rows of the first half, and judges those of the second as they come."""

    def __init__(
        self,
        context: str,
        first: Rows,
        reference: Reference,
        config: Config,
        log_level: float,
        temper: Mapping[str, float],
    ) -> None:
        """`first` has the columns that the context looks at; `temper` is what bets on views are divided by."""
        self.context, self._temper = context, temper
        name = "" if context == NONE else context
        settings = view_settings(config, name)
        nothing = np.full(len(first), np.nan)
        within = Reference(
            first, reference.numeric, reference.categorical, nothing, np.empty(0), reference.events_per_day
        )
        self._fitted = fit(within, settings)
        self.cells = max(self._fitted.views.context.cells - 1, 1)
        self._config, self._level = config, log_level
        self._evidence: Evidence | None = None
        self._memories: dict[int, LongRunVariance] = {}
        self.alarms: list[str] = []

    @property
    def memories(self) -> list[LongRunVariance]:
        """How rows remember, in each cell that had any."""
        return [self._memories[cell] for cell in sorted(self._memories)]

    def learn(self, rows: Rows) -> None:
        """Count more of the first half."""
        fitted, views = self._fitted, self._fitted.views
        counts = fitted.counts + views.count(rows, np.array([0, len(rows)]))[0]
        more = counts_by_cell(views, rows)
        by_cell = fitted.by_cell if fitted.by_cell is None or more is None else fitted.by_cell + more
        self._fitted = replace(fitted, counts=counts, by_cell=by_cell)

    def take(self, rows: Rows, clock: FloatArray, moments: FloatArray) -> None:
        """Judge rows of the second half in batches; (batches,): the promise's clock, and epoch seconds."""
        views, names = self._fitted.views, self._fitted.views.layout().names
        if self._evidence is None:
            self._evidence = Evidence(views.layout(), self._fitted.reference, self._level, rules=self._rules(names))
        starts = np.append(np.arange(0, len(rows), self._config.evidence.batch), len(rows))
        if views.context.cells == 1:
            reading = self._evidence.update(views.count(rows, starts), clock, moments)
        else:
            counts, cells, parts = views.count_cells(rows, starts)
            reading = self._evidence.update(counts, clock, moments, cells, parts)
        self.alarms += [names[alarm.view] for alarm in reading.alarms]
        self._remember(rows, views.context.cells_of(rows))

    def _remember(self, rows: Rows, cells: IntArray) -> None:
        """Blocks of ten rows of a cell that follow each other; each cell may have a level of its own."""
        for cell in np.unique(cells).tolist():
            own = np.flatnonzero(cells == cell)
            blocks = len(own) // BLOCK
            if blocks:
                memory = self._memories.setdefault(
                    cell, LongRunVariance(self._fitted.views.layout(), self._fitted.counts)
                )
                whole = taken(rows, own[: blocks * BLOCK])
                memory.add(self._fitted.views.count(whole, np.arange(blocks + 1) * BLOCK))

    def _rules(self, names: Sequence[str]) -> BetRules:
        config = self._config
        shares = {name: tolerated_share(raw) for name, raw in config.views.tolerance.items() if name in names}
        fixed = config.evidence.temper if isinstance(config.evidence.temper, int | float) else 1.0
        temper = np.array([self._temper.get(name, float(fixed)) for name in names])
        return BetRules(config.evidence.tolerance, shares, temper if (temper != 1.0).any() else None)
