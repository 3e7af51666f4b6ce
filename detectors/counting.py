"""From batches of events to counts: which views there are, and how many events fell in each of their bins."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .contexts import Context
from .layout import Group, Layout
from .rows import taken
from .types import FloatArray, IntArray, Rows
from .views.categorical import CategoricalView
from .views.embedding import Embedding
from .views.encoder import Encoder
from .views.joint import JointScalars, choose_pairs, concordance
from .views.kinds import OUTPUTS, Half, OrderedKind, RowScalars, StepKind, ViewSettings
from .views.numeric import NumericViews
from .views.registry import ORDERED, STEPPED

__all__ = ["OUTPUTS", "ViewSettings", "Views"]


@dataclass(frozen=True, slots=True)
class Views:
    """All views of a model, fitted on the first half of a reference.

    Attributes
    ----------
    numeric, categorical
        Names of the features, in the order of `Rows`.
    ordered_kinds, step_kinds
        The kinds of views that the reference has something for, in the order of the registry.
    ordered
        Bins of all views of the ordered kinds, one kind after the other.
    stepped
        Bins of all views of the stepped kinds, likewise.
    pairs, medians
        (pairs, 2) indices and (features,) medians of the numeric features.
    context
        What the counts are kept apart by.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    ordered_kinds: tuple[OrderedKind, ...]
    step_kinds: tuple[StepKind, ...]
    ordered: NumericViews
    stepped: tuple[CategoricalView, ...]
    pairs: IntArray
    medians: FloatArray
    context: Context = field(default_factory=Context)
    _layout: Layout = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the bins out once: the names of 2,000 pairs take longer to write than a batch to count."""
        object.__setattr__(self, "_layout", self._laid_out())

    @classmethod
    def fit(
        cls,
        rows: Rows,
        numeric: tuple[str, ...],
        categorical: tuple[str, ...],
        settings: ViewSettings,
        rng: np.random.Generator,
        context: Context | None = None,
    ) -> Views:
        """Fit all views on `rows`, one half of a reference; the other half is for counting."""
        half = Half(rows, numeric, categorical, settings, rng)
        ordered = tuple(each for kind in ORDERED if (each := kind.fit(half)) is not None)
        stepped = tuple(step for kind in STEPPED if (step := kind.fit(half)) is not None)
        pairs, medians = np.empty((0, 2), np.int64), np.zeros(len(numeric))
        joint = _joint_of(ordered)
        if joint is not None:
            pairs, medians = choose_pairs(rows.numeric, settings.pairs, rng), joint.centre
        bins = NumericViews.fit(_to_fit(ordered, rows), settings.bins)
        categories = tuple(CategoricalView.fit(text) for kind in stepped for text in kind.texts(rows))
        context = Context.fit(settings.context, rows) if context is None else context
        return cls(numeric, categorical, ordered, stepped, bins, categories, pairs, medians, context)

    @property
    def joint(self) -> JointScalars | None:
        """Scalars of the row; None for a single feature."""
        return _joint_of(self.ordered_kinds)

    def layout(self) -> Layout:
        """Names, places and weights of the bins."""
        return self._layout

    def _laid_out(self) -> Layout:
        kinds = (*self.ordered_kinds, *self.step_kinds)
        pairs = tuple(f"{self.numeric[a]} with {self.numeric[b]}" for a, b in self.pairs)
        groups = [kind.group for kind in kinds for _ in kind.names] + [Group.PAIR] * len(pairs)
        ordered = tuple(name for kind in self.ordered_kinds for name in kind.names)
        stepped = tuple(name for kind in self.step_kinds for name in kind.names)
        bins = tuple(len(view.names) for view in self.stepped)
        return Layout(ordered, self.ordered.bins, stepped, bins, pairs, tuple(groups))

    def count(self, rows: Rows, starts: IntArray) -> IntArray:
        """Count the events of each batch in each bin.

        Parameters
        ----------
        rows
            Some batches, one after the other.
        starts
            (batches + 1,): where each batch begins, and the end.

        Returns
        -------
        IntArray
            (batches, width). They add up: the counts of a union are the sum of the counts.
        """
        layout = self.layout()
        batches, width = len(starts) - 1, layout.width
        base = np.repeat(np.arange(batches) * width, np.diff(starts))
        columns = np.arange(len(layout.ordered))[:, None] * layout.bins + base
        columns += self.ordered.bin(_scalars(self.ordered_kinds, rows))
        flat = [columns.ravel()]
        texts = [each for kind in self.step_kinds for each in kind.texts(rows)]
        for i, (view, values) in enumerate(zip(self.stepped, texts, strict=True)):
            flat.append(view.bin(values) + (layout.step_start + i * layout.step_bins) + base)
        places = np.concatenate(flat) if len(flat) > 1 else flat[0]
        counts: IntArray = np.bincount(places, minlength=batches * width).reshape(batches, width)
        if len(self.pairs):
            both = concordance(rows.numeric, self.medians, self.pairs, starts)
            counts[:, layout.pair_start :] = both.reshape(batches, -1)
        return counts

    def count_cells(self, rows: Rows, starts: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Count the events of each batch in each bin, those of each cell of the context apart.

        Returns
        -------
        tuple[IntArray, IntArray, IntArray]
            Counts (parts, width), the cell of each part, and where each batch's parts begin, (batches + 1,). A batch
            without events has one part, of cell 0.
        """
        batches = len(starts) - 1
        cells = self.context.cells_of(rows)
        batch = np.repeat(np.arange(batches), np.diff(starts))
        order, part_starts, owner = _grouped(batch, cells)
        # mostly a batch falls into one cell, and nothing has to be put in order
        arranged = rows if (order == np.arange(len(order))).all() else taken(rows, order)
        counts, of_part = self.count(arranged, part_starts), cells[order][part_starts[:-1]]
        empty = np.setdiff1d(np.arange(batches), owner)
        owner = np.concatenate([owner, empty])
        place = np.argsort(owner, kind="stable")
        counts = np.concatenate([counts, np.zeros((len(empty), counts.shape[1]), np.int64)])[place]
        of_part = np.concatenate([of_part, np.zeros(len(empty), np.int64)])[place]
        return counts, of_part, np.searchsorted(owner[place], np.arange(batches + 1))


def _grouped(batch: IntArray, cells: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Order of the events by batch and cell, where each part of that begins (and the end), and the batch of each."""
    order = np.lexsort((cells, batch))
    key = np.stack([batch[order], cells[order]])
    begins = np.flatnonzero(np.append(True, (key[:, 1:] != key[:, :-1]).any(axis=0))) if len(order) else order
    return order, np.append(begins, len(order)), key[0, begins]


def _scalars(kinds: tuple[OrderedKind, ...], rows: Rows) -> FloatArray:
    """(ordered views, events), one kind after the other."""
    return np.concatenate([kind.scalars(rows) for kind in kinds])


def _to_fit(kinds: tuple[OrderedKind, ...], rows: Rows) -> FloatArray:
    """(ordered views, events): for the edges, without the rows that a kind was fitted on closely."""
    values = []
    for kind in kinds:
        scalars = kind.scalars(rows)
        if isinstance(kind, Embedding | Encoder) and len(kind.fitted_on):
            scalars[:, kind.fitted_on] = np.nan
        values.append(scalars)
    return np.concatenate(values)


def _joint_of(kinds: tuple[OrderedKind, ...]) -> JointScalars | None:
    return next((kind.joint for kind in kinds if isinstance(kind, RowScalars)), None)
