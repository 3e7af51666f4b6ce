r"""Harm: errors and misses of coverage above what the reference bears out, and accepted errors above the promise.

One-sided bets against a fixed rate :math:`p_0`, the upper 95 % bound of the reference's rate or the one promised:

.. math:: 1 + w \lambda (x - p_0), \qquad \lambda = \frac{r - 1}{1 - p_0}, \quad r \in \{1.5, 2, 3, 5\}

with x = 1 for a wrong answer and w the weight of its label. Never a growing :math:`p_0`: an error that fell from .10 to
.05 and came back to .10 would alarm. As long as the true rate is at most :math:`p_0` each factor's expectation is at
most one, whatever the order of the labels.

References
----------
Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024; Podkopaev & Ramdas,
"Tracking the risk of a deployed model and detecting harmful distribution shifts", ICLR 2022.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .episodes import SLACK, Episodes
from .readings import QUIET_SECONDS, HarmAlarm, HarmReading
from .shiryaev import retained
from .types import BoolArray, FloatArray, IntArray, Labels, Stake, State

__all__ = ["BANDS", "Harm", "HarmAlarm", "HarmReading", "log_odds", "upper_bound"]

_RATIOS = np.array([1.5, 2.0, 3.0, 5.0])
BANDS = 10
"""Bands of confidence, a tenth of the reference each, whose errors are watched apart."""
_ERROR, _TILT, _COVERAGE = 0, 1, 2
_FIRST_BAND = 3
_PROMISE = _FIRST_BAND + BANDS


class Harm:
    """Shiryaev-Roberts e-detectors on labels, with weights of their own that sum to one.

    The views: the overall error; the errors by band of confidence, as one tilt of the odds over all bands and each
    band for itself; coverage. Beside them, at the full level, accepted errors against `max_error`.

    Parameters
    ----------
    counts
        (rank cells, 2): right and wrong answers on the reference; all zero where no labels are known, which leaves
        coverage and the promise.
    max_error
        The promise.
    miss_rate
        The share of truths outside the reference's sets that is tolerated.
    log_level, quiet
        log A, in the unit of the promise; seconds of quiet that end an episode.

    Examples
    --------
    >>> from detectors.types import RANK_CELLS
    >>> counts = np.tile([90, 10], (RANK_CELLS, 1))
    >>> harm = Harm(counts, max_error=.2, miss_rate=.1, log_level=np.log(1e5))
    >>> wrong = np.zeros((4, RANK_CELLS, 2), np.int64)
    >>> wrong[Stake.ACCEPTED, :, :] = [1, 1]
    >>> labels = Labels(1.0, 0, wrong, np.zeros((4, RANK_CELLS), np.int64))
    >>> reading = harm.update([labels], misses=0, covered=0, clock=100.0, time=0.0)
    >>> sorted(alarm.view for alarm in reading.alarms), reading.promise is not None
    (['error', 'error by confidence'], True)
    """

    def __init__(
        self, counts: IntArray, max_error: float, miss_rate: float, log_level: float, quiet: float = QUIET_SECONDS
    ) -> None:
        self._level = log_level
        bands = counts.reshape(BANDS, -1, 2).sum(axis=1)
        known = bands.sum(axis=1) > 0
        self._band_p0 = upper_bound(bands[:, 1], bands.sum(axis=1))
        overall = upper_bound(int(counts[:, 1].sum()), int(counts.sum())) if known.any() else 1.0
        self._p0 = np.concatenate([[overall, overall, miss_rate], self._band_p0, [max_error]])
        self.names = (
            "error",
            "error by confidence",
            "coverage",
            *(f"error at confidence rank {b / BANDS:.1f} to {(b + 1) / BANDS:.1f}" for b in range(BANDS)),
            "accepted error",
        )
        self._log_weight = np.log(np.maximum(_weights(known), 1e-300))
        self._bets = _possible(self._p0[:, None])
        self._pays = self._payoffs(1.0)
        self._tilt_lost = np.log1p(np.minimum(self._band_p0, 1 - 1e-9)[:, None] * (_RATIOS - 1))
        self._log_m = np.full((len(self._p0), len(_RATIOS)), -np.inf)
        self._waited = np.zeros(len(self._p0))
        self._since = np.zeros((len(self._p0), 2))
        self._episodes = Episodes(len(self._p0), len(_RATIOS), log_level, quiet)

    @property
    def is_open(self) -> bool:
        """Whether some harm view has an open episode; the promise is none."""
        return bool(self._episodes.held[:_PROMISE].any())

    def update(self, labels: Sequence[Labels], misses: float, covered: float, clock: float, time: float) -> HarmReading:
        """Take in a batch.

        Parameters
        ----------
        labels
            Outcomes that came with it; overdue ones are no errors here.
        misses, covered
                Weight of the truths outside and inside of the reference's set or interval: by a fixed threshold, for
            the one that is served follows the misses. A weight below one pays less than it may, never more (Jensen).
        clock
            What the promise counts since the batch before.
        time
            Epoch seconds.
        """
        self._waited += clock
        growth, right_wrong, excess = self._growth(labels, misses, covered)
        seen = right_wrong.sum(axis=1) > 0
        if seen.any():
            with np.errstate(divide="ignore"):  # no time has passed: log 0
                log_w = np.where(seen, np.log(self._waited), -np.inf)
            before = self._means()
            self._log_m = np.where(seen[:, None], np.logaddexp(self._log_m, log_w[:, None]) + growth, self._log_m)
            self._since = np.where(seen, retained(before, log_w), 1.0)[:, None] * self._since + right_wrong
            self._waited[seen] = 0.0
        self._resolve(growth, np.stack([right_wrong.sum(axis=1), excess], axis=1), clock, time)
        return self._reading(time)

    def forget(self) -> None:
        """Begin the evidence of views without an open episode anew: what it was made of is explained otherwise.

        This can only put an alarm off, so the promise on false ones stands.
        """
        free = ~self._episodes.held
        self._log_m[free] = -np.inf
        self._since[free] = 0.0

    def state(self) -> State:
        """Evidence and episodes."""
        return {
            "harm_log_m": self._log_m.copy(),
            "harm_waited": self._waited.copy(),
            "harm_since": self._since.copy(),
            **self._episodes.state(),
        }

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same reference and promise."""
        self._log_m = state["harm_log_m"].astype(np.float64)
        self._waited = state["harm_waited"].astype(np.float64)
        self._since = state["harm_since"].astype(np.float64)
        self._episodes.restore(state)

    def _payoffs(self, weight: float) -> tuple[FloatArray, FloatArray]:
        """Logarithm of what each bet pays for a right and for a wrong answer of this weight, (views, bets) each."""
        bets, p0 = weight * self._bets, self._p0[:, None]
        return np.log1p(-bets * p0), np.log1p(bets * (1 - p0))

    def _growth(
        self, labels: Sequence[Labels], misses: float, covered: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Log-growth (views, bets), right and wrong labels (views, 2), harm less its slack (views,)."""
        growth = np.zeros_like(self._log_m)
        seen = np.zeros((len(self._p0), 2))
        weighed = np.zeros((len(self._p0), 2))
        too_many = 0.0
        for each in labels:
            bands = each.counts.sum(axis=0).reshape(BANDS, -1, 2).sum(axis=1)
            by_stake = each.counts.sum(axis=1)
            audited, suspected = by_stake[Stake.ACCEPTED], by_stake[Stake.SUSPECTED]
            others = by_stake[Stake.ACCEPTED + 1 :].sum(axis=0)
            growth[_ERROR] += self._paid(_ERROR, audited, 1.0) + self._paid(_ERROR, others, each.propensity)
            growth[_TILT] += self._tilted(bands)
            growth[_FIRST_BAND:_PROMISE] += self._paid(slice(_FIRST_BAND, _PROMISE), bands, 1.0)
            growth[_PROMISE] += self._paid(_PROMISE, audited, 1.0)
            growth[_PROMISE] += self._paid(_PROMISE, suspected, each.propensity)
            seen[[_ERROR, _TILT]] += bands.sum(axis=0)
            weighed[_ERROR] += audited + each.propensity * others
            too_many += float(bands[:, 1].sum() - SLACK * (bands.sum(axis=1) @ self._band_p0))
            weighed[_FIRST_BAND:_PROMISE] += bands
            weighed[_PROMISE] += audited + each.propensity * suspected
        growth[_COVERAGE] += self._paid(_COVERAGE, np.array([covered, misses]), 1.0)
        weighed[_COVERAGE] += (covered, misses)
        seen[_COVERAGE:] = weighed[_COVERAGE:]
        excess = weighed[:, 1] - SLACK * self._p0 * weighed.sum(axis=1)
        excess[_TILT] = too_many
        return growth, seen, excess

    def _paid(self, views: int | slice, counts: FloatArray | IntArray, weight: float) -> FloatArray:
        """Log-growth of some views' bets, (..., bets), by their right and wrong labels, (..., 2)."""
        right, wrong = self._pays if weight == 1.0 else self._payoffs(weight)
        paid: FloatArray = counts[..., :1] * right[views] + counts[..., 1:] * wrong[views]
        return paid

    def _tilted(self, bands: IntArray) -> FloatArray:
        """One factor on the odds of all bands."""
        lost = bands.sum(axis=1)[:, None] * self._tilt_lost
        paid: FloatArray = (bands[:, 1:] * np.log(_RATIOS) - lost).sum(axis=0)
        return paid

    def _means(self) -> FloatArray:
        top = self._log_m.max(axis=1)
        safe = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(divide="ignore"):  # a view without any stake yet
            means: FloatArray = safe + np.log(np.exp(self._log_m - safe[:, None]).mean(axis=1))
        return means

    def _resolve(self, growth: FloatArray, seen: FloatArray, clock: float, time: float) -> None:
        """Begin the evidence of a held view anew where it is high, and that of one whose episode has ended."""
        high, over = self._episodes.watch(growth, seen, self._means(), clock, time)
        self._log_m[high | over] = -np.inf
        self._since[over] = 0.0

    def _reading(self, time: float) -> HarmReading:
        evidence = np.where(self._episodes.held, -np.inf, self._means() + self._log_weight)
        over: BoolArray = evidence >= self._level
        alarms = tuple(self._alarm(int(view), float(evidence[view])) for view in np.flatnonzero(over))
        if alarms:
            self._episodes.begin(over, self._log_m, self._since.sum(axis=1), time)
            self._log_m[over] = -np.inf
        promise = next((alarm for alarm in alarms if alarm.view == self.names[_PROMISE]), None)
        harm = tuple(alarm for alarm in alarms if alarm is not promise)
        top = float(evidence[:_PROMISE].max())
        return HarmReading(top, harm, promise, self.is_open)

    def _alarm(self, view: int, evidence: float) -> HarmAlarm:
        right, wrong = (round(float(x)) for x in self._since[view])
        return HarmAlarm(self.names[view], evidence, float(self._p0[view]), right + wrong, wrong)


def upper_bound(wrong: IntArray | int, n: IntArray | int, confidence: float = 0.95) -> FloatArray:
    """Clopper-Pearson upper bound of a rate; 1 where there are no trials.

    Examples
    --------
    >>> upper_bound(0, 150).round(4).item(), upper_bound(0, 10).round(2).item(), upper_bound(0, 0).item()
    (0.0198, 0.26, 1.0)
    """
    from scipy.special import betaincinv

    wrong, n = np.asarray(wrong, float), np.asarray(n, float)
    bound = betaincinv(wrong + 1, np.maximum(n - wrong, 1e-9), confidence)
    return np.where(n > wrong, bound, 1.0)


def log_odds(n: int, wrong: int, tolerated: float) -> float:
    """Logarithm of the odds, in one step, that more than `tolerated` is wrong: the mean over bets of what they pay.

    Examples
    --------
    >>> log_odds(100, 10, 0.1) < 0 < log_odds(100, 30, 0.1)
    True
    """
    bets = _possible(np.array([tolerated]))
    paid = (n - wrong) * np.log1p(-bets * tolerated) + wrong * np.log1p(bets * (1 - tolerated))
    return float(np.logaddexp.reduce(paid) - np.log(len(_RATIOS)))


def _possible(p0: FloatArray) -> FloatArray:
    """λ of each bet against `p0`, (..., bets), short of the one that would lose all on a right answer."""
    p0 = np.minimum(p0, 1 - 1e-9)
    wanted = (_RATIOS - 1) / (1 - p0)
    possible: FloatArray = np.minimum(wanted, 0.9 / np.maximum(p0, 1e-9))
    return possible


def _weights(known: BoolArray) -> FloatArray:
    """Error, tilt, coverage and bands a quarter each, what is absent given to the rest; the promise stands alone."""
    weights = np.zeros(_PROMISE + 1)
    weights[_COVERAGE] = 1.0
    if known.any():
        weights[: _COVERAGE + 1] = 0.25
        weights[_FIRST_BAND:_PROMISE] = 0.25 * known / known.sum()
    weights[_PROMISE] = 1.0
    return weights
