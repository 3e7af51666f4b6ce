"""One ordered view, event by event: an e-detector in the strict sense, and an oracle for the one in batches."""

from __future__ import annotations

import numpy as np

from .payoffs import LOCATIONS, SCALES
from .ranks import RankTable
from .types import FloatArray, State

__all__ = ["ExactDetector"]


class ExactDetector:
    r"""A Shiryaev-Roberts e-detector on gap counts.

    N exchangeable numbers without ties leave N + 1 gaps, and the next falls into each with a probability of
    :math:`1 / (N + 1)`, whatever the ranks of those before. The edges of the bins are numbers of the reference itself,
    so a bin stands for a known number of gaps: one below the least of the reference and one above its greatest, in the
    first bin one less than it has numbers, in each other one as many as it has; and each number since adds a gap to the
    bin that it fell in. A bet pays its mean over a bin's gaps,

    .. math:: \frac{E(hi) - E(lo)}{hi - lo}, \qquad \sum_b (hi_b - lo_b)\, payoff_b = 1,

    so that **given the past** its mean is one: :math:`M_t - t` is a martingale, false alarms come A events apart on
    average at least, and it holds at any time that the evidence may choose. The event is paid before it is counted.
    With ties it is an approximation; the batch path is for those.

    An event costs a look-up of all bins, some 50 microseconds: for streams of few events, and as what the batch path is
    held against with batches of one.

    Parameters
    ----------
    reference
        (rows,): numbers, at least two different ones.
    log_level
        log A, in events.
    bins
        Quantile bins between the least and the greatest.

    References
    ----------
    Vovk, Gammerman & Shafer, *Algorithmic Learning in a Random World*, 2nd ed., ch. 8; Shin, Ramdas & Rinaldo,
    "E-detectors", 2023.

    Examples
    --------
    >>> detector = ExactDetector(np.arange(1000.0), np.log(1e4))
    >>> alarms = [detector.update(x) for x in [990.5, 980.5, 970.5, 985.5, 995.5, 999.5]]
    >>> alarms.index(True)
    5
    """

    def __init__(self, reference: FloatArray, log_level: float, bins: int = 32) -> None:
        ordered = np.sort(reference)
        if len(ordered) < 2 or ordered[0] == ordered[-1]:
            raise ValueError(f"the reference has {len(ordered)} numbers; it needs at least two different ones")
        edges = np.quantile(ordered, np.linspace(0, 1, bins + 1), method="inverted_cdf")
        self._edges = np.unique(edges)
        counts = np.diff(np.searchsorted(ordered, self._edges, side="right"), prepend=0)[1:]
        # the least number lies in the first bin; the gap below it is outside
        counts[0] += np.searchsorted(ordered, self._edges[0], side="right") - 1
        self._gaps = np.concatenate([[1.0], counts, [1.0]])
        self._table = RankTable(LOCATIONS, SCALES)
        self._log_m = np.full(len(LOCATIONS) + len(SCALES), -np.inf)
        self._level = log_level

    @property
    def gaps(self) -> FloatArray:
        """(bins + 2,): gaps below the reference, in each bin, and above; they add up to the numbers so far and one."""
        return self._gaps.copy()

    @property
    def log_evidence(self) -> float:
        """Logarithm of M, the mean over the bets."""
        return float(np.logaddexp.reduce(self._log_m) - np.log(len(self._log_m)))

    def log_payoffs(self) -> FloatArray:
        """(bins + 2, bets): what each bin pays the next event."""
        each = np.eye(len(self._gaps))
        return self._table.growth(np.broadcast_to(self._gaps, each.shape), each)

    def update(self, x: float) -> bool:
        """Pay an event, then count it; returns whether M is at the level."""
        place = int(np.searchsorted(self._edges, x, side="left"))
        if x == self._edges[0]:
            place = 1
        one = np.zeros((1, len(self._gaps)))
        one[0, place] = 1.0
        growth = self._table.growth(self._gaps[None], one)[0]
        self._log_m = np.logaddexp(self._log_m, 0.0) + growth
        self._gaps[place] += 1.0
        return self.log_evidence >= self._level

    def state(self) -> State:
        """Gaps and evidence."""
        return {"gaps": self._gaps.copy(), "log_m": self._log_m.copy()}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same reference."""
        self._gaps = state["gaps"].astype(np.float64)
        self._log_m = state["log_m"].astype(np.float64)
