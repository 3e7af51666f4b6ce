"""Platt scaling that follows the labels: how likely is an answer of this confidence rank right, as of now?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .logistic import NORMAL_SCORES, RankLogistic
from .types import RANK_CELLS, FloatArray, Labels, Stake, State

__all__ = ["BOX", "MEMORY", "OnlinePlatt", "stated_probability"]

MEMORY = 1_000.0
"""Labels after which one has lost all but 1/e of its weight. Half as many follow faster and waver more."""
BOX = (8.0, 4.0)
"""Bounds of the intercept, either way, and of the slope: odds of 3,000 to 1 in the middle, and no falling line."""
_KEPT_AT_A_CHANGE = 0.02
_LEAST = 1e-6
_DESIGN: FloatArray = np.stack([np.ones(RANK_CELLS), NORMAL_SCORES], axis=1)
_MIDDLES: FloatArray = (np.arange(RANK_CELLS) + 0.5) / RANK_CELLS


def stated_probability(rank: FloatArray, intercept: float, slope: float) -> FloatArray:
    """Probability that an answer is right, `1 / (1 + exp(-(intercept + slope * z)))`, z the rank's normal score.

    Parameters
    ----------
    rank
        (events,) confidence ranks in [0, 1]; NaN gives NaN. Beyond the middles of the outermost cells, .01 and .99, all
        ranks are as those.
    intercept, slope
        As a verdict has them; NaN where nothing is known yet.

    Examples
    --------
    >>> np.round(stated_probability(np.array([.5, .9, np.nan]), 0.0, 1.0), 2).tolist()
    [0.5, 0.78, nan]
    """
    scores = np.interp(np.nan_to_num(rank), _MIDDLES, NORMAL_SCORES)
    return np.where(np.isnan(rank), np.nan, 1 / (1 + np.exp(-(intercept + slope * scores))))


class OnlinePlatt:
    r"""Two numbers, moved by every label: online Newton steps on the log-loss, old labels forgotten.

    With x = (1, normal score of the rank cell), p the probability that is stated, y = 1 for a right answer, and the
    gradient of one label's log-loss, g = (p - y) x, a batch of labels with weights w does

    .. math:: A \leftarrow \rho^{\sum w} A + \sum w\, g g^T, \qquad
              \theta \leftarrow \Pi_A\left(\theta - \tfrac{1}{\gamma} A^{-1} \sum w\, g\right)

    with ρ = exp(-1/memory), and Π the nearest point of the box, in A's metric (|intercept| <= 8, 0 <= slope <= 4). θ
    begins at the reference's logistic and A at its information. w = 1 for accepted answers and the propensity for
    others, as everywhere. It hears sums by cell alone, so any split of the labels over replicas gives the same.

    **What it changes**: the stated probability, and nothing else. The bar is on ranks, which no increasing function
    changes, and the slope is never negative; the bound of `Tracking` does not know of it.

    **What holds**, for any sequence: if gamma is at most half of `exp(-B)` and of `1 / (8 B)`, B being the greatest
    |θ·x| that θ and z reach (log-loss is exp-concave enough there), the summed log-loss at θ before each batch is at
    most that of any fixed z in the box plus

    .. math:: \tfrac{\gamma}{2} \|\theta_1 - z\|^2_{A_0} + \frac{m}{2\gamma}
              \left(\log\frac{|A_T|}{|A_0|} + \frac{2 N}{memory}\right)

    for N labels in batches of at most m, both in weight. **What does not**: the default gamma of 1 is not so small. It
    is the step that is right where labels come as stated (then the mean of g gᵀ is the information), and how well it
    does is measured, in `docs/uncertainty.md`. Labels that come late speak of the past here, too.

    Parameters
    ----------
    start
        Log-odds of a wrong answer by rank on the reference, with its covariance.
    memory
        Labels that are remembered; infinite forgets nothing.
    gamma
        Step: smaller is faster.
    box
        Bounds of the intercept, either way, and of the slope.

    References
    ----------
    Gupta & Ramdas, "Online Platt scaling with calibeating", ICML 2023; Hazan, Agarwal & Kale, "Logarithmic regret
    algorithms for online convex optimization", Machine Learning 2007; for the forgetting, Yuan & Lamperski,
    "Trading-off static and dynamic regret in online least-squares and beyond", AAAI 2020.

    Examples
    --------
    >>> platt = OnlinePlatt(RankLogistic(-2.0, -1.0, (.01, 0.0, .01)))
    >>> counts = np.zeros((4, RANK_CELLS, 2), np.int64)
    >>> counts[Stake.ACCEPTED, 40, 1] = 20
    >>> platt.update([Labels(1.0, 0, counts, np.zeros((4, RANK_CELLS), np.int64))])
    >>> platt.intercept < 2.0, platt.labels
    (True, 20.0)
    """

    def __init__(
        self, start: RankLogistic, memory: float = MEMORY, gamma: float = 1.0, box: tuple[float, float] = BOX
    ) -> None:
        level, both, tilt = start.covariance
        self._theta = np.array([-start.intercept, max(-start.slope, 0.0)])
        self._information = np.linalg.inv(np.array([[level, both], [both, tilt]]))
        self._rate, self._gamma = 1.0 / memory, gamma
        self._low, self._high = np.array([-box[0], 0.0]), np.array(box)
        self._theta = np.clip(self._theta, self._low, self._high)
        self._labels = 0.0
        # no more than what is remembered in the long run
        self._information *= min(1.0, memory * 0.25 / max(float(np.trace(self._information)), 1e-9))

    @property
    def intercept(self) -> float:
        """Log-odds of a right answer in the middle of the ranks."""
        return float(self._theta[0])

    @property
    def slope(self) -> float:
        """What one standard deviation of the rank adds to them; at least 0."""
        return float(self._theta[1])

    @property
    def labels(self) -> float:
        """Labels heard so far, in weight."""
        return self._labels

    def update(self, labels: Sequence[Labels]) -> None:
        """Take in the outcomes of a batch."""
        counts = np.zeros((RANK_CELLS, 2))
        for each in labels:
            counts += each.counts[Stake.ACCEPTED] + each.propensity * each.counts[Stake.SUSPECTED :].sum(axis=0)
        n = float(counts.sum())
        if not n:
            return
        p = 1 / (1 + np.exp(-(_DESIGN @ self._theta)))
        right, wrong = counts[:, 0], counts[:, 1]
        gradient = _DESIGN.T @ (wrong * p - right * (1 - p))
        squares = wrong * p**2 + right * (1 - p) ** 2
        kept = np.exp(-n * self._rate)
        self._information = kept * self._information + (_DESIGN.T * squares) @ _DESIGN
        # labels of a single cell, where all answers are equally sure, say nothing of the slope, and what was known
        # of it fades: what is left keeps the matrix regular, and counts a millionth of a label
        self._information += (1 - kept) * _LEAST * np.eye(2)
        step = np.linalg.solve(self._information, gradient) / self._gamma
        self._theta = _nearest(self._theta - step, self._information, self._low, self._high)
        self._labels += n

    def forget(self) -> None:
        """Errors have changed: what was learnt before counts for little from now on."""
        self._information = self._information * _KEPT_AT_A_CHANGE

    def state(self) -> State:
        """The two numbers, their information, and the labels heard."""
        return {"platt": np.array([*self._theta, self._labels]), "platt_information": self._information.copy()}

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        if "platt" not in state:  # a snapshot from before there was one: begin with the reference
            return
        *theta, labels = (float(x) for x in state["platt"])
        self._theta, self._labels = np.array(theta), labels
        self._information = state["platt_information"].astype(np.float64)


def _nearest(theta: FloatArray, metric: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Nearest point of the box in a metric: itself, or the best point of the box's edges."""
    if (theta >= low).all() and (theta <= high).all():
        return theta
    found = []
    for fixed, free in ((0, 1), (1, 0)):
        for end in (low[fixed], high[fixed]):
            point = np.empty(2)
            point[fixed] = end
            best = theta[free] - metric[free, fixed] / metric[free, free] * (end - theta[fixed])
            point[free] = min(max(best, low[free]), high[free])
            found.append(((point - theta) @ metric @ (point - theta), point))
    return min(found, key=lambda each: each[0])[1]
