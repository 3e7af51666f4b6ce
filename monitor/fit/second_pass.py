"""The second pass over a large reference: all rows are counted that the views were not fitted on, and replayed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from detectors.profile import Fitted, Reference, cells_of, counts_by_cell
from detectors.types import FloatArray, IntArray
from monitor.config import Config
from monitor.fit.contexts import candidates
from monitor.fit.gathering import Gathered
from monitor.fit.reading import Part, part_of, scores_of, taken_part, with_sizes, wrong_of
from monitor.fit.replay import Half, Replay, Replayed, Replayer, replay_all
from monitor.tables import RawBatch

__all__ = ["Again", "second_pass"]

_MOST_SCORES = 20_000
_Progress = Callable[[float, int], None]
Again = Callable[[], Iterable[RawBatch]]


def second_pass(
    again: Again,
    gathered: Gathered,
    fitted: Fitted,
    reference: Reference,
    bar: float,
    config: Config,
    progress: _Progress,
) -> tuple[Fitted, Replay]:
    """Add all rows that are not in the sample to `fitted`, which is of the sample, and replay the second half.

    The views were fitted on one half of the sample, and these rows alone are never counted. If the promise does not
    hold as configured, a third pass tries all other contexts at once.
    """
    half = gathered.n // 2
    first = taken_part(gathered.part, np.flatnonzero(gathered.part.places < half))
    sample = Half(with_sizes(first, gathered.schema, bar), first.times, first.segments)
    count = _Count(fitted, gathered, bar, config)
    counted = False

    def run(contexts: Sequence[str], temper: Mapping[str, float] | None) -> list[Replayed]:
        nonlocal counted
        replayer = Replayer(sample, reference, contexts, config, temper)
        for part in _parts(again, gathered, config, progress):
            halved = Half(with_sizes(part, gathered.schema, bar), part.times, part.segments)
            if not counted:
                count.add(part, halved)
            _replay(replayer, halved, part.places, gathered.part.places, half)
        counted = True
        return replayer.results()

    late = taken_part(gathered.part, np.flatnonzero(gathered.part.places >= half))
    times = (first.times, late.times) if gathered.timed else ()
    contexts = candidates(first.segments, late.segments, times)
    replayed = replay_all(run, contexts, config, ordered=gathered.ordered, at_once=True)
    return count.fitted(), replayed


def _parts(again: Again, gathered: Gathered, config: Config, progress: _Progress) -> Iterable[Part]:
    n = 0
    for batch in again():
        part, _ = part_of(batch, config, gathered.schema, n)
        n += len(part) if part is not None else 0
        progress(batch.progress, n)
        if part is not None:
            yield part


def _replay(run: Replayer, part: Half, places: IntArray, sampled: IntArray, half: int) -> None:
    """The first half is learnt from, but for the rows that the views were fitted on; the second is replayed."""
    early = np.flatnonzero((places < half) & ~np.isin(places, sampled, assume_unique=True))
    late = np.flatnonzero(places >= half)
    if len(early):
        run.learn(part.at(early))
    if len(late):
        run.take(part.at(late))


class _Count:
    """Adds up what a profile keeps of its rows."""

    def __init__(self, fitted: Fitted, gathered: Gathered, bar: float, config: Config) -> None:
        self._fitted, self._gathered, self._bar, self._within = fitted, gathered, bar, config.promise.within
        self._counts, self._ranks = fitted.counts.copy(), fitted.rank_counts.copy()
        self._by_cell = None if fitted.by_cell is None else fitted.by_cell.copy()
        self._labelled = fitted.labelled
        self._scores: list[FloatArray] = []

    def add(self, part: Part, halved: Half) -> None:
        """Count the rows of `part` that the sample lacks."""
        schema = self._gathered.schema
        scores = scores_of(part, schema)
        spent = np.isin(part.places, self._gathered.spent, assume_unique=True)
        self._keep(scores[~np.isnan(scores) & ~spent])
        fresh = np.flatnonzero(~np.isin(part.places, self._gathered.part.places, assume_unique=True))
        if not len(fresh):
            return
        rows = halved.at(fresh).rows
        self._counts += self._fitted.views.count(rows, np.array([0, len(rows)]))[0]
        if self._by_cell is not None and (own := counts_by_cell(self._fitted.views, rows)) is not None:
            self._by_cell += own
        wrong = wrong_of(part, schema, self._within, self._bar)[fresh]
        rank = self._fitted.rank(rows.confidence)
        self._labelled += int((~np.isnan(wrong)).sum())
        known = ~np.isnan(wrong) & ~np.isnan(rank)
        np.add.at(self._ranks, (cells_of(rank[known]), wrong[known].astype(np.int64)), 1)

    def _keep(self, scores: FloatArray) -> None:
        self._scores.append(scores)
        if sum(map(len, self._scores)) > 2 * _MOST_SCORES:
            self._scores = [np.concatenate(self._scores)[-_MOST_SCORES:]]

    def fitted(self) -> Fitted:
        """The statistics of all rows."""
        scores = np.concatenate([*self._scores, np.empty(0)])[-_MOST_SCORES:]
        rate = self._gathered.events_per_day
        return replace(
            self._fitted,
            counts=self._counts,
            by_cell=self._by_cell,
            rank_counts=self._ranks,
            scores=scores,
            n=self._gathered.n,
            labelled=self._labelled,
            events_per_day=rate if math.isfinite(rate) else self._fitted.events_per_day,
        )
