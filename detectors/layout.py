"""Which views are watched, where their bins stand in a vector of counts, and what each weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .types import FloatArray, IntArray

__all__ = ["Group", "Layout", "group_weights"]


class Group:
    """Groups of views, which share the weight of an alarm.

    Examples
    --------
    >>> group_weights([Group.SINGLE, Group.JOINT]).round(2).tolist()
    [0.67, 0.33]
    """

    SINGLE = "single"
    JOINT = "joint"
    PAIR = "pair"


_SHARES = {Group.SINGLE: 0.5, Group.JOINT: 0.25, Group.PAIR: 0.25}


def group_weights(groups: Sequence[str]) -> FloatArray:
    """Weights of views that sum to one: 1/4 on joint scalars, 1/4 on concordance, 1/2 on single and output views.

    Equal within a group; the share of an absent group goes to the others in proportion.

    Examples
    --------
    >>> group_weights(["single", "single", "joint"]).round(3).tolist()
    [0.333, 0.333, 0.333]
    """
    present = sum(_SHARES[group] for group in set(groups))
    return np.array([_SHARES[group] / present / groups.count(group) for group in groups])


@dataclass(frozen=True, slots=True)
class Layout:
    """Bins of all views in one vector: ordered views, then stepped ones, then pairs.

    Attributes
    ----------
    ordered
        Names of the views with ordered bins.
    bins
        Bins of an ordered view, the last two for values outside the reference and missing ones.
    stepped
        Names of the categorical views.
    categories
        Bins of each stepped view; they are padded to the greatest.
    pairs
        Names of the concordance views, of two bins each.
    groups
        The group of each view, in that order.
    """

    ordered: tuple[str, ...]
    bins: int
    stepped: tuple[str, ...]
    categories: tuple[int, ...]
    pairs: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all views."""
        return self.ordered + self.stepped + self.pairs

    @property
    def step_bins(self) -> int:
        """Bins of a stepped view, padding included."""
        return max(self.categories, default=0)

    @property
    def step_start(self) -> int:
        """Where the stepped views begin."""
        return len(self.ordered) * self.bins

    @property
    def pair_start(self) -> int:
        """Where the pairs begin."""
        return self.step_start + len(self.stepped) * self.step_bins

    @property
    def width(self) -> int:
        """Length of a vector of counts."""
        return self.pair_start + 2 * len(self.pairs)

    def kind_of(self, view: int) -> str:
        """What a view's bins are: ordered, categories or a pair."""
        if view < len(self.ordered):
            return "ordered"
        return "categories" if view < len(self.ordered) + len(self.stepped) else "pair"

    def starts(self) -> IntArray:
        """Where each view's bins begin, and the width at the end: (views + 1,)."""
        sizes = [self.bins] * len(self.ordered) + [self.step_bins] * len(self.stepped) + [2] * len(self.pairs)
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def events(self, counts: IntArray) -> IntArray:
        """Events in each batch, (batches,), of (batches, width): any ordered or stepped view counts every event."""
        first: IntArray = counts[:, : self.bins if self.ordered else self.step_bins].sum(axis=1)
        return first

    def folded(self, counts: IntArray) -> IntArray:
        """Counts with the events of each pair in place of those on opposite sides: mostly the same number for all."""
        folded = counts.copy()
        folded[..., self.pair_start + 1 :: 2] += folded[..., self.pair_start :: 2]
        return folded

    def unfolded(self, folded: IntArray) -> IntArray:
        """The counts again."""
        counts = folded.copy()
        counts[..., self.pair_start + 1 :: 2] -= counts[..., self.pair_start :: 2]
        return counts

    def weights(self) -> FloatArray:
        """Weight of each view in an alarm; they sum to one."""
        return group_weights(self.groups)
