"""Since when: the change point that maximises the evidence of each bet."""

from __future__ import annotations

import numpy as np

from .shiryaev import GRAIN
from .types import BoolArray, FloatArray, IntArray, State

__all__ = ["ChangePoints"]


class ChangePoints:
    r"""The most likely moment of the change, by bet: where Page's CUSUM last left zero.

    .. math:: C \leftarrow \max(C, 0) + \log G, \qquad
              \hat\nu = \arg\max_s \sum_{r = s}^{t} \log G_r

    C is the greatest log-growth over all moments at which a bet may have begun, and it began at the first batch after C
    was last at most 0. This is the maximum-likelihood estimate if the bet's alternative is the change.

    Parameters
    ----------
    bets
        How many.

    References
    ----------
    Page, "Continuous inspection schemes", Biometrika 1954; Lorden, "Procedures for reacting to a change in
    distribution", Annals of Mathematical Statistics 1971.

    Examples
    --------
    >>> points = ChangePoints(1)
    >>> for time, growth in enumerate([-1.0, -2.0, 1.0, -.5, 2.0]):
    ...     points.add(np.array([growth]), float(time))
    >>> points.since(np.array([True]))
    2.0
    """

    def __init__(self, bets: int) -> None:
        self._gain = np.zeros(bets)
        self._began = np.full(bets, np.nan)

    def add(self, growth: FloatArray, time: float) -> None:
        """Take in a batch: (bets,) log-growth, and its time."""
        np.copyto(self._began, time, where=self._gain <= 0)
        np.maximum(self._gain, 0.0, out=self._gain)
        self._gain += growth

    def begun(self, starts: IntArray) -> BoolArray:
        """(views,): whether some bet of a view has gained; if not, its likeliest change is yet to come.

        `starts` is where the bets of each view begin; a gain below the grain is rounding.
        """
        return np.asarray(np.maximum.reduceat(self._gain, starts) >= 1 / GRAIN)

    def since(self, bets: BoolArray) -> float:
        """Time of the first batch after the change, by the one of these bets that gained most."""
        return float(self._began[np.where(bets, self._gain, -np.inf).argmax()])

    def reset(self, bets: BoolArray) -> None:
        """Begin anew with these bets."""
        self._gain[bets] = 0.0
        self._began[bets] = np.nan

    def settle(self) -> None:
        """Round the gains down; a bet that has gained nothing is about to begin anew, so its beginning is forgotten."""
        np.maximum(np.floor(self._gain * GRAIN) / GRAIN, 0.0, out=self._gain)
        self._began[self._gain == 0.0] = np.nan

    def state(self) -> State:
        """Gains and beginnings."""
        return {"point_gain": self._gain.copy(), "point_began": self._began.copy()}

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        self._gain = state["point_gain"].astype(np.float64)
        self._began = state["point_began"].astype(np.float64)
