"""When harm that was found is over: episodes of views that watch labels."""

from __future__ import annotations

import numpy as np

from .readings import QUIET_SECONDS
from .shiryaev import LOG_ODDS_SURE, high_line
from .types import BoolArray, FloatArray, State

__all__ = ["AS_LONG", "SLACK", "Episodes"]

AS_LONG = 2.0
"""Quiet lasts at least so many times the labels in which the harm was found."""
SLACK = 1.1
"""Harm is over at so many times what is tolerated: just there its count would go up and down for ever."""


class Episodes:
    r"""One open episode a view, from its alarm until its labels say that the harm is over.

    The evidence of a view begins anew at its alarm, and again whenever it is high (`high_line`). The episode ends when
    since then

    - `hold` seconds have passed;
    - twice as many labels have come as those in which the harm was found, from the estimated change to the alarm, and
      all the while the count of harm, less 1.1 times what is tolerated, has not been higher than before them: a harm
      that lasts would have shown itself again;
    - the bets that found it have lost a factor 20 since they stood highest. These are all within that factor of the
      best one at the alarm, with an equal share each. Each says "r times as often as tolerated", so of a harm that goes
      on at such a rate the chance of losing that much from a given moment on is at most one in twenty (Ville).

    A number of labels alone is no measure: where the surest tenth is wrong in two of five, twenty labels show it, and
    two hundred that it is over; where a rate has grown by a third a thousand labels in a row may show nothing.

    Parameters
    ----------
    views, bets
        How many there are; every view has as many bets.
    log_level
        log A, in the unit of the promise.
    hold
        Seconds of quiet that an episode needs in any case.

    References
    ----------
    Ville, "Étude critique de la notion de collectif", 1939; Royall, "Statistical evidence", 1997.

    Examples
    --------
    >>> episodes = Episodes(1, 2, log_level=9.0, hold=60.0)
    >>> episodes.begin(np.array([True]), np.array([[8.0, 12.0]]), np.array([40.0]), time=0.0)
    >>> lost, seen, evidence = np.array([[-1.0, -2.0]]), np.array([[40.0, -2.0]]), np.array([-3.0])
    >>> for minute in (1, 2):
    ...     over = episodes.watch(lost, seen, evidence, 40.0, 60.0 * minute)[1]
    ...     print(over, episodes.held)
    [False] [ True]
    [ True] [False]
    """

    def __init__(self, views: int, bets: int, log_level: float, hold: float = QUIET_SECONDS) -> None:
        self._level, self._hold = log_level, hold
        self._held = np.zeros(views, dtype=np.bool_)
        self._needs = np.zeros(views)  # labels
        # since when; labels since the count of harm less its `SLACK` was highest, how much lower it is now; clock
        self._quiet = np.zeros((4, views))
        self._winners = np.full((views, bets), -np.inf)  # log-share of the bets that found the harm
        self._gain = np.zeros((views, bets))  # of each bet, since it stood highest: at most 0

    @property
    def held(self) -> BoolArray:
        """(views,): whether the view has an open episode. Not to be written to."""
        return self._held

    def begin(self, which: BoolArray, log_m: FloatArray, labels: FloatArray, time: float) -> None:
        """Open the episodes of `which`, (views,).

        Parameters
        ----------
        log_m
            (views, bets): evidence of each bet at the alarm.
        labels
            (views,): labels since the estimated change.
        time
            Epoch seconds.
        """
        if not which.any():
            return
        found = log_m[which]
        best = found >= found.max(axis=1, keepdims=True) - LOG_ODDS_SURE
        with np.errstate(divide="ignore"):  # the others have no share
            self._winners[which] = np.log(best) - np.log(best.sum(axis=1, keepdims=True))
        self._held[which] = True
        self._needs[which] = AS_LONG * labels[which]
        self._anew(which, time)

    def watch(
        self, growth: FloatArray, seen: FloatArray, log_means: FloatArray, clock: float, time: float
    ) -> tuple[BoolArray, BoolArray]:
        """Take in a batch; the views whose evidence begins anew, and those whose episode ends with it, (views,) each.

        Parameters
        ----------
        growth
            (views, bets): what each bet gained, as logarithms.
        seen
            (views, 2): labels that came, and their harm less `SLACK` times what is tolerated.
        log_means
            (views,): evidence of each view.
        clock
            What the promise counts since the batch before.
        time
            Epoch seconds.
        """
        below = self._quiet[2] + seen[:, 1]
        self._quiet[1] = np.where(below < 0, self._quiet[1] + seen[:, 0], 0.0)
        self._quiet[2] = np.minimum(below, 0.0)
        self._quiet[3] += clock
        self._gain = np.minimum(self._gain + growth, 0.0)
        high: BoolArray = self._held & (log_means >= high_line(self._level, self._quiet[3]))
        self._anew(high, time)
        over = self._held & (time - self._quiet[0] >= self._hold) & (self._quiet[1] >= self._needs)
        if over.any():
            lost = -np.logaddexp.reduce(self._gain[over] + self._winners[over], axis=1)
            over[over] = lost >= LOG_ODDS_SURE
            self.end(over)
        return high, over

    def end(self, which: BoolArray) -> None:
        """End the episodes of `which`, (views,)."""
        self._held[which] = False
        self._winners[which] = -np.inf

    def state(self) -> State:
        """Open episodes and what has been seen since they were quiet."""
        return {
            "episodes_held": self._held.copy(),
            "episodes_needs": self._needs.copy(),
            "episodes_quiet": self._quiet.copy(),
            "episodes_winners": self._winners.copy(),
            "episodes_gain": self._gain.copy(),
        }

    def restore(self, state: State) -> None:
        """Continue from `state`, of as many views and bets."""
        self._held = state["episodes_held"].astype(np.bool_)
        self._needs = state["episodes_needs"].astype(np.float64)
        self._quiet = state["episodes_quiet"].astype(np.float64)
        self._winners = state["episodes_winners"].astype(np.float64)
        self._gain = state["episodes_gain"].astype(np.float64)

    def _anew(self, which: BoolArray, time: float) -> None:
        self._quiet[:, which] = np.array([time, 0.0, 0.0, 0.0])[:, None]
        self._gain[which] = 0.0
