"""Labels along an axis that never touch: how wide it has to be for each of them to be shown."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Label", "needed"]

_LETTER = 0.66
"""The width of a letter, in em, at most: digits of the widest of the fonts that the report asks for have 0.64."""
_GAP = 0.6
_EDGE = 0.04


@dataclass(frozen=True, slots=True)
class Label:
    """A text, with a line break or several, at a share of the axis; at the ends it stays inside.

    Examples
    --------
    >>> [Label(share, "12:00").side for share in (0, 0.5, 1)]
    ['first', '', 'last']
    """

    share: float
    text: str

    @property
    def side(self) -> str:
        """`first` begins at its place, `last` ends there, any other is centred."""
        return "first" if self.share < _EDGE else "last" if self.share > 1 - _EDGE else ""

    @property
    def reach(self) -> tuple[float, float]:
        """How far it reaches to the left and to the right of its place, in em."""
        width = _LETTER * max(map(len, self.text.split("\n")))
        return {"first": (0.0, width), "last": (width, 0.0)}.get(self.side, (width / 2, width / 2))


def needed(labels: Sequence[Label]) -> list[float]:
    """For each label the least width of the axis, in em, at which it is shown; they come in the order of their places.

    The last label is always shown, for it says how far the axis goes. The others are shown as soon as they are free of
    it and all of their kind are free of each other: every label; where there is no room for that, every second one;
    every fourth; and so on.

    Examples
    --------
    >>> needed([Label(0, "0"), Label(0.48, "100"), Label(0.96, "200"), Label(1, "208")])[-1]
    0.0
    """
    if not labels:
        return []
    rest = range(len(labels) - 1)
    by_stride: dict[int, float] = {}
    stride = 1
    while stride < 2 * len(labels):
        kept = rest[::stride]
        by_stride[stride] = max((_apart(labels[i], labels[j]) for i, j in itertools.pairwise(kept)), default=0.0)
        stride *= 2
    coarsest = stride // 2
    return [*(max(by_stride[i & -i or coarsest], _apart(labels[i], labels[-1])) for i in rest), 0.0]


def _apart(left: Label, right: Label) -> float:
    """The width of the axis, in em, at which two labels no longer touch."""
    between = right.share - left.share
    return (left.reach[1] + _GAP + right.reach[0]) / between if between > 0 else math.inf
