"""How far to raise the bar before any label of a change has come."""

from __future__ import annotations

import numpy as np

from .types import State

__all__ = ["HOLD_REQUESTS", "Suspicion", "suspicion_level"]

HOLD_REQUESTS = 2_000
_HEIGHT = 0.4
_STARTS_AT = 0.56
_NEVER_GRADED_BELOW = 7.5


def suspicion_level(log_evidence: float, log_threshold: float) -> float:
    """How far evidence is on its way to an alarm: `clip((log M - .56 log A) / (.44 log A), 0, 1)`.

    With `log A < 7.5` it is 1 at the alarm and 0 before: .56 of so little is reached by chance all the time.

    Parameters
    ----------
    log_evidence
        log of weight × M. Both counted in labels (epoch detector) or in events (evidence without labels: days × the
        reference's events a day).
    log_threshold
        log A in the same unit.

    Examples
    --------
    >>> [round(suspicion_level(x, 10.0), 2) for x in (5.0, 7.8, 12.0)]
    [0.0, 0.5, 1.0]
    >>> suspicion_level(6.9, 7.0), suspicion_level(7.0, 7.0)
    (0.0, 1.0)
    """
    if log_threshold < _NEVER_GRADED_BELOW:
        return 1.0 if log_evidence >= log_threshold else 0.0
    level = (log_evidence - _STARTS_AT * log_threshold) / ((1 - _STARTS_AT) * log_threshold)
    return min(max(level, 0.0), 1.0)


class Suspicion:
    """`.4 · x · (1 − λ)`, added to the threshold; x the larger of the epoch detector's level and the evidence's.

    After an alarm of either x is 1 for 2,000 requests. Evidence without labels then counts nothing until its next
    episode: its level must first have been 0, or another alarm must come. It promises nothing by itself; what it holds
    back goes on being labelled and moves λ, so the long-run bound of the tracking threshold stays.

    Examples
    --------
    >>> suspicion = Suspicion()
    >>> suspicion.update(requests=100, evidence=.5, alarm=False)
    >>> round(suspicion.bar(threshold=.4, epoch_level=0.0), 3)
    0.12
    >>> suspicion.update(requests=100, evidence=1.0, alarm=True)
    >>> round(suspicion.bar(threshold=.4, epoch_level=0.0), 3)
    0.24
    >>> suspicion.update(requests=2000, evidence=1.0, alarm=False)
    >>> suspicion.bar(threshold=.4, epoch_level=0.0)
    0.0
    """

    def __init__(self) -> None:
        self._left = 0
        self._spent = False
        self._evidence = 0.0

    def update(self, requests: int, evidence: float, *, alarm: bool) -> None:
        """Take in a batch of `requests`; `evidence` in [0, 1]; `alarm`: a warning or a worse epoch began with it."""
        self._left = max(self._left - requests, 0)
        if alarm:
            self._left, self._spent = HOLD_REQUESTS, True
        elif evidence <= 0 and not self._left:
            self._spent = False
        self._evidence = evidence

    def level(self, epoch_level: float) -> float:
        """Level in [0, 1], given that of the epoch detector."""
        if self._left:
            return 1.0
        return epoch_level if self._spent else max(epoch_level, self._evidence)

    def bar(self, threshold: float, epoch_level: float) -> float:
        """Give what is added to the threshold λ."""
        return _HEIGHT * self.level(epoch_level) * max(1 - threshold, 0.0)

    def state(self) -> State:
        """Keep requests left at full suspicion, whether the episode is spent, and the last evidence."""
        return {"suspicion": np.array([self._left, self._spent, self._evidence], dtype=np.float64)}

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        left, spent, evidence = (float(x) for x in state["suspicion"])
        self._left, self._spent, self._evidence = int(left), bool(spent), evidence
