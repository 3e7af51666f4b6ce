"""Has the error at a given confidence changed, for worse or for better? Epoch alarms, and what was counted since."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from .logistic import RankLogistic
from .types import RANK_CELLS, BoolArray, FloatArray, IntArray, State

__all__ = ["LABELS_PER_FALSE_EPOCH", "LOG_LEVEL", "EpochDetector", "Side"]

LABELS_PER_FALSE_EPOCH = 1e5
LOG_LEVEL = float(np.log(LABELS_PER_FALSE_EPOCH))
_TOLERANCE = 1.1
_BAND_95 = 2.8
"""Scheffé's factor for a line of three parameters: the 95 % band holds for all cells at once."""

_ODDS = {"worse": (1.4, 2.5), "better": (0.7, 0.4)}
_POWERS = {"worse": (0.8, 0.6), "better": (1.25, 1.6)}
_SURER: BoolArray = np.arange(RANK_CELLS) >= RANK_CELLS // 2
_BETS = 8
_ROWS = 3
_WORSE, _BETTER, _KNOWN = range(_ROWS)
"""Evidence for worse, for better, and for better by the labels alone that have come."""
_NEGLIGIBLE = -700.0
"""log M of a process without labels: vanishes beside one label, and is finite, so that no difference is NaN."""


class Side(StrEnum):
    """Which way the errors went."""

    WORSE = "worse"
    BETTER = "better"


def _log_sigmoid(log_odds: FloatArray) -> FloatArray:
    return -np.logaddexp(0.0, -log_odds)


def _payoffs(fit: RankLogistic) -> FloatArray:
    """Log payoff of a right and a wrong answer, (sides, bets, rank cells × 2)."""
    tolerance = np.maximum(np.log(_TOLERANCE), _BAND_95 * fit.errors())
    usual = fit.log_odds()
    sides = []
    for side, sign in ((Side.WORSE, 1.0), (Side.BETTER, -1.0)):
        null = usual + sign * tolerance
        bets = [null + np.log(factor) for factor in _ODDS[side]] + [null * power for power in _POWERS[side]]
        # where little passes most labels are of the less sure half: unchanged there, they would drown what they hide
        bets += [np.where(_SURER, bet, null) for bet in bets]
        # a bet on the other side's direction would pay while errors are within tolerance: the null covers all of those
        changed = np.stack([sign * np.maximum(sign * bet, sign * null) for bet in bets])
        right = _log_sigmoid(-changed) - _log_sigmoid(-null)
        wrong = _log_sigmoid(changed) - _log_sigmoid(null)
        sides.append(np.stack([right, wrong], axis=-1).reshape(_BETS, 2 * RANK_CELLS))
    return np.stack(sides)


