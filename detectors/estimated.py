"""Estimated accuracy without labels: what the model's own confidence says of its errors, until their labels come."""

from __future__ import annotations

import numpy as np

from .types import FloatArray, IntArray, State

__all__ = ["EstimatedError", "estimated_error"]

_RATIOS = np.array([1.25, 1.5, 2.0, 3.0])
_UPPER = 1.645  # 95 % of a normal distribution lie below
_MEMORY = 1000.0


def estimated_error(rank_counts: IntArray) -> FloatArray:
    """Error of the reference in each cell of the confidence rank, (rank cells,), drawn to the whole by one label.

    Examples
    --------
    >>> estimated_error(np.array([[50, 50], [99, 1]])).round(3).tolist()
    [0.498, 0.012]
    """
    n, wrong = rank_counts.sum(axis=1), rank_counts[:, 1]
    overall = wrong.sum() / max(int(n.sum()), 1)
    return np.asarray((wrong + overall) / (n + 1.0))


class EstimatedError:
    r"""The mean of the reference's error over the confidences that come, and an e-detector of its rise.

    An event in rank cell c has the estimated error :math:`e_c`, what the reference's answers in that cell were wrong
    by. As long as ranks are distributed as on the reference its mean is at most :math:`p_0`, the upper 95 % bound of
    the reference's mean, and each bet, one of a Shiryaev-Roberts detector, pays one at most:

    .. math:: \prod_c (1 + \lambda (e_c - p_0))^{n_c}, \qquad
              \lambda = \frac{\Delta}{\sigma^2 + \Delta^2}, \quad \Delta = (r - 1) p_0, \quad r \in \{1.25, 1.5, 2, 3\}

    It sees that the model has become less sure, nothing else: where confidence is wrong, so is this. So a label counts
    for more: the k labels that come take their share, k of all events without one, out of the logarithm of the
    evidence, which makes it smaller and never larger, and keeps the bound.

    Parameters
    ----------
    rank_counts
        (rank cells, 2): right and wrong answers of the reference.

    References
    ----------
    NannyML, "Confidence-based performance estimation"; Guillory et al., "Predicting with confidence on unseen
    distributions", ICCV 2021; Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", 2024.

    Examples
    --------
    >>> counts = np.stack([np.linspace(50, 99, 50), np.linspace(50, 1, 50)], axis=1).astype(np.int64)
    >>> estimated, unsure = EstimatedError(counts), np.zeros(50, np.int64)
    >>> unsure[:10] = 20
    >>> estimated.update(unsure, labels=0, clock=200.0)
    >>> round(estimated.error(), 2), bool(estimated.log_evidence > np.log(1e6))
    (0.45, True)
    >>> estimated.update(np.zeros(50, np.int64), labels=200, clock=0.0)
    >>> estimated.log_evidence <= 0
    True
    """

    def __init__(self, rank_counts: IntArray) -> None:
        n = rank_counts.sum(axis=1).astype(np.float64)
        self._errors = estimated_error(rank_counts)
        self.known = bool(n.sum() > 0)
        """Whether the reference has any label to estimate from."""
        share = n / max(n.sum(), 1.0)
        mean = float(share @ self._errors)
        variance = float(share @ (self._errors - mean) ** 2)
        self.tolerated = mean + _UPPER * float(np.sqrt(variance / max(n.sum(), 1.0)))
        rise = (_RATIOS - 1) * self.tolerated
        # never all of it: the surest cell must not cost a bet everything
        most = 0.9 / max(self.tolerated, 1e-12)
        bets = np.minimum(rise / np.maximum(variance + rise**2, 1e-12), most)
        self._pays = np.log1p(bets * (self._errors[:, None] - self.tolerated))
        self._log_m = np.full(len(_RATIOS), -np.inf)
        self._recent = np.zeros(len(n))
        self._unlabelled = 0.0

    @property
    def log_evidence(self) -> float:
        """Logarithm of M, the mean over the bets."""
        return float(np.logaddexp.reduce(self._log_m) - np.log(len(self._log_m)))

    def error(self, threshold: float = 0.0) -> float:
        """Estimated error of the last thousand events or so, of those with this rank at least; NaN if there is none."""
        start = min(max(int(np.ceil(threshold * len(self._recent))), 0), len(self._recent))
        n = self._recent[start:].sum()
        return float(self._recent[start:] @ self._errors[start:] / n) if self.known and n > 0 else float("nan")

    def update(self, traffic: IntArray, labels: int, clock: float) -> None:
        """Take in a batch.

        Parameters
        ----------
        traffic
            (rank cells,): events by the rank of their confidence.
        labels
            How many labels came with it, of whichever events.
        clock
            What the promise counts since the batch before.
        """
        n = float(traffic.sum())
        self._recent = self._recent * np.exp(-n / _MEMORY) + traffic
        if not self.known:
            return
        with np.errstate(divide="ignore"):  # no time has passed: log 0
            self._log_m = np.logaddexp(self._log_m, np.log(clock)) + traffic @ self._pays
        self._unlabelled += n
        if labels:
            left = max(self._unlabelled - labels, 0.0) / max(self._unlabelled, 1.0)
            self._log_m = np.where(self._log_m > 0, np.maximum(self._log_m, 0.0) * left, self._log_m)
            self._unlabelled = max(self._unlabelled - labels, 0.0)

    def state(self) -> State:
        """Evidence, recent traffic and events without a label."""
        return {
            "estimated_log_m": self._log_m.copy(),
            "estimated_recent": self._recent.copy(),
            "estimated_unlabelled": np.array([self._unlabelled]),
        }

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same reference."""
        self._log_m = state["estimated_log_m"].astype(np.float64)
        self._recent = state["estimated_recent"].astype(np.float64)
        self._unlabelled = float(state["estimated_unlabelled"][0])
