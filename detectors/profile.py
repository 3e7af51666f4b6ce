"""What normal looks like: fitted once on reference data, half for the views and half for the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .contexts import Context
from .counting import Views, ViewSettings
from .errors import UnfitReference
from .groups.fitted import Groups
from .method import Method
from .rows import taken
from .types import RANK_CELLS, BoolArray, FloatArray, IntArray, Rows

__all__ = [
    "ERROR_MEMORY",
    "LEAST_ROWS",
    "Fitted",
    "Profile",
    "Reference",
    "cells_of",
    "counts_by_cell",
    "first_half",
    "fit",
    "rank_of",
]

LEAST_ROWS = 20
"""Fewer rows than this say nothing about what is normal."""
ERROR_MEMORY = "error_memory"
"""The fact in which a profile keeps how much the reference's errors remember (`Profile.error_memory`)."""
_KNOTS = 4001
_MOST_SCORES = 20_000


@dataclass(frozen=True, slots=True)
class Reference:
    """The rows that a profile is fitted on.

    Attributes
    ----------
    rows
        The predictions.
    numeric, categorical
        Names of the features, in the order of `rows`.
    wrong
        (events,): 1 where the model was wrong, 0 where it was right, NaN where the outcome is not known.
    scores
        Nonconformity scores of the rows with a known outcome, in order.
    events_per_day
        Their rate.
    """

    rows: Rows
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    wrong: FloatArray
    scores: FloatArray
    events_per_day: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `fit` makes of a reference.

    Attributes
    ----------
    views
        Fitted on one half.
    counts
        (width,): of the other half.
    knots
        Sorted confidences of the reference, at most 4,001 quantiles of them.
    rank_counts
        (rank cells, 2): right and wrong answers of the model by confidence rank.
    scores
        The last nonconformity scores of the reference.
    n, labelled
        Rows, and those with an outcome.
    events_per_day
        Rate of the reference.
    by_cell
        (cells, width): the part of the counts that each cell of the context has, from cell 1 on.
    memory
        (views,): long-run variance of each view's rows over that of independent ones, by which bets may be tempered.
    first
        (width,): counts of the half on which the views were fitted, if evidence is to go event by event.
    groups
        What is known of the groups that segments make; None where there are none.
    """

    views: Views
    counts: IntArray
    knots: FloatArray
    rank_counts: IntArray
    scores: FloatArray
    n: int
    labelled: int
    events_per_day: float
    by_cell: IntArray | None = None
    memory: FloatArray | None = None
    first: IntArray | None = None
    groups: Groups | None = None

    @property
    def reference(self) -> IntArray:
        """(cells, width): what evidence is compared with; cell 0 is all of it."""
        return self.counts[None] if self.by_cell is None else np.concatenate([self.counts[None], self.by_cell])

    def rank(self, confidence: FloatArray) -> FloatArray:
        """Rank of each confidence in the reference, in [0, 1]; NaN stays NaN."""
        return rank_of(confidence, self.knots)


@dataclass(frozen=True, slots=True)
class Profile:
    """A fitted reference and whose it is.

    Attributes
    ----------
    fitted
        The statistics.
    model, version
        Of which model.
    task
        `classification` or `regression`.
    classes
        Names of the classes, in the order of probabilities.
    facts
        What `fit` noted about the data: texts and numbers by name.
    method
        How its uncertainty is read.
    digest
        SHA-256 over all of it, in hexadecimal; "" before it was written.
    """

    fitted: Fitted
    model: str
    version: str
    task: str
    classes: tuple[str, ...]
    facts: Mapping[str, str | float]
    method: Method = field(default_factory=Method)
    digest: str = ""

    @property
    def error_memory(self) -> float:
        """Variance of sums of the reference's errors in time order, over that of independent ones; 1 if unknown."""
        return max(float(self.facts.get(ERROR_MEMORY, 1.0)), 1.0)