class EpochDetector:
    r"""Two one-sided Shiryaev-Roberts e-detectors on right and wrong answers by confidence cell, against a fixed fit.

    .. math:: M_k \leftarrow (M_k + w) \prod_{labels} \frac{q_k(y | cell)}{q_0(y | cell)}

    with w the number of labels in the batch, q_0 the fitted logistic with its odds at the edge of what is tolerated (×
    1.1, or the fit's own simultaneous 95 % band where that is wider: a fit to 200 labels is no more certain than that),
    and q_k eight alternatives to it: odds × {1.4, 2.5}, odds ^ {.8, .6} for worse; × {.7, .4}, ^ {1.25, 1.6} for
    better; each of all cells, and of the surer half alone. It alarms when the mean of the eight reaches A = 10⁵.

    An overdue label counts as an error for `better`, and not at all for `worse`, until it comes. It may be taken back
    from what was staked before it was overdue, and from nothing else: given back to a stake that it never cost, it
    would be evidence out of nothing, thirty wrong answers that never were. Two bounds below the M that all labels
    would give are kept for that, and the greater counts: one that loses each overdue label for good, and
    :math:`M_{known} \prod_{overdue} q_k(wrong) / q_0(wrong)`, M of the labels that have come, less all that are
    overdue now. Both bounds are below it because for `better` a wrong answer never pays more than a right one. (In
    a cell of a batch one that comes and one that is overdue cancel: what was lost for one is then lost for the other.)

    Beside each M the counts since the change are kept as their mean over possible times of the change, weighted by the
    likelihood of each: `R ← R · M / (M + w) + counts`, with M before the batch. Counts and nothing else: memory is
    bounded, and who was asked does not matter, because within a cell of confidence it does not matter who was asked.

    **What holds**: as long as the odds of a wrong answer in each cell stay within the tolerance, and whatever the order
    of requests and who was asked on the strength of the past, `E[M_t]` is at most the number of labels so far, so each
    side's alarms come at least 10⁵ labels apart on average. **What does not**: the fit must be right; a reference whose
    errors do not follow a logistic in the normal score of the rank, bent in the middle, is off in some cells by more
    than the tolerance, and the band misses the truth for one reference in twenty. Errors must come one by one: errors
    in clusters are many short changes, and begin as many epochs. Labels that are missing *because* of the answer bias
    it until they are overdue. It says that errors changed, not why, nor how many there will be.

    What opens a bar must be surer than what closes it (`Caution`): `divisor` divides the bets of `better`, and leaves
    those of `worse` as quick as they are. A payoff to the power 1/v, v ≥ 1, pays no more than 1 on average, as the
    payoff itself does (Jensen).

    Parameters
    ----------
    fit
        Errors by confidence as they were.
    divisor
        v ≥ 1.

    References
    ----------
    Shin, Ramdas & Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", NEJSDS 2024.

    Examples
    --------
    >>> detector = EpochDetector(RankLogistic(-2.0, -1.0, (0.0, 0.0, 0.0)))
    >>> counts = np.zeros((RANK_CELLS, 2), np.int64)
    >>> counts[45] = 18, 6
    >>> overdue = np.zeros(RANK_CELLS, np.int64)
    >>> [detector.update(counts, overdue) for _ in range(2)]
    [None, <Side.WORSE: 'worse'>]
    >>> detector.since(Side.WORSE)[45].round().tolist()
    [36.0, 12.0]
    """

    def __init__(self, fit: RankLogistic, divisor: float = 1.0) -> None:
        self._payoffs = _payoffs(fit)[[_WORSE, _BETTER, _BETTER]]
        self._payoffs[_BETTER:] /= divisor
        self._log_m = np.full((_ROWS, _BETS), _NEGLIGIBLE)
        self._since = np.zeros((_ROWS, _BETS, 2 * RANK_CELLS))
        self._late = np.zeros(RANK_CELLS, dtype=np.int64)
        self._labels = 0

    @property
    def labels(self) -> int:
        """Labels since this detector began."""
        return self._labels

    def update(self, counts: IntArray, overdue: IntArray) -> Side | None:
        """Count a batch of labels; the side that alarms with it, if any.

        Parameters
        ----------
        counts
            (rank cells, 2): right and wrong.
        overdue
            (rank cells,): +1 overdue, -1 come after all.
        """
        seen = np.empty((_ROWS, RANK_CELLS, 2))
        seen[:] = counts
        # only what this detector counted as overdue can be taken back from it
        self._late += np.maximum(overdue, -self._late)
        seen[_BETTER, :, 1] += np.maximum(overdue, 0)
        flat = seen.reshape(_ROWS, 1, 2 * RANK_CELLS)
        # a stake is laid when a label comes, so that an overdue one brings none, and comes to one in the end
        with np.errstate(divide="ignore"):
            log_sum = np.logaddexp(self._log_m, np.log(float(counts.sum())))
        self._since *= np.exp(self._log_m - log_sum)[..., None]
        self._since += flat
        self._log_m = np.maximum(log_sum + (self._payoffs * flat).sum(axis=2), _NEGLIGIBLE)
        self._take_back()
        self._labels += int(counts.sum())
        worse, better = self.log_evidence
        if worse >= LOG_LEVEL:
            return Side.WORSE
        return Side.BETTER if better >= LOG_LEVEL else None

    @property
    def log_evidence(self) -> tuple[float, float]:
        """Logarithm of the mean M over bets: for worse, for better."""
        worse, better, _ = (np.logaddexp.reduce(self._log_m, axis=1) - np.log(_BETS)).tolist()
        return worse, better

    def since(self, side: Side) -> FloatArray:
        """Estimated counts since the change that `side` sees, (rank cells, 2): mean over bets, weighted by their M."""
        row = _WORSE if side is Side.WORSE else _BETTER
        weights = np.exp(self._log_m[row] - self._log_m[row].max())
        mean = (weights / weights.sum()) @ self._since[row]
        return np.asarray(np.maximum(mean.reshape(RANK_CELLS, 2), 0.0))

    def state(self) -> State:
        """Evidence, counts since the change, labels."""
        return {
            "epoch_late": self._late.copy(),
            "epoch_log_m": self._log_m.copy(),
            "epoch_since": self._since.copy(),
            "epoch_labels": np.array(self._labels),
        }

    def restore(self, state: State) -> None:
        """Continue from `state`; the fit is the caller's."""
        self._log_m = state["epoch_log_m"].astype(np.float64)
        self._since = state["epoch_since"].astype(np.float64)
        self._late = state["epoch_late"].astype(np.int64)
        self._labels = int(state["epoch_labels"])

    def _take_back(self) -> None:
        """Where the labels that have come, less all that are overdue now, say more for `better`, go on from that."""
        wrong = self._payoffs[_KNOWN].reshape(_BETS, RANK_CELLS, 2)[:, :, 1]
        log_m = np.maximum(self._log_m[_KNOWN] + wrong @ self._late, _NEGLIGIBLE)
        more = log_m > self._log_m[_BETTER]
        since = self._since[_KNOWN][more]
        since[:, 1::2] += self._late
        self._log_m[_BETTER, more], self._since[_BETTER, more] = log_m[more], since
