"""Many independent streams, judged side by side as the views of one production e-detector."""

from __future__ import annotations

import numpy as np

from detectors.counting import ViewSettings
from detectors.evidence import Evidence
from detectors.profile import Fitted, Reference, fit
from detectors.stakes import BetRules
from detectors.types import FloatArray, Rows

__all__ = ["ALONE", "Panel", "fitted"]

ALONE = ViewSettings(joint=False)
"""Each feature for itself: the features of one panel have nothing to do with each other."""
_CELLS_AT_ONCE = 1_000_000
_BATCHES_AT_ONCE = 200


def fitted(rows: Rows, settings: ViewSettings | None = None, seed: int = 0) -> Fitted:
    """A profile of these rows; as ever, half of them are counted."""
    numeric = tuple(f"f{i}" for i in range(len(rows.numeric)))
    words = tuple(f"c{i}" for i in range(len(rows.categorical)))
    nothing = np.full(len(rows), np.nan)
    return fit(Reference(rows, numeric, words, nothing, np.empty(0), 86400.0), settings, seed)


class Panel:
    """A view a stream; each alarms at A by itself, as if it were the only view of its model.

    A view's weight in a layout of V views is 1 / V; with A / V for the level an alarm is at M >= A, and all of
    counting, betting and judging is the production code.

    Parameters
    ----------
    reference
        The reference of each stream, a feature each.
    level
        A, in events.
    batch
        Events a batch.
    temper
        (streams,): what the bets on each are divided by.
    """

    def __init__(
        self,
        reference: Rows,
        level: float,
        batch: int,
        settings: ViewSettings = ALONE,
        temper: FloatArray | None = None,
    ) -> None:
        self._views = fitted(reference, settings)
        layout = self._views.views.layout()
        self.streams, self._batch, self.at = len(layout.names), batch, 0
        rules = BetRules(temper=temper)
        self._evidence = Evidence(
            layout, self._views.reference, float(np.log(level / self.streams)), rules=rules, quiet=np.inf
        )
        self.first = np.full(self.streams, -1)
        """(streams,): events until the first alarm of each; -1 where there was none yet."""
        width = layout.width
        self.chunk = max(min(_CELLS_AT_ONCE // width, _BATCHES_AT_ONCE), 1) * batch
        """Events that are best taken at once, whole batches."""

    def take(self, rows: Rows) -> None:
        """Count and judge some batches."""
        starts = np.append(np.arange(0, len(rows), self._batch), len(rows))
        clock, moments = np.diff(starts).astype(float), self.at + starts[1:].astype(float)
        views = self._views.views
        if views.context.cells == 1:
            reading = self._evidence.update(views.count(rows, starts), clock, moments)
        else:
            counts, cells, parts = views.count_cells(rows, starts)
            reading = self._evidence.update(counts, clock, moments, cells, parts)
        for alarm in reading.alarms:
            if self.first[alarm.view] < 0:
                self.first[alarm.view] = int(moments[alarm.batch])
        self.at += len(rows)

    def at_risk(self) -> float:
        """Events that the streams had together until their first alarms."""
        return float(np.where(self.first < 0, self.at, self.first).sum())

    @property
    def alarms(self) -> int:
        """Streams that have alarmed."""
        return int((self.first >= 0).sum())
