"""How much surer than the level an alarm must be that lowers the bar: openings that were taken back raise it."""

from __future__ import annotations

import numpy as np

from .epochs import LABELS_PER_FALSE_EPOCH, Side
from .types import State

__all__ = ["SHORT_LIVED", "Caution"]

SHORT_LIVED = LABELS_PER_FALSE_EPOCH / 20
"""Labels within which an alarm for worse says that the opening before it was none."""
_MOST_DOUBLINGS = 4


class Caution:
    r"""Divisor of the bets on fewer errors, :math:`v\, 2^k`: v the memory of the reference's errors, k learnt.

    Closing the bar is safe and opening it is dear: behind a closed bar every request is asked for, behind an open one
    the audited alone, so that what opened wrongly takes 1 / audit times as many requests to close. And where errors
    come in spells each good one looks like an improvement. k goes up by one, to 4 at most, with each opening that an
    alarm for worse takes back within 5,000 labels, and down by one with each that lasted longer.

    **What holds**: labels that are worth E nats undivided add E / (v 2^k) to the evidence for better, so that each
    opening that was taken back halves what another spell like it can show. **What does not**: a spell of more evidence
    than that, or of very many labels, opens the bar as a lasting change does; and a change that does last is seen v 2^k
    times as late by the alarm, where tracking has not lowered the bar by then.

    Parameters
    ----------
    memory
        v ≥ 1: variance of the sum of the reference's errors over consecutive labels, over that of independent ones.

    Examples
    --------
    >>> caution = Caution(memory=3.0)
    >>> for side in (Side.WORSE, Side.BETTER, Side.WORSE):
    ...     caution.alarm(side, labels=800)
    >>> caution.divisor
    6.0
    """

    def __init__(self, memory: float = 1.0) -> None:
        self._memory = memory
        self._doublings = 0
        self._opened = False

    @property
    def divisor(self) -> float:
        """What the bets on fewer errors are divided by."""
        return self._memory * 2.0**self._doublings

    def alarm(self, side: Side, labels: int) -> None:
        """Hear of an epoch alarm, `labels` after the one before it."""
        if side is Side.WORSE and self._opened:
            self._doublings += 1 if labels < SHORT_LIVED else -1
            self._doublings = min(max(self._doublings, 0), _MOST_DOUBLINGS)
        self._opened = side is Side.BETTER

    def state(self) -> State:
        """Doublings, and whether the last alarm opened."""
        return {"caution": np.array([self._doublings, self._opened])}

    def restore(self, state: State) -> None:
        """Continue from `state`; the memory is the profile's."""
        doublings, opened = state["caution"].tolist()
        self._doublings, self._opened = int(doublings), bool(opened)
