"""Users' reports of harm: are more answers flagged than usual, or than may be?"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .harm import HarmReading, upper_bound
from .rates import Rates
from .readings import QUIET_SECONDS
from .types import State

__all__ = ["HOURS", "LEARNT_FROM", "SHARE_OF_FLAGS", "Exposure", "FlagRate"]

SHARE_OF_FLAGS = 0.05
"""Weight of the flags' rate among the harm views: most models have none, and it must cost the others nothing."""
HOURS = 96
"""Hours between an answer and its flag that are told apart; later ones count as the last."""
LEARNT_FROM = 10_000
"""Predictions from which the usual rate is learnt, at least,"""
_DAY = 86_400.0
"""and a day of them, the second after the first flag: in the first one they have only begun to come."""
_HOUR = 3600.0
_MEMORY = 1000.0
_NAME = "flags"


class Exposure:
    """How many predictions flags may be of now: each prediction counts once, spread over the hours until its flag.

    People flag an answer hours after it was given, so the flags of a busy day come in the quiet night. Held against
    the predictions of the same hour a steady rate would rise and fall every day.

    Examples
    --------
    >>> exposure = Exposure()
    >>> [exposure.update(100, {}, 0.0), exposure.update(0, {2: 99}, 3 * 3600.0)]
    [100.0, 0.0]
    >>> days = 2 * 86400.0
    >>> [round(exposure.update(n, {}, days + hour * 3600.0)) for n, hour in ((0, 3), (100, 4), (0, 7))]
    [0, 1, 99]
    """

    def __init__(self) -> None:
        self._delays = np.zeros(HOURS)  # flags seen, by hours; until there are any, all come at once
        self._delays[0] = 1.0
        self._due = np.zeros(HOURS)  # predictions that may be flagged in this hour, and in each of those after it
        self._time = np.array([math.nan, 0.0, math.nan])  # time, share of this hour that is over, the first flag's time

    def update(self, predictions: int, flagged: Mapping[int, int], time: float) -> float:
        """Take in a batch at `time`, in epoch seconds; returns what has become due."""
        due = self._passed(time)
        shares = self._delays / self._delays.sum()
        # what is flagged from k to k + 1 hours later is so in the k-th hour from this one, or in the next
        over = self._time[1]
        due += predictions * float(shares[0])
        self._due[1:] += predictions * (1 - over) * shares[1:]
        self._due[2:] += predictions * over * shares[1:-1]
        self._due[-1] += predictions * over * shares[-1]
        if flagged and math.isnan(self._time[2]):
            self._time[2] = time
        for hours, n in flagged.items():
            self._delays *= 1 - min(n / _MEMORY, 0.5)
            self._delays[min(max(hours, 0), HOURS - 1)] += n
        # when flags come is not known yet, and the flags of what was answered before are still to come
        unsure = not time - self._time[2] >= 2 * _DAY
        return max(due, float(predictions)) if unsure else due

    def state(self) -> State:
        """What is due, and when flags come."""
        return {"delays": self._delays.copy(), "due": self._due.copy(), "exposed": self._time.copy()}

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        self._delays, self._due, self._time = (state[name].astype(np.float64) for name in ("delays", "due", "exposed"))

    def _passed(self, time: float) -> float:
        """Go on to a time; returns what has become due on the way."""
        before, over, _ = self._time.tolist()
        hours = 0.0 if math.isnan(before) else max(time - before, 0.0) / _HOUR
        due = 0.0
        whole = int(min(over + hours, HOURS))
        if whole:
            due += float(self._due[:whole].sum())
            self._due[: HOURS - whole] = self._due[whole:]
            self._due[HOURS - whole :] = 0.0
            left, over = (over + hours) % 1.0, 0.0
        else:
            left = over + hours
        if left > over:
            now = float(self._due[0]) * (left - over) / (1.0 - over)
            self._due[0] -= now
            due += now
        self._time[:2] = (time if math.isnan(before) else max(time, before), left)
        return due


