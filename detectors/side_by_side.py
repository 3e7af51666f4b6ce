"""Two versions side by side: is the new one worse, or not much worse for sure? As often as one looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .types import FloatArray, State

__all__ = ["QUANTITIES", "SideBySide", "SideBySideReading", "SideBySideVerdict"]

QUANTITIES = ("error", "doubt", "held back")
"""What is compared, each between 0 and 1 and better when small: wrong answers, 1 - confidence rank, requests that the
threshold holds back."""
_SHARES = np.array([0.5, 0.25, 0.25])
_BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
_MOST = 10_000
"""Values of one side that wait for the other; of more, the oldest are let go: they are no longer side by side."""


class SideBySideVerdict(StrEnum):
    """What is known of the candidate."""

    UNDECIDED = "undecided"
    SAFE = "safe"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class SideBySideReading:
    """What is known after a batch.

    Attributes
    ----------
    verdict
        Of the candidate.
    what
        The quantity that it is worse in; empty if it is not.
    log_worse
        (3,) logarithm of the evidence that it is worse, by quantity.
    log_safe
        Logarithm of the evidence that it makes fewer errors than the baseline and the margin together.
    means
        (3, 2): mean of each quantity, of baseline and candidate, over what was compared; NaN before there is any.
    n
        Groups of errors that were compared: labels of whichever version has fewer.
    """

    verdict: SideBySideVerdict
    what: str
    log_worse: FloatArray
    log_safe: float
    means: FloatArray
    n: int


class SideBySide:
    r"""Sequential test of a candidate against a baseline that serves at the same time.

    What came since the last batch is shuffled and dealt into as many groups as the rarer side has values, so that none
    is left over and none is used twice. A group's difference :math:`x = \bar c - \bar b \in [-1, 1]` is the mean of the
    candidate's values less that of the baseline's. The evidence that the candidate is worse is

    .. math:: E = \frac1K \sum_k \prod_i \Bigl(1 + \lambda_k \frac{x_i - t}{1 + t}\Bigr)

    with a tolerated difference t (0 for errors), and fixed bets λ below one, so that no group loses all. As long as,
    given the past, the candidate's mean is at most the baseline's plus t, no factor exceeds one on average, E is a test
    supermartingale, and by Ville's inequality it ever reaches 1/α with probability α at most, however often one looks.
    The rates themselves may change over time, as long as both versions meet the same requests: a hard morning is hard
    for both. The three quantities share α: half, a quarter, a quarter. *Safe* is the same, with factors
    :math:`1 + \lambda_k (m - x_i)`, against "the candidate errs by the margin m more than the baseline, or worse", at a
    level α of its own.

    It does not correct for versions that get different requests: traffic must be split by chance. A candidate that
    is worse in something that is not counted here is not found. *Worse* stands until `begin_again`; *safe* yields to
    *worse*.

    Parameters
    ----------
    margin
        Errors that the candidate may make more and still be called safe.
    tolerated
        How much more doubtful it may be, and how much more may be held back, without being called worse.
    alpha
        Probability of each kind of wrong verdict.

    References
    ----------
    Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024; Turner, Ly &
    Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional stopping", JSPI 2024.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> test = SideBySide(margin=0.01, tolerated=0.05, alpha=0.05)
    >>> def batch(n, error):
    ...     return [(rng.random(n) < error).astype(float), rng.random(n), np.zeros(n)]
    >>> for _ in range(20):
    ...     reading = test.update(batch(90, .05), batch(10, .5))
    >>> reading.verdict.value, reading.what
    ('worse', 'error')
    """

    def __init__(self, margin: float, tolerated: float, alpha: float) -> None:
        self._margin, self._tolerated = margin, np.array([0.0, tolerated, tolerated])
        self._log_bar = -math.log(alpha)
        self.begin_again()

    def begin_again(self) -> None:
        """Know nothing of the candidate."""
        self._log_worse = np.zeros((len(QUANTITIES), len(_BETS)))
        self._log_safe = np.zeros(len(_BETS))
        self._pools = [[np.empty(0), np.empty(0)] for _ in QUANTITIES]
        self._sums = np.zeros((len(QUANTITIES), 2))
        self._groups = np.zeros(len(QUANTITIES))
        self._updates = 0
        self._worse, self._safe = -1, False

    def update(self, baseline: Sequence[FloatArray], candidate: Sequence[FloatArray]) -> SideBySideReading:
        """Take in what both versions showed: an array of values between 0 and 1 for each of `QUANTITIES`."""
        # the dealing must not follow from the values, and must be the same when it is done again
        rng = np.random.default_rng(self._updates)
        self._updates += 1
        for place, (base, new) in enumerate(zip(baseline, candidate, strict=True)):
            self._take(place, base, new, rng)
        if self._worse < 0:
            over = self._evidence() + np.log(_SHARES) >= self._log_bar
            self._worse = int(np.argmax(over)) if over.any() else -1
        self._safe = self._safe or _mean(self._log_safe) >= self._log_bar
        return self.reading()

    def reading(self) -> SideBySideReading:
        """What is known now."""
        verdict = SideBySideVerdict.SAFE if self._safe else SideBySideVerdict.UNDECIDED
        if self._worse >= 0:
            verdict = SideBySideVerdict.WORSE
        with np.errstate(invalid="ignore"):
            means = self._sums / self._groups[:, None]
        what = QUANTITIES[self._worse] if self._worse >= 0 else ""
        return SideBySideReading(verdict, what, self._evidence(), _mean(self._log_safe), means, int(self._groups[0]))

    def state(self) -> State:
        """Evidence, what waits for its counterpart, and the verdict."""
        pools = {
            f"pool_{place}_{side}": pool.copy()
            for place, pair in enumerate(self._pools)
            for side, pool in enumerate(pair)
        }
        return pools | {
            "log_worse": self._log_worse.copy(),
            "log_safe": self._log_safe.copy(),
            "sums": self._sums.copy(),
            "groups": self._groups.copy(),
            "said": np.array([self._updates, self._worse, self._safe], dtype=np.int64),
        }

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same margin and tolerance."""
        for place, pair in enumerate(self._pools):
            pair[:] = [state[f"pool_{place}_{side}"].astype(np.float64) for side in range(2)]
        self._log_worse = state["log_worse"].astype(np.float64)
        self._log_safe = state["log_safe"].astype(np.float64)
        self._sums = state["sums"].astype(np.float64)
        self._groups = state["groups"].astype(np.float64)
        self._updates, self._worse, safe = state["said"].tolist()
        self._safe = bool(safe)

    def _take(self, place: int, base: FloatArray, new: FloatArray, rng: np.random.Generator) -> None:
        pools = [
            np.concatenate([pool, values])[-_MOST:]
            for pool, values in zip(self._pools[place], (base, new), strict=True)
        ]
        groups = min(len(pools[0]), len(pools[1]))
        if not groups:
            self._pools[place] = pools
            return
        self._pools[place] = [np.empty(0), np.empty(0)]
        means = [_dealt(rng.permutation(pool), groups) for pool in pools]
        x = means[1] - means[0]
        self._sums[place] += [each.sum() for each in means]
        self._groups[place] += groups
        self._log_worse[place] += np.log1p(
            np.outer(_BETS, (x - self._tolerated[place]) / (1 + self._tolerated[place]))
        ).sum(1)
        if place == 0:
            self._log_safe += np.log1p(np.outer(_BETS, self._margin - x)).sum(axis=1)

    def _evidence(self) -> FloatArray:
        return np.array([_mean(each) for each in self._log_worse])


def _dealt(values: FloatArray, groups: int) -> FloatArray:
    """Means of `groups` groups, as equal in size as can be."""
    starts = (np.arange(groups) * len(values)) // groups
    sizes = np.diff(np.append(starts, len(values)))
    means: FloatArray = np.add.reduceat(values, starts) / sizes
    return means


def _mean(log_e: FloatArray) -> float:
    return float(np.logaddexp.reduce(log_e)) - math.log(len(log_e))
