"""Losses of a regression: how often the error exceeds what it exceeded on the reference, at several heights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .harm import HarmAlarm, HarmReading, upper_bound
from .readings import QUIET_EVENTS, QUIET_SECONDS
from .shiryaev import log_means, retained
from .types import BoolArray, FloatArray, State

__all__ = ["LOSS_SHARES", "SHARE_OF_HARM", "Losses"]

LOSS_SHARES = (0.5, 0.25, 0.1, 0.03)
"""Shares of the reference's losses above each height."""
SHARE_OF_HARM = 0.25
"""Weight of all heights together among the harm views; the others keep the rest."""
_RATIOS = np.array([1.5, 2.0, 3.0, 5.0])


class Losses:
    r"""One-sided e-detectors of "more losses above this height than on the reference", with a fixed rate each.

    The heights are the quantiles of the reference's losses of which 50, 25, 10 and 3 % lie above; the rate that is
    tolerated at each, :math:`p_0`, is the upper 95 % bound of what the reference has above it. The bets are those of
    `Harm`, :math:`1 + \lambda (x - p_0)` with x = 1 for a loss above; so as long as no loss exceeds a height with a
    probability above its :math:`p_0`, given the past, no bet wins on average, and false alarms of all heights together
    are at most t / A by time t. The mean loss would need a bound on losses; shares need none, and name which part grew.

    A loss of weight w below one counts w times, which pays less than it may and never more.

    Parameters
    ----------
    reference
        (rows,): losses of the reference.
    log_level, quiet
        log A, in the unit of the promise; seconds of quiet that end an episode.

    References
    ----------
    Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024; Podkopaev & Ramdas,
    "Tracking the risk of a deployed model and detecting harmful distribution shifts", ICLR 2022.

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
        self._p0 = np.minimum(upper_bound(above, np.full(len(above), len(reference))), 1 - 1e-9)
        self.names = tuple(f"loss above {height:.4g}" for height in self._heights)
        self._level, self._hold = log_level, quiet
        self._log_weight = float(np.log(SHARE_OF_HARM / len(self.names)))
        bets = np.minimum((_RATIOS - 1) / (1 - self._p0[:, None]), 0.9 / np.maximum(self._p0[:, None], 1e-9))
        self._below, self._above = np.log1p(-bets * self._p0[:, None]), np.log1p(bets * (1 - self._p0[:, None]))
        self._log_m = np.full(bets.shape, -np.inf)
        self._since = np.zeros((len(self.names), 2))
        self._waited = 0.0
        self._held = np.zeros(len(self.names), dtype=np.bool_)
        self._quiet = np.zeros((2, len(self.names)))

    @property
    def is_open(self) -> bool:
        """Whether some height has an open episode."""
        return bool(self._held.any())

    def update(
        self, losses: FloatArray, weights: FloatArray, clock: float, time: float, beside: HarmReading
    ) -> HarmReading:
        """Take in a batch of losses, (labels,), and tell them together with `beside`, what the other harm views say."""
        self._waited += clock
        if len(losses):
            over = weights @ (losses[:, None] > self._heights)
            seen = np.stack([weights.sum() - over, over], axis=1)
            with np.errstate(divide="ignore"):  # no time has passed: log 0
                log_w = float(np.log(self._waited))
            before = self._means()
            growth = seen[:, :1] * self._below + seen[:, 1:] * self._above
            self._log_m = np.logaddexp(self._log_m, log_w) + growth
            self._since = retained(before, log_w)[:, None] * self._since + seen
            self._waited = 0.0
            self._resolve(float(weights.sum()), time)
        return self._told(beside, time)

    def state(self) -> State:
        """Evidence and episodes."""
        return {
            "loss_log_m": self._log_m.copy(),
            "loss_since": self._since.copy(),
            "loss_waited": np.array([self._waited]),
            "loss_held": self._held.copy(),
            "loss_quiet": self._quiet.copy(),
        }

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same reference."""
        self._log_m = state["loss_log_m"].astype(np.float64)
        self._since = state["loss_since"].astype(np.float64)
        self._waited = float(state["loss_waited"][0])
        self._held = state["loss_held"].astype(np.bool_)
        self._quiet = state["loss_quiet"].astype(np.float64)

    def _means(self) -> FloatArray:
        bets = len(_RATIOS)
        starts = np.arange(0, self._log_m.size, bets)
        return log_means(self._log_m.ravel(), starts, np.full(self._log_m.size, -np.log(bets)))

    def _resolve(self, labels: float, time: float) -> None:
        """Begin the evidence of a held height anew where it is high; release what has been quiet for long enough."""
        self._quiet[1] += labels
        high = self._held & (self._means() >= self._level / 2)
        self._quiet[0, high], self._quiet[1, high] = time, 0.0
        quiet = self._held & (time - self._quiet[0] >= self._hold) & (self._quiet[1] >= QUIET_EVENTS)
        self._held &= ~quiet
        self._log_m[high | quiet] = -np.inf
        self._since[quiet] = 0.0

    def _told(self, beside: HarmReading, time: float) -> HarmReading:
        evidence = np.where(self._held, -np.inf, self._means() + self._log_weight)
        over: BoolArray = evidence >= self._level
        alarms = tuple(self._alarm(int(i), float(evidence[i])) for i in np.flatnonzero(over))
        self._held |= over
        self._log_m[over] = -np.inf
        self._quiet[0, over], self._quiet[1, over] = time, 0.0
        top = max(beside.top, float(evidence.max()))
        return replace(beside, top=top, alarms=(*beside.alarms, *alarms), open=beside.open or self.is_open)

    def _alarm(self, height: int, evidence: float) -> HarmAlarm:
        below, above = (round(float(x)) for x in self._since[height])
        return HarmAlarm(self.names[height], evidence, float(self._p0[height]), below + above, above)
