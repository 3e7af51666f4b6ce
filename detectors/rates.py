"""Rates of harm that are held against a fixed one: losses above a height, a proxy that comes apart from its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .episodes import SLACK, Episodes
from .harm import HarmAlarm, HarmReading
from .readings import QUIET_SECONDS
from .shiryaev import log_means, retained
from .types import BoolArray, FloatArray, State

__all__ = ["SHARE_OF_HARM", "Rates"]

SHARE_OF_HARM = 0.25
"""Weight of one group of rates among the harm views; what is left is for the others."""
_RATIOS = np.array([1.5, 2.0, 3.0, 5.0])


class Rates:
    r"""One-sided e-detectors of "this happens more often than it may", with a fixed rate each.

    The bets are those of `Harm`, :math:`1 + \lambda (x - p_0)` with x = 1 where it happens. As long as it happens with
    a probability of at most :math:`p_0`, given the past, no bet wins on average, and the chance of any false alarm of
    this group by time t is at most its weight times t / A. What has a weight w below one counts w times, which pays
    less than it may and never more.

    Parameters
    ----------
    names
        Of what is counted.
    tolerated
        (rates,): :math:`p_0`.
    log_level, quiet
        log A, in the unit of the promise; seconds of quiet that end an episode.
    share
        Weight of this group of rates; each of them has an equal part of it.

    References
    ----------
    Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024; Podkopaev & Ramdas,
    "Tracking the risk of a deployed model and detecting harmful distribution shifts", ICLR 2022.

    Examples
    --------
    >>> rates = Rates(("apart",), np.array([.2]), np.log(1e4))
    >>> none = HarmReading(-np.inf, (), None, open=False)
    >>> rates.count(np.array([[82.0, 18.0]]), 100.0, 0.0, none).alarms
    ()
    >>> [alarm.view for alarm in rates.count(np.array([[40.0, 60.0]]), 100.0, 60.0, none).alarms]
    ['apart']
    """

    def __init__(
        self,
        names: Sequence[str],
        tolerated: FloatArray,
        log_level: float,
        quiet: float = QUIET_SECONDS,
        *,
        share: float = SHARE_OF_HARM,
    ) -> None:
        self.names = tuple(names)
        self._p0 = np.minimum(tolerated, 1 - 1e-9)
        self._level = log_level
        self._log_weight = float(np.log(share / len(self.names)))
        bets = np.minimum((_RATIOS - 1) / (1 - self._p0[:, None]), 0.9 / np.maximum(self._p0[:, None], 1e-9))
        self._below, self._above = np.log1p(-bets * self._p0[:, None]), np.log1p(bets * (1 - self._p0[:, None]))
        self._log_m = np.full(bets.shape, -np.inf)
        self._since = np.zeros((len(self.names), 2))
        self._waited = 0.0
        self._episodes = Episodes(len(self.names), len(_RATIOS), log_level, quiet)
        self.retained = np.ones(len(self.names))
        """(rates,): the share of the counts before the last batch that came after the change, if there was one."""

    @property
    def held(self) -> BoolArray:
        """(rates,): which have an open episode."""
        return self._episodes.held

    @property
    def is_open(self) -> bool:
        """Whether some rate has an open episode."""
        return bool(self.held.any())

    def count(self, seen: FloatArray, clock: float, time: float, beside: HarmReading) -> HarmReading:
        """Take in a batch, and tell it together with `beside`, what the other harm views say.

        Parameters
        ----------
        seen
            (rates, 2): weight of what did not happen, and of what did.
        clock
            What the promise counts since the batch before.
        time
            Epoch seconds.
        beside
            Reading of the other harm views.
        """
        growth = seen[:, :1] * self._below + seen[:, 1:] * self._above
        return self.take(growth, seen, clock, time, beside)

    def take(self, growth: FloatArray, seen: FloatArray, clock: float, time: float, beside: HarmReading) -> HarmReading:
        """As `count`, with what each bet gained worked out: `growth`, (rates, 4 bets), as logarithms."""
        self._waited += clock
        self.retained = np.ones(len(self.names))
        if seen.any():
            with np.errstate(divide="ignore"):  # no time has passed: log 0
                log_w = float(np.log(self._waited))
            before = self._means()
            self._log_m = np.logaddexp(self._log_m, log_w) + growth
            self.retained = retained(before, log_w)
            self._since = self.retained[:, None] * self._since + seen
            self._resolve(growth, seen, self._waited, time)
            self._waited = 0.0
        return self._told(beside, time)

    def forget(self, which: BoolArray) -> None:
        """Begin `which`, (rates,), anew, episodes included: what their evidence was made of is explained otherwise.

        This can only put an alarm off, so the promise on false ones stands.
        """
        self._log_m[which] = -np.inf
        self._since[which] = 0.0
        self._episodes.end(which)

    def state(self) -> State:
        """Evidence and episodes."""
        return {
            "rate_log_m": self._log_m.copy(),
            "rate_since": self._since.copy(),
            "rate_waited": np.array([self._waited]),
            **self._episodes.state(),
        }

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same rates."""
        self._log_m = state["rate_log_m"].astype(np.float64)
        self._since = state["rate_since"].astype(np.float64)
        self._waited = float(state["rate_waited"][0])
        self._episodes.restore(state)

    def _means(self) -> FloatArray:
        bets = len(_RATIOS)
        starts = np.arange(0, self._log_m.size, bets)
        return log_means(self._log_m.ravel(), starts, np.full(self._log_m.size, -np.log(bets)))

    def _resolve(self, growth: FloatArray, seen: FloatArray, clock: float, time: float) -> None:
        """Begin the evidence of a held rate anew where it is high, and that of one whose episode has ended."""
        labels = seen.sum(axis=1)
        labels_and_excess = np.stack([labels, seen[:, 1] - SLACK * self._p0 * labels], axis=1)
        high, over = self._episodes.watch(growth, labels_and_excess, self._means(), clock, time)
        self._log_m[high | over] = -np.inf
        self._since[over] = 0.0

    def _told(self, beside: HarmReading, time: float) -> HarmReading:
        evidence = np.where(self.held, -np.inf, self._means() + self._log_weight)
        over: BoolArray = evidence >= self._level
        alarms = tuple(self._alarm(int(i), float(evidence[i])) for i in np.flatnonzero(over))
        self._episodes.begin(over, self._log_m, self._since.sum(axis=1), time)
        self._log_m[over] = -np.inf
        top = max(beside.top, float(evidence.max()))
        return replace(beside, top=top, alarms=(*beside.alarms, *alarms), open=beside.open or self.is_open)

    def _alarm(self, rate: int, evidence: float) -> HarmAlarm:
        less, more = (round(float(x)) for x in self._since[rate])
        return HarmAlarm(self.names[rate], evidence, float(self._p0[rate]), less + more, more)