class FlagRate:
    r"""One-sided e-detector of "more answers are flagged than tolerated".

    An answer that somebody has flagged is counted when its first flag comes; how many predictions these flags are of,
    n, is what `Exposure` says. While flags come no faster than a Poisson process of rate :math:`p_0 n`, no bet of
    `Rates` wins on average,

    .. math::

        E\bigl[(1 - \lambda p_0)^{n} (1 + \lambda (1 - p_0))^{f}\bigr]
        \le e^{-\lambda p_0 n + \lambda (1 - p_0) p_0 n} \le 1,

    and the chance of a false alarm by time t is at most its weight times t / A. Where the user names no rate,
    :math:`p_0` is the upper 95 % bound of the rate in a first stretch; until then nothing alarms. When flags come is
    learnt from flags, too, so how often false alarms come is measured: `tests/statistical/test_flags.py`.

    It says nothing of who flags: one user who flags many answers counts once an answer.

    Parameters
    ----------
    tolerated
        :math:`p_0`; None, it is learnt.
    log_level, quiet
        log A, in the unit of the promise; seconds of quiet that end an episode.

    Examples
    --------
    >>> flags = FlagRate(0.01, np.log(1e4))
    >>> none = HarmReading(-np.inf, (), None, open=False)
    >>> flags.update(1000, {0: 10}, 1000.0, 0.0, none).alarms
    ()
    >>> [alarm.view for alarm in flags.update(1000, {0: 60}, 1000.0, 60.0, none).alarms]
    ['flags']
    """

    def __init__(self, tolerated: float | None, log_level: float, quiet: float = QUIET_SECONDS) -> None:
        self._level, self._quiet = log_level, quiet
        self._exposure = Exposure()
        self._learnt = np.array([math.nan, 0.0, 0.0])  # when the first flag came, predictions and flags a day later
        self._p0 = math.nan
        self._rates: Rates | None = None
        if tolerated is not None:
            self._begin(tolerated)

    @property
    def tolerated(self) -> float:
        """The rate that is held against; NaN until it is known."""
        return self._p0

    @property
    def is_open(self) -> bool:
        """Whether an episode is open."""
        return self._rates is not None and self._rates.is_open

    def update(
        self, predictions: int, flagged: Mapping[int, int], clock: float, time: float, beside: HarmReading
    ) -> HarmReading:
        """Take in a batch: predictions made, and answers flagged for the first time, by whole hours since they were.

        `clock` is what the promise counts since the batch before, `time` in epoch seconds, `beside` the reading of the
        other harm views.
        """
        due, n = self._exposure.update(predictions, flagged, time), sum(flagged.values())
        if self._rates is None:
            self._learn(predictions, n, time)
            return beside
        return self._rates.count(np.array([[due, float(n)]]), clock, time, beside)

    def state(self) -> State:
        """What was learnt, evidence and episodes."""
        rates = {} if self._rates is None else self._rates.state()
        learnt = {"learnt": self._learnt.copy(), "p0": np.array([self._p0])}
        return {**learnt, **self._exposure.state(), **rates}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same tolerance."""
        self._exposure.restore(state)
        self._learnt = state["learnt"].astype(np.float64)
        p0 = float(state["p0"][0])
        if not math.isnan(p0):
            self._begin(p0).restore(state)

    def _begin(self, tolerated: float) -> Rates:
        self._p0 = tolerated
        self._rates = Rates((_NAME,), np.array([tolerated]), self._level, self._quiet, share=SHARE_OF_FLAGS)
        return self._rates

    def _learn(self, predictions: int, flagged: int, time: float) -> None:
        if math.isnan(self._learnt[0]):
            if flagged:
                self._learnt[0] = time
            return
        began, n, n_flagged = self._learnt.tolist()
        if time - began < _DAY:
            return
        self._learnt[1:] += (predictions, flagged)
        if n >= LEARNT_FROM and time - began >= 2 * _DAY:
            self._begin(float(upper_bound(int(min(n_flagged, n)), int(n))))
