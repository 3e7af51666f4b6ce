"""Fairness: whether a rate differs between the groups of one segment name by more than is tolerated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.harm import HarmReading
from detectors.rates import Rates
from detectors.readings import QUIET_SECONDS
from detectors.types import FloatArray, IntArray, State

__all__ = ["Gaps", "reference_gaps"]

_STAKES = np.array([0.1, 0.3, 0.6, 0.9])


class Gaps:
    r"""One-sided e-detectors of "this group differs from the others of its name by more than δ", both ways.

    For a pair of events of one batch, one of group g and one of any other group of its name, and x what is counted of
    them (wrong or not, covered or not, answered or not), a bet is :math:`1 + \lambda (x_g - x - \delta)` with
    :math:`0 < \lambda < 1 / (1 + \delta)`. Of a batch with rates :math:`\hat p` in the group and :math:`\hat r` among
    the others, and m events in the smaller of the two, the bet gains the geometric mean over all ways to make pairs,

    .. math:: m [\hat p (1 - \hat r) \log(1 + \lambda (1 - \delta)) + (1 - \hat p) \hat r \log(1 - \lambda (1 + \delta))
              + (1 - \hat p (1 - \hat r) - (1 - \hat p) \hat r) \log(1 - \lambda \delta)]

    which is at most their arithmetic mean, and so at most one on average: as long as no two groups of the name differ
    by more than δ given the past. The rates may move as they like if they move together: a change that hits all alike
    is no gap. Each group has a part of the weight, so the chance of a false alarm of any gap by time t is at most the
    weight of all of them times t / A. Events of a batch are taken as independent given the past.

    **What it does not**: say which of two groups is treated as it should be, or why. Equal errors, equal coverage and
    equal shares of answers can't all be had where groups are not equally hard; which of them matters, people decide.

    Parameters
    ----------
    what
        What is counted, as `error`.
    labels
        Of the groups, `name=value`.
    name_of
        (groups,): a number for each group's name.
    tolerated
        (groups,): δ; infinite for groups whose name is not watched.
    log_level, quiet, share
        As `Rates` has them; `share` is that of all these gaps together.

    References
    ----------
    Chugg, Cortes-Gomez, Wilder & Ramdas, "Auditing fairness by betting", NeurIPS 2023.

    Examples
    --------
    >>> gaps = Gaps("error", ("a=x", "a=y"), np.array([0, 0]), np.array([.05, .05]), np.log(1e4), share=.25)
    >>> none = HarmReading(-np.inf, (), None, open=False)
    >>> for hour in range(50):
    ...     said = gaps.count(np.array([[9.0, 1.0], [6.0, 4.0]]), 10.0, 3600.0 * hour, none)
    ...     if said.alarms: break
    >>> hour, said.alarms[0].view
    (12, 'fairness: error of a=y above others')
    """

    def __init__(
        self,
        what: str,
        labels: Sequence[str],
        name_of: IntArray,
        tolerated: FloatArray,
        log_level: float,
        quiet: float = QUIET_SECONDS,
        share: float = 1.0,
    ) -> None:
        self._same = (name_of[:, None] == name_of) & np.isfinite(tolerated)[:, None]
        np.fill_diagonal(self._same, val=False)
        delta = np.where(np.isfinite(tolerated), np.minimum(tolerated, 1.0), 1.0)
        names = [f"fairness: {what} of {label} {side} others" for side in ("above", "below") for label in labels]
        both = np.concatenate([delta, delta])
        self._rates = Rates(names, both, log_level, quiet, share=share)
        bets = _STAKES / (1 + delta[:, None])
        self._more = np.log1p(bets * (1 - delta[:, None]))
        self._less = np.log1p(-bets * (1 + delta[:, None]))
        self._alike = np.log1p(-bets * delta[:, None])

    @property
    def is_open(self) -> bool:
        """Whether some gap has an open episode."""
        return self._rates.is_open

    def count(self, seen: FloatArray, clock: float, time: float, beside: HarmReading) -> HarmReading:
        """Take in a batch.

        Parameters
        ----------
        seen
            (groups, 2): weight of the events of which it does not hold, and of which it does; zeros for groups that
            are not to be compared.
        clock, time, beside
            As `Rates.count` has them.
        """
        n = seen.sum(axis=1)
        others = self._same @ seen
        rest = others.sum(axis=1)
        pairs = np.minimum(n, rest)
        ours = np.divide(seen[:, 1], n, out=np.zeros(len(n)), where=n > 0)
        theirs = np.divide(others[:, 1], rest, out=np.zeros(len(n)), where=rest > 0)
        above, below = pairs * ours * (1 - theirs), pairs * (1 - ours) * theirs
        alike = pairs - above - below
        growth = [
            one[:, None] * self._more + other[:, None] * self._less + alike[:, None] * self._alike
            for one, other in ((above, below), (below, above))
        ]
        excess = np.concatenate([above - below, below - above])
        told = np.stack([np.concatenate([pairs, pairs]) - excess, excess], axis=1)
        return self._rates.take(np.concatenate(growth), told, clock, time, beside)

    def state(self) -> State:
        """Evidence and episodes."""
        return self._rates.state()

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same groups."""
        self._rates.restore(state)


def reference_gaps(happened: FloatArray, n: FloatArray, name_of: IntArray, floor: float = 0.02) -> FloatArray:
    """The gap of each group's name that a reference may have: (groups,); infinite where it has too little to say.

    The largest difference between two groups of a name plus two standard errors of it, and at least `floor`: what the
    reference shows by chance alone is no promise.

    Examples
    --------
    >>> reference_gaps(np.array([10.0, 30.0]), np.array([100.0, 100.0]), np.array([0, 0])).round(2).tolist()
    [0.31, 0.31]
    """
    rate = np.divide(happened, n, out=np.full(len(n), np.nan), where=n > 0)
    variance = np.divide(rate * (1 - rate) + 0.25 / np.maximum(n, 1), np.maximum(n, 1))
    gap = np.abs(rate[:, None] - rate) + 2 * np.sqrt(variance[:, None] + variance)
    same = (name_of[:, None] == name_of) & ~np.eye(len(n), dtype=bool)
    pairs = np.where(same & ~np.isnan(gap), gap, -np.inf)
    widest = np.array([pairs[name_of == name].max() for name in name_of])
    return np.where(np.isfinite(widest), np.maximum(widest, floor), np.inf)
