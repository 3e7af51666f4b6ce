"""Do errors remember? Whether the reference's came one by one, or in spells that look like a change."""

from __future__ import annotations

import numpy as np

from detectors.logistic import NORMAL_SCORES, fit_logistic
from detectors.profile import cells_of
from detectors.types import RANK_CELLS, FloatArray
from monitor.fit.long_run import BLOCK, BlockSums, LongRun, long_runs

__all__ = ["memory_of_errors"]


def memory_of_errors(rank: FloatArray, wrong: FloatArray) -> LongRun:
    """Variance of sums of errors over blocks of labels that follow each other, over that of independent ones.

    Errors are taken as what they differ by from the bent logistic of their rank, so that easy and hard requests in
    turn are no memory; and once more weighted with the normal score of the rank, for spells in which confidence says
    less.

    Parameters
    ----------
    rank, wrong
        (rows,) confidence ranks, and 1 for wrong, 0 for right, in time order; NaN in either is left out.

    Examples
    --------
    >>> r = np.random.default_rng(2)
    >>> rank, spell = r.random(8000), np.arange(8000) // 50 % 10 == 0
    >>> alone = memory_of_errors(rank, (r.random(8000) < .2).astype(float))
    >>> spells = memory_of_errors(rank, (r.random(8000) < np.where(spell, .6, .15)).astype(float))
    >>> alone.temper, spells.temper > 3
    (1.0, True)
    """
    known = ~np.isnan(rank) & ~np.isnan(wrong)
    return long_runs([_Residuals(rank[known], wrong[known])])[0]


class _Residuals:
    """Errors less what their rank explains, as one view: `long_runs` reads it."""

    names = ("errors",)

    def __init__(self, rank: FloatArray, wrong: FloatArray) -> None:
        self.sums = BlockSums(1)
        cells, n = cells_of(rank), len(rank) // BLOCK * BLOCK
        counts = np.zeros((RANK_CELLS, 2))
        np.add.at(counts, (cells, wrong.astype(np.int64)), 1)
        usual = fit_logistic(counts, bent=True).rates()[cells]
        score = np.stack([np.ones(len(rank)), NORMAL_SCORES[cells]])
        variances: FloatArray = (usual * (1 - usual) * score**2).sum(axis=1, keepdims=True) / max(len(rank), 1)
        self._variances = variances
        residuals = (wrong - usual) * score
        if n:
            self.sums.add(residuals[:, :n].reshape(2, -1, BLOCK).sum(axis=2).T[:, :, None])

    def variances(self) -> FloatArray:
        """(2, 1): of a single error, if its rank says all there is to say."""
        return self._variances
