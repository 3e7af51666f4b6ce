"""From batches of events to counts: which views there are, and how many events fell in each of their bins."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .layout import Group, Layout
from .types import FloatArray, IntArray, Rows
from .views.categorical import CategoricalView
from .views.joint import JointScalars, choose_pairs, concordance
from .views.numeric import NumericViews

__all__ = ["OUTPUTS", "ViewSettings", "Views"]

OUTPUTS = ("confidence", "entropy", "size", "value")
"""Fields of `Rows` that say what the model's output is like."""
_LEAST_JOINT = 2


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """What is watched: quantile bins, projections of the whitened row, pairs at most, joint views at all."""

    bins: int = 32
    joint: bool = True
    projections: int = 20
    pairs: int = 2000


@dataclass(frozen=True, slots=True)
class Views:
    """All views of a model, fitted on the first half of a reference.

    Attributes
    ----------
    numeric, categorical
        Names of the features, in the order of `Rows`.
    outputs
        Those of `OUTPUTS` that the reference has.
    ordered
        Bins of the numeric features, the outputs and the joint scalars, in this order.
    stepped
        The categorical features and, last, the predicted label if the model gives one.
    label
        Whether it does.
    joint
        Scalars of the row; None for a single feature.
    pairs, medians
        (pairs, 2) indices and (features,) medians of the numeric features.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    outputs: tuple[str, ...]
    ordered: NumericViews
    stepped: tuple[CategoricalView, ...]
    label: bool
    joint: JointScalars | None
    pairs: IntArray
    medians: FloatArray
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
    ) -> Views:
        """Fit all views on `rows`, one half of a reference; the other half is for counting."""
        joint = None
        pairs, medians = np.empty((0, 2), np.int64), np.zeros(len(numeric))
        if settings.joint and len(numeric) >= _LEAST_JOINT:
            joint = JointScalars.fit(rows.numeric, settings.projections, rng)
            pairs, medians = choose_pairs(rows.numeric, settings.pairs, rng), joint.centre
        outputs = tuple(name for name in OUTPUTS if np.isfinite(getattr(rows, name)).any())
        label = any(each is not None for each in rows.label)
        stepped = tuple(CategoricalView.fit(each) for each in (*rows.categorical, *([rows.label] if label else [])))
        values = _scalars(rows, outputs, joint)
        return cls(
            numeric,
            categorical,
            outputs,
            NumericViews.fit(values, settings.bins),
            stepped,
            label,
            joint,
            pairs,
            medians,
        )

    def layout(self) -> Layout:
        """Names, places and weights of the bins."""
        return self._layout

    def _laid_out(self) -> Layout:
        scalars = () if self.joint is None else self.joint.names
        pairs = tuple(f"{self.numeric[a]} with {self.numeric[b]}" for a, b in self.pairs)
        stepped = self.categorical + (("predicted label",) if self.label else ())
        ordered = self.numeric + tuple(_OUTPUT_NAMES[name] for name in self.outputs) + scalars
        groups = [Group.SINGLE] * (len(ordered) - len(scalars)) + [Group.JOINT] * len(scalars)
        groups += [Group.SINGLE] * len(stepped) + [Group.PAIR] * len(pairs)
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
        columns += self.ordered.bin(_scalars(rows, self.outputs, self.joint))
        flat = [columns.ravel()]
        texts = (*rows.categorical, *([rows.label] if self.label else []))
        for i, (view, values) in enumerate(zip(self.stepped, texts, strict=True)):
            flat.append(view.bin(values) + (layout.step_start + i * layout.step_bins) + base)
        places = np.concatenate(flat) if len(flat) > 1 else flat[0]
        counts: IntArray = np.bincount(places, minlength=batches * width).reshape(batches, width)
        if len(self.pairs):
            both = concordance(rows.numeric, self.medians, self.pairs, starts)
            counts[:, layout.pair_start :] = both.reshape(batches, -1)
        return counts


_OUTPUT_NAMES = {"confidence": "confidence", "entropy": "entropy", "size": "set size", "value": "predicted value"}


def _scalars(rows: Rows, outputs: tuple[str, ...], joint: JointScalars | None) -> FloatArray:
    """(ordered views, events): features, outputs, joint scalars."""
    parts = [rows.numeric, *(getattr(rows, name)[None] for name in outputs)]
    if joint is not None:
        parts.append(joint.scalars(rows.numeric))
    return np.concatenate(parts)
