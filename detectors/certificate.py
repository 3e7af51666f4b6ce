"""The rank of confidence from which the promise is proven to hold in this epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .types import RANK_CELLS, FloatArray, Labels, Stake, State

__all__ = ["BETS", "NOTHING_CERTIFIED", "Certificate"]

BETS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
NOTHING_CERTIFIED = 2.0
_STARTS = (round(0.9 * RANK_CELLS), round(0.7 * RANK_CELLS))


class Certificate:
    r"""Betting against "answers from rank λ upwards are wrong more often than a*", for every λ on the grid of cells.

    .. math:: W_{\lambda, b} = \prod_{rank \ge \lambda} (1 + b\, w\, (a^* - err)), \qquad
              W_\lambda = \frac{1}{6} \sum_{b \in \{.1, .2, .4, .6, .8, 1\}} W_{\lambda, b}

    over the labels of this epoch's decisions, w = 1 for audited answers and the propensity π for those held back, so
    that each request counts π in expectation whoever was asked. λ is certified once `W_λ ≥ 2/δ`, until its wealth is
    back below 1. Two walks down the grid, from the surest tenth and from the surest 30 %, each at δ/2, each ends at the
    first λ that is not certified; the result is the lower of their ends. An overdue label counts as an error until it
    comes.

    **What holds**: if within an epoch requests above λ are wrong with a probability above a* (given the past, on
    average over who is asked), the probability ever to certify that λ is at most δ over all λ together (Ville; fixed
    sequence). Audits must be drawn with the stated propensity, on nothing but the past; a batch must be closed without
    looking at its labels; how late a label comes must not depend on the answer being right. **What does not**: between
    a change and its alarm the epoch's past is not its present, and the certificate is false. It bounds the mean error
    of the traffic above λ, not that of any one segment.

    Parameters
    ----------
    max_error
        a*, in (0, 1).
    confidence
        1 − δ.
    first
        Rank that is certified before the first epoch begins, by a test on the reference at δ/2 (`learn_then_test`);
        above 1 where there is none. The first epoch then has δ/2 left for what it earns itself, so that both together
        are false with a probability of δ at most, if the stream is as the reference was. It is withdrawn when the
        wealth of its own threshold falls below δ, and ends with the epoch. None, without any test: None.
    memory
        v ≥ 1: errors that come in spells tell v times less than as many that come one by one (`Caution`). Each factor
        of W is taken to the power 1 / v, which pays no more than 1 on average if the factor did (Jensen).

    References
    ----------
    Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024; Angelopoulos et al.,
    "Learn then test", Annals of Applied Statistics 2025.

    Examples
    --------
    >>> certificate = Certificate(max_error=.05, confidence=.95)
    >>> counts = np.zeros((4, RANK_CELLS, 2), np.int64)
    >>> counts[Stake.ACCEPTED, 30:, 0] = 10
    >>> counts[Stake.HELD, :30, 1] = 50
    >>> certificate.update([Labels(.1, 0, counts, np.zeros((4, RANK_CELLS), np.int64))])
    >>> certificate.certified_from
    0.6
    """

    def __init__(self, max_error: float, confidence: float, first: float | None = None, memory: float = 1.0) -> None:
        self._max_error, self._memory = max_error, memory
        self._log_delta = float(np.log(1 - confidence))
        self._first, self._tested = NOTHING_CERTIFIED if first is None else first, first is not None
        self._pays = self._payoffs(1.0)
        self._log_wealth = np.zeros((RANK_CELLS, len(BETS)))
        self._certified = np.zeros(RANK_CELLS, dtype=np.bool_)

    @property
    def log_wealth(self) -> FloatArray:
        """Logarithm of W_λ, (rank cells,): of the answers from the cell's lower edge upwards."""
        return np.asarray(np.logaddexp.reduce(self._log_wealth, axis=1) - np.log(len(BETS)))

    @property
    def certified_from(self) -> float:
        """Least rank from which answers are certified; above 1 where none are."""
        least = min(self._walk(start) for start in _STARTS)
        return min(least / RANK_CELLS if least < RANK_CELLS else NOTHING_CERTIFIED, self._first)

    def update(self, labels: Sequence[Labels]) -> None:
        """Bet on a batch of labels, all of them of this epoch's decisions."""
        if not labels:
            return
        for each in labels:
            self._log_wealth += self._growth(each)
        wealth = self.log_wealth
        level = np.log(4 if self._tested else 2) - self._log_delta
        self._certified = (self._certified | (wealth >= level)) & (wealth >= 0)
        if self._first <= 1 and wealth[min(round(self._first * RANK_CELLS), RANK_CELLS - 1)] < self._log_delta:
            self._first = NOTHING_CERTIFIED

    def reset(self) -> None:
        """Begin a new epoch: what was proven is no longer."""
        self._log_wealth[:] = 0.0
        self._certified[:] = False
        self._first, self._tested = NOTHING_CERTIFIED, False

    def state(self) -> State:
        """Wealth by threshold and bet, what is certified, and what was before the first epoch."""
        first = np.array([self._first, float(self._tested)])
        return {"wealth": self._log_wealth.copy(), "certified": self._certified.copy(), "certified_first": first}

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        self._log_wealth = state["wealth"].astype(np.float64)
        self._certified = state["certified"].astype(np.bool_)
        first, tested = state.get("certified_first", np.array([NOTHING_CERTIFIED, 0.0]))
        self._first, self._tested = float(first), bool(tested)

    def _growth(self, labels: Labels) -> FloatArray:
        """Logarithm of what a batch multiplies each wealth by, (rank cells, bets)."""
        counts = labels.counts.astype(np.float64)
        counts[:, :, 1] += labels.overdue
        held = self._pays if labels.propensity == 1.0 else self._payoffs(labels.propensity)
        by_cell = counts[Stake.ACCEPTED] @ self._pays
        by_cell += counts[Stake.SUSPECTED :].sum(axis=0) @ held
        return np.asarray(by_cell[::-1].cumsum(axis=0)[::-1])

    def _payoffs(self, weight: float) -> FloatArray:
        """log(1 + b w (a* − err)): (right and wrong, bets)."""
        bets = weight * np.array(BETS)
        return np.stack([np.log1p(bets * self._max_error), np.log1p(-bets * (1 - self._max_error))]) / self._memory

    def _walk(self, start: int) -> int:
        """Cell at which a walk down from `start` ends; RANK_CELLS if its first step fails."""
        if not self._certified[start]:
            return RANK_CELLS
        failed = np.flatnonzero(~self._certified[:start])
        return int(failed[-1]) + 1 if failed.size else 0
