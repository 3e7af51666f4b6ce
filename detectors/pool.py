"""What a batch is compared with: the counts of the reference, those that joined it, and those since a change."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .contexts import mixture
from .layout import Layout
from .types import BoolArray, FloatArray, IntArray, State

__all__ = ["Pool"]

_LEAST = 0.01
_ENOUGH = 100
"""Events of a new reference at least."""


class Pool:
    r"""Counts by cell of the context, of the reference and of the stream.

    As long as nothing has changed the stream joins the reference, for a finite reference that is taken for exact is
    itself a change. **While frozen** it joins all the same, but apart from it: a batch is then compared with the
    reference *and* with what came since the freeze, as two samples, and on thawing the latter is dropped. What came may
    have been harm; it was never learnt, and meanwhile an unchanged stream raises no more alarms than it does unfrozen.

    Beside them stand the counts since the estimated change, :math:`s \leftarrow \rho s + c` (`shiryaev.retained`):
    those that joined the reference, and those apart.

    Parameters
    ----------
    reference
        (width,) or (cells, width): counts of the reference.

    Examples
    --------
    >>> pool = Pool(np.array([5, 5]))
    >>> pool.frozen = True
    >>> one, cell, all_bins = np.array([[1, 0]]), np.array([0]), np.ones(2, dtype=np.int64)
    >>> pool.add(one, cell, np.array([0, 1]), np.ones((1, 2)), all_bins)
    >>> pool.compared(one, cell, all_bins).tolist()
    [[7, 5]]
    >>> pool.thaw(all_bins.astype(bool))
    >>> pool.compared(one, cell, all_bins).tolist()
    [[6, 5]]
    """

    def __init__(self, reference: IntArray) -> None:
        self._pooled = np.atleast_2d(reference).astype(np.int64)
        self._apart = np.zeros_like(self._pooled)
        self._new = np.zeros_like(self._pooled)  # in views with an open episode: all that came since its change
        self._since = np.zeros((2, *self._pooled.shape))
        self._live: list[int] = []  # cells with any count since the change: of many, the last ones
        self.frozen = False
        """While true, what comes is kept apart."""

    def compared(self, counts: IntArray, cells: IntArray, active: IntArray) -> IntArray:
        """What each part of some batches is compared with, itself included: (parts, width).

        Parameters
        ----------
        counts, cells
            (parts, width) and (parts,): the parts, one after the other, and the cell of each.
        active
            (width,): 1 where the stream joins, 0 in views with an open episode.
        """
        pooled = counts.copy()
        so_far: dict[int, IntArray] = {}
        for part, cell in enumerate(cells.tolist()):
            known = so_far.get(cell)
            if known is None:
                known = self._pooled[cell] + self._apart[cell] if self.frozen else self._pooled[cell]
            so_far[cell] = known + counts[part] * active
            pooled[part] += known
        return pooled

    def add(self, counts: IntArray, cells: IntArray, starts: IntArray, kept: FloatArray, active: IntArray) -> None:
        """Let batches join; (batches, width) `kept` is how much of what came before each belongs to the change."""
        into = self._apart if self.frozen else self._pooled
        held = 1 - active if not active.all() else None
        for batch, (start, end) in enumerate(pairwise(starts.tolist())):
            for cell in self._live:
                self._since[:, cell] *= kept[batch]
            for row, cell in zip(counts[start:end], cells[start:end].tolist(), strict=True):
                joined = row * active
                into[cell] += joined
                if held is not None:
                    self._new[cell] += row * held
                self._since[int(self.frozen), cell] += joined
                if cell not in self._live:
                    self._live.append(cell)
            if len(self._live) > 1:
                self._forget()

    def _forget(self) -> None:
        """Leave alone the cells of which nothing that would round to a count is left."""
        gone = [cell for cell in self._live if self._since[:, cell].max() < _LEAST]
        if gone:
            self._since[:, gone] = 0
            self._look()

    def _look(self) -> None:
        self._live = np.flatnonzero(self._since.any(axis=(0, 2))).tolist()

    def part(self, bins: slice) -> tuple[IntArray, IntArray]:
        """Take what came since the change out of some bins; what is left of the reference there, and what was taken."""
        joined, apart = np.rint(self._since[:, :, bins]).astype(np.int64)
        self._pooled[:, bins] -= joined
        self._apart[:, bins] -= apart
        self._new[:, bins] = joined + apart
        self._since[:, :, bins] = 0
        self._look()
        now = joined + apart
        return mixture(self._pooled[:, bins], now), now.sum(axis=0)

    def moved(self, bins: slice) -> bool:
        """Whether enough has come since the change in a view without an episode to be a reference."""
        return bool(self._since[:, :, bins].sum() >= _ENOUGH)

    def rebase(self, bins: slice) -> int:
        """Let what came since the change be the reference of a view; returns how many events that is."""
        since = np.rint(self._since[:, :, bins]).astype(np.int64)
        self._pooled[:, bins] = self._new[:, bins] + since.sum(axis=0)
        self._apart[:, bins] = 0
        self._since[:, :, bins] = 0
        self._look()
        return int(self._pooled[:, bins].sum())

    def close(self, free: BoolArray) -> None:
        """The episodes of some bins are over: nothing of what came in them is kept."""
        self._new[:, free] = 0

    def thaw(self, free: BoolArray) -> None:
        """Drop what was kept apart; where bins are `free` of an episode, nothing has come since a change either."""
        self.frozen = False
        self._apart[:] = 0
        self._since[:, :, free] = 0
        self._look()

    def settle(self) -> None:
        """Round the counts since the change to whole ones."""
        np.rint(self._since, out=self._since)
        self._look()

    def state(self, layout: Layout) -> State:
        """All counts."""
        return {
            "pooled": layout.folded(self._pooled),
            "apart": self._apart.copy(),
            "new": self._new.copy(),
            "since": self._since.copy(),
            "frozen": np.array([self.frozen]),
        }

    def restore(self, state: State, layout: Layout) -> None:
        """Continue from `state`."""
        self._pooled = layout.unfolded(state["pooled"].astype(np.int64))
        self._apart = state["apart"].astype(np.int64)
        self._new = state["new"].astype(np.int64)
        self._since = state["since"].astype(np.float64)
        self.frozen = bool(state["frozen"][0])
        self._look()
