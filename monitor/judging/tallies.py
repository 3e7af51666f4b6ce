"""What a version's judge counts for the breaker: delays, labels of the epoch, probes, events that do not fit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detectors.types import RANK_CELLS, Labels, State
from fallback.policy import Policy
from monitor.judging.probes import borne_out, risk
from monitor.summaries import VersionCounts

__all__ = ["Tallies"]

_DELAY_MEMORY = 1000.0
_SCHEMA_MEMORY = 1000.0
_SCHEMA_SHARE = 0.5
_SCHEMA_LEAST = 200.0


class Tallies:
    """Adds up counts, some of them forgotten slowly."""

    def __init__(self) -> None:
        self._probed = np.zeros((RANK_CELLS, 2))
        self._sums = np.zeros(5)  # delay sum, delays, labels in the epoch, invalid events, events

    @property
    def labels(self) -> int:
        """Labels in this epoch."""
        return int(self._sums[2])

    @property
    def usual_delay(self) -> float:
        """Seconds until a label comes; NaN before the first."""
        delay_sum, delays = self._sums[:2]
        return float(delay_sum / delays) if delays else math.nan

    @property
    def schema_break(self) -> bool:
        """Whether most of the last events do not fit the profile."""
        invalid, events = self._sums[3:]
        return bool(events >= _SCHEMA_LEAST and invalid >= _SCHEMA_SHARE * events)

    def add(self, counts: VersionCounts, labels: Sequence[Labels]) -> None:
        """Take in a batch."""
        self._sums[:2] *= math.exp(-counts.delay_n / _DELAY_MEMORY)
        self._sums[:2] += (counts.delay_sum, counts.delay_n)
        self._sums[3:] *= math.exp(-counts.n / _SCHEMA_MEMORY)
        self._sums[3:] += (counts.invalid, counts.n)
        for each in labels:
            cells = each.counts.sum(axis=0)
            self._sums[2] += cells.sum()
            self._probed += cells

    def begin_epoch(self) -> None:
        """Labels of decisions from before it are none of its, and what probes showed is about errors that were."""
        self._sums[2] = 0
        self.probe_again()

    def probe_again(self) -> None:
        """What is learnt from here on is about something else: a new state of the breaker, or changed errors."""
        self._probed[:] = 0

    def risk(self, threshold: float, min_acceptance: float) -> tuple[int, float]:
        """Labels since the last step, and the upper bound of the error at a threshold that lets enough pass."""
        return risk(self._probed, threshold, min_acceptance)

    def borne_out(self, threshold: float, policy: Policy) -> float:
        """Least threshold, of those that `risk` tried, at which these labels are good enough to close."""
        return borne_out(self._probed, threshold, policy.min_acceptance, policy.close_level)

    def state(self) -> State:
        """The sums."""
        return {"probed": self._probed.copy(), "sums": self._sums.copy()}

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        self._probed = state["probed"].astype(np.float64)
        self._sums = state["sums"].astype(np.float64)