def fit(reference: Reference, settings: ViewSettings | None = None, seed: int = 0) -> Fitted:
    """Fit the views on one half of the reference, drawn at random, and count the other.

    Counting the rows that a view was fitted on makes it find them closer than any others ever will be: a view of
    distances fitted and counted alike raised false alarms in every run.

    Raises
    ------
    UnfitReference
        Fewer than 20 rows.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> none = np.full(1000, np.nan)
    >>> rows = Rows(rng.normal(size=(2, 1000)), (), [None] * 1000, rng.random(1000), none, none, none)
    >>> wrong = (rng.random(1000) > rows.confidence).astype(float)
    >>> fitted = fit(Reference(rows, ("a", "b"), (), wrong, np.empty(0), 86400.0))
    >>> int(fitted.counts[:34].sum()), int(fitted.rank_counts.sum()), fitted.rank(np.array([-1.0, 2.0])).tolist()
    (500, 1000, [0.0, 1.0])
    """
    n = len(reference.rows)
    if n < LEAST_ROWS:
        raise UnfitReference(f"the reference has {n} rows; a profile needs at least {LEAST_ROWS}, better 1,000")
    rng = np.random.default_rng(seed)
    first = first_half(n, rng)
    settings = settings or ViewSettings()
    context = Context.fit(settings.context, reference.rows)
    views = Views.fit(taken(reference.rows, first), reference.numeric, reference.categorical, settings, rng, context)
    second = taken(reference.rows, ~first)
    knots = _knots(reference.rows.confidence)
    known = ~np.isnan(reference.wrong)
    return Fitted(
        views=views,
        counts=views.count(second, np.array([0, len(second)]))[0],
        by_cell=counts_by_cell(views, second),
        knots=knots,
        rank_counts=_rank_counts(rank_of(reference.rows.confidence, knots), reference.wrong),
        scores=reference.scores[-_MOST_SCORES:],
        n=n,
        labelled=int(known.sum()),
        events_per_day=reference.events_per_day,
        first=_first_counts(views, taken(reference.rows, first)) if settings.by_event else None,
    )


def _first_counts(views: Views, rows: Rows) -> IntArray:
    """(width,): counts of the rows that views were fitted on; never seen are as many as categories that came once."""
    counts: IntArray = views.count(rows, np.array([0, len(rows)]))[0]
    layout = views.layout()
    texts = [each for kind in views.step_kinds for each in kind.texts(rows)]
    for i, (view, values) in enumerate(zip(views.stepped, texts, strict=True)):
        once = sum(n == 1 for value, n in Counter(values).items() if value is not None)
        counts[layout.step_start + i * layout.step_bins + view.names.index("never seen")] = once
    return counts


def first_half(n: int, rng: np.random.Generator) -> BoolArray:
    """Which of `n` rows the views are fitted on; the others are counted."""
    first = np.zeros(n, dtype=np.bool_)
    first[rng.permutation(n)[: n // 2]] = True
    return first


def counts_by_cell(views: Views, rows: Rows) -> IntArray | None:
    """(cells, width): counts of each cell of the context but the first; None where there is no other."""
    if views.context.cells == 1:
        return None
    counted, cells, _ = views.count_cells(rows, np.array([0, len(rows)]))
    by_cell = np.zeros((views.context.cells, counted.shape[1]), dtype=np.int64)
    by_cell[cells] = counted
    return by_cell[1:]


def rank_of(confidence: FloatArray, knots: FloatArray) -> FloatArray:
    """Share of the reference that is at most as sure; NaN where the confidence or the reference is.

    Ties count in full, so that the surest answers have rank 1 however many there are.

    Examples
    --------
    >>> rank_of(np.array([.1, .5, .9, np.nan]), np.array([.2, .5, .5, .8])).tolist()
    [0.0, 0.75, 1.0, nan]
    """
    if not len(knots):
        return np.full(confidence.shape, np.nan)
    within = np.searchsorted(knots, confidence, side="right") / len(knots)
    return np.where(np.isnan(confidence), np.nan, within)


def cells_of(rank: FloatArray) -> IntArray:
    """Rank cell of each rank, 0 to 49; -1 for NaN."""
    cells = np.minimum(np.nan_to_num(rank, nan=0.0) * RANK_CELLS, RANK_CELLS - 1).astype(np.int64)
    return np.where(np.isnan(rank), -1, cells)


def _knots(confidence: FloatArray) -> FloatArray:
    known = np.sort(confidence[np.isfinite(confidence)])
    if len(known) <= _KNOTS:
        return known
    return np.quantile(known, np.linspace(0, 1, _KNOTS), method="inverted_cdf")


def _rank_counts(rank: FloatArray, wrong: FloatArray) -> IntArray:
    counts = np.zeros((RANK_CELLS, 2), dtype=np.int64)
    known = ~np.isnan(wrong) & ~np.isnan(rank)
    np.add.at(counts, (cells_of(rank[known]), wrong[known].astype(np.int64)), 1)
    return counts
