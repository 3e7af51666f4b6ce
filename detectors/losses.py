"""Losses of a regression: how often the error exceeds what it exceeded on the reference, at several heights."""

from __future__ import annotations

import numpy as np

from .harm import HarmReading, upper_bound
from .rates import Rates
from .readings import QUIET_SECONDS
from .types import FloatArray

__all__ = ["LOSS_SHARES", "Losses"]

LOSS_SHARES = (0.5, 0.25, 0.1, 0.03, 0.003)
"""Shares of the reference's losses above each height."""


class Losses(Rates):
    r"""Rates of losses above five heights, each held against the upper 95 % bound of what the reference has above it.

    The heights are the quantiles of the reference's losses of which 50, 25, 10, 3 and .3 % lie above; the last is for
    errors that are rare and large. The mean loss would
    need a bound on losses; shares need none, and an alarm names which part grew.

    Parameters
    ----------
    reference
        (rows,): losses of the reference.
    log_level, quiet
        log A, in the unit of the promise; seconds of quiet that end an episode.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> losses, none = Losses(rng.exponential(size=2000), np.log(1e5)), HarmReading(-np.inf, (), None, open=False)
    >>> one = np.ones(100)
    >>> losses.update(rng.exponential(size=100), one, 100.0, 0.0, none).alarms
    ()
    >>> reading = losses.update(3 * rng.exponential(size=100), one, 100.0, 60.0, none)
    >>> [alarm.view for alarm in reading.alarms][:1], reading.open
    (['loss above 0.7041'], True)
    """

    def __init__(self, reference: FloatArray, log_level: float, quiet: float = QUIET_SECONDS) -> None:
        self._heights = np.quantile(reference, 1 - np.array(LOSS_SHARES))
        above = (reference[:, None] > self._heights).sum(axis=0)
        names = [f"loss above {height:.4g}" for height in self._heights]
        super().__init__(names, upper_bound(above, np.full(len(above), len(reference))), log_level, quiet)

    def update(
        self, losses: FloatArray, weights: FloatArray, clock: float, time: float, beside: HarmReading
    ) -> HarmReading:
        """Take in a batch of losses, (labels,), with their weights; the rest as in `count`."""
        over = weights @ (losses[:, None] > self._heights)
        return self.count(np.stack([weights.sum() - over, over], axis=1), clock, time, beside)
