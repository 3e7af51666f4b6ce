"""The threshold that follows the errors: in the long run the promise holds, whatever the data does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .types import Labels, Stake, State

__all__ = ["LARGEST_STEP", "Tracking", "step_size"]

LARGEST_STEP = 0.03
_DAMPING = 3.0


def step_size(outstanding: float) -> float:
    """`min(.03, 3 / o)`: with a fixed .03 and every label known 500 late the threshold swings through its whole range.

    Examples
    --------
    >>> step_size(0), step_size(500)
    (0.03, 0.006)
    """
    return min(LARGEST_STEP, _DAMPING / max(outstanding, 1.0))


class Tracking:
    r"""Threshold λ on the confidence rank, moved by each label of an answer that passed or would have passed.

    .. math:: \lambda \leftarrow clip(\lambda + \eta \sum w (err - \tau a^*),\ 0,\ 1 + 2 \eta),
              \qquad \eta = \min(.03,\ 3 / o)

    Weights: accepted 1; held back by suspicion alone, the propensity with which it would have been audited (all of
    those are labelled); the surest tenth 1, and only while nothing passes; held back otherwise 0. A label that is
    overdue counts as an error, and is taken back by as much as it raised λ on average once it comes.

    **What holds**, for any sequence of requests and labels and a constant η: over accepted and suspected labels,

    .. math:: \sum w (err - \tau a^*) \le (1 + 2 \eta - \lambda_1 + openings) / \eta

    where `openings` is everything that lowered λ other than those labels: alarms that open, right answers of the surest
    tenth, and what the clip at the top cut off (at most η times the labels outstanding each time the top is reached).
    So the weighted mean of err is at most `τ a* + (1 + 2η - λ_1 + openings) / (η N)`. For a step that varies, η_t for
    batch t with its openings o_t, summing by parts gives

    .. math:: \sum w (err - \tau a^*) \le 1.06 \Big(\frac{1}{\eta_T} + \sum_t \big(\tfrac{1}{\eta_{t-1}} -
              \tfrac{1}{\eta_t}\big)_+\Big) - \frac{\lambda_1}{\eta_1} + \sum_t \frac{o_t}{\eta_t}

    1.06 being the highest λ: each time that outstanding labels melt away may cost as much as the largest 1/η had. An
    answer whose label is withheld counts as an error once it is overdue, so that withholding labels buys nothing.

    **What does not**: nothing is said about a stretch that is short beside 1/η, about the delay of the labels after a
    change, about answers whose labels never come (they count as errors), or about any one segment.

    Parameters
    ----------
    target
        τ·a*, in (0, 1).
    threshold
        λ₁.

    References
    ----------
    Angelopoulos, Barber & Bates, "Online conformal prediction with decaying step sizes", ICML 2024; Gibbs & Candès,
    "Adaptive conformal inference under distribution shift", NeurIPS 2021.

    Examples
    --------
    >>> from .types import RANK_CELLS
    >>> tracking = Tracking(target=.05, threshold=.4)
    >>> counts = np.zeros((4, RANK_CELLS, 2), np.int64)
    >>> counts[Stake.ACCEPTED, 40] = 9, 1
    >>> tracking.update([Labels(.1, 0, counts, np.zeros((4, RANK_CELLS), np.int64))], outstanding=0)
    >>> round(tracking.threshold, 3)
    0.415
    """

    def __init__(self, target: float, threshold: float) -> None:
        self._target = target
        self._threshold = threshold
        self._openings = 0.0
        self._overdue = 0.0
        self._lift = 0.0

    @property
    def threshold(self) -> float:
        """λ; above 1 nothing passes."""
        return self._threshold

    @property
    def openings(self) -> float:
        """All that lowered λ so far, other than labels of accepted and suspected answers: it enters the bound."""
        return self._openings

    def update(self, labels: Sequence[Labels], outstanding: float) -> None:
        """Move λ by a batch of labels; `outstanding`: asked for, neither come nor overdue, and would move it."""
        if labels:
            passing, surest, late, late_surest = np.sum([self._terms(each) for each in labels], axis=0).tolist()
            self._move(step_size(outstanding), passing, surest, late, late_surest)

    def jump(self, threshold: float) -> None:
        """Set λ, after an alarm: what overdue labels had to do with the old one is forgotten."""
        self._openings += max(0.0, self._threshold - threshold)
        self._threshold = threshold
        self._lift = 0.0

    def state(self) -> State:
        """λ, openings, overdue labels and how far they raised λ."""
        return {"tracking": np.array([self._threshold, self._openings, self._overdue, self._lift])}

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        self._threshold, self._openings, self._overdue, self._lift = (float(x) for x in state["tracking"])

    def _terms(self, labels: Labels) -> tuple[float, float, float, float]:
        """Weighted excess of errors and weighted overdue labels, each of passing answers and of the surest tenth."""
        by_stake = labels.counts.sum(axis=1)
        excess = by_stake[:, 1] - self._target * by_stake.sum(axis=1)
        late = labels.overdue.sum(axis=1)
        suspected = labels.propensity
        return (
            float(excess[Stake.ACCEPTED] + suspected * excess[Stake.SUSPECTED]),
            float(excess[Stake.SUREST]),
            float(late[Stake.ACCEPTED] + suspected * late[Stake.SUSPECTED]),
            float(late[Stake.SUREST]),
        )

    def _move(self, step: float, passing: float, surest: float, late: float, late_surest: float) -> None:
        before, top = self._threshold, 1 + 2 * step
        at = min(max(before + step * (passing + surest), 0.0), top)
        overdue = late + late_surest
        if overdue >= 0:
            lift = min(at + step * (1 - self._target) * overdue, top) - at
        else:
            # near the top an overdue label raised nothing, so its coming must not open anything either
            lift = -self._lift * min(1.0, -overdue / max(self._overdue, -overdue))
        self._threshold = max(at + lift, 0.0)
        self._lift = max(self._lift + lift, 0.0)
        self._overdue = max(self._overdue + overdue, 0.0)
        self._openings += max(0.0, before + step * (passing + (1 - self._target) * late) - self._threshold)
