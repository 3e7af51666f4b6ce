"""What each group adds to the shared threshold, so that the promise on errors holds in each of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.groups.counts import GroupLabels
from detectors.tracking import LARGEST_STEP
from detectors.types import FloatArray, Stake, State

__all__ = ["GroupTracking"]

_DAMPING = 3.0
_SUREST_BAND = -1
"""The surest tenth is the last band."""


class GroupTracking:
    r"""Offsets :math:`o_g \ge 0`: a request's threshold is the shared λ plus the offsets of the groups that it is in.

    .. math:: o_g \leftarrow clip(o_g + \eta_g \sum_{i \in g} w_i (err_i - \tau a^*),\ 0,\ 1 + 2 \eta),
              \qquad \eta_g = \min(.03,\ 3 / outstanding_g)

    This is gradient descent on a threshold that is linear in (1, who is in group 1, who is in group 2, ...), so groups
    may overlap: a gradient of zero in each coordinate is an error of τ·a* in each group. The weights, and how an
    overdue label counts, are those of `Tracking`. While a group's threshold is above 1 the surest tenth of what is held
    back moves its offset, or it would stay where it is.

    **What holds**, for any sequence of requests and labels, any overlap and a constant η, over the accepted and
    suspected labels of each group:

    .. math:: \sum_{i \in g} w_i (err_i - \tau a^*) \le (1 + 2 \eta - o_{g,1} + openings_g) / \eta

    Proof: as long as the clips do nothing, the sum is :math:`(o_{g,T} - o_{g,1}) / \eta`. The lower clip only raises
    :math:`o_g`. What the upper one cuts off is counted in `openings`, with all else that lowered :math:`o_g` but these
    labels. It cuts only once the threshold is above 1, where nothing of the group passes (λ and the other offsets are
    at least 0), so at most η times the labels outstanding, each time the top is reached.

    **What does not**: nothing is said of a stretch that is short beside 1/η. That takes 1/η *labels of the group*, so a
    small one is slow: 1,000 of its labels leave it within .03 of the target at a step of .03. A group never has a lower
    bar than its parent; nor is anything said of where groups meet (the old in the north) beyond each of the groups.

    Parameters
    ----------
    target
        τ·a*, in (0, 1).
    offsets
        (groups,): where they start, at least 0.

    References
    ----------
    Angelopoulos, Jordan & Tibshirani, "Gradient equilibrium in online learning", 2025; Angelopoulos, Barber & Bates,
    "Online conformal prediction with decaying step sizes", ICML 2024.

    Examples
    --------
    >>> tracking = GroupTracking(.05, np.zeros(2))
    >>> counts = np.zeros((2, 4, 10, 2), np.int64)
    >>> counts[1, Stake.ACCEPTED, 9] = 5, 5
    >>> tracking.update([GroupLabels(1.0, counts, np.zeros((2, 4), np.int64))], .3, np.zeros(2))
    >>> tracking.offsets.round(3).tolist()
    [0.0, 0.135]
    """

    def __init__(self, target: float, offsets: FloatArray) -> None:
        self._target = target
        self._offsets = offsets.astype(np.float64)
        self._openings = np.zeros(len(offsets))
        self._overdue = np.zeros(len(offsets))
        self._lift = np.zeros(len(offsets))

    @property
    def offsets(self) -> FloatArray:
        """(groups,) o_g."""
        return self._offsets

    @property
    def openings(self) -> FloatArray:
        """(groups,): all that lowered the offsets so far, but for labels of accepted and suspected answers."""
        return self._openings

    def update(self, labels: Sequence[GroupLabels], shared: float, outstanding: FloatArray) -> None:
        """Move the offsets by a batch of labels.

        Parameters
        ----------
        labels
            Outcomes that came, or became overdue; one item a propensity.
        shared
            λ.
        outstanding
            (groups,) labels asked for, neither come nor overdue, that would move the offsets.
        """
        if not labels:
            return
        passing, surest, late = np.sum([self._terms(each) for each in labels], axis=0)
        step = np.minimum(LARGEST_STEP, _DAMPING / np.maximum(outstanding, 1.0))
        before, top = self._offsets, 1 + 2 * step
        surest = np.where(before + shared > 1, surest, 0.0)
        at = np.clip(before + step * (passing + surest), 0.0, top)
        # near the top an overdue label raised nothing, so its coming must not open anything either
        back = self._lift * np.minimum(1.0, -late / np.maximum(np.maximum(self._overdue, -late), 1e-12))
        lift = np.where(late >= 0, np.minimum(at + step * (1 - self._target) * late, top) - at, -back)
        self._offsets = np.maximum(at + lift, 0.0)
        self._lift = np.maximum(self._lift + lift, 0.0)
        self._overdue = np.maximum(self._overdue + late, 0.0)
        wanted = before + step * (passing + (1 - self._target) * late)
        self._openings = self._openings + np.maximum(wanted - self._offsets, 0.0)

    def jump(self, group: int, offset: float) -> None:
        """Set one offset, after an alarm or a recovery."""
        offset = max(offset, 0.0)
        self._openings[group] += max(0.0, self._offsets[group] - offset)
        self._offsets[group] = offset
        self._lift[group] = 0.0

    def state(self) -> State:
        """Offsets, openings, overdue labels and how far they raised the offsets: (4, groups)."""
        return {"offsets": np.stack([self._offsets, self._openings, self._overdue, self._lift])}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same groups."""
        self._offsets, self._openings, self._overdue, self._lift = state["offsets"].astype(np.float64).copy()

    def _terms(self, labels: GroupLabels) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(groups,) each: weighted excess of errors of passing answers, of the surest, and weighted overdue labels."""
        answers = labels.counts.sum(axis=2)
        excess = answers[..., 1] - self._target * answers.sum(axis=-1)
        top = labels.counts[:, [Stake.SUREST, Stake.HELD], _SUREST_BAND].sum(axis=1)
        surest = top[:, 1] - self._target * top.sum(axis=-1)
        suspected = labels.propensity
        passing = excess[:, Stake.ACCEPTED] + suspected * excess[:, Stake.SUSPECTED]
        late = labels.overdue[:, Stake.ACCEPTED] + suspected * labels.overdue[:, Stake.SUSPECTED]
        return passing, surest, late.astype(np.float64)
