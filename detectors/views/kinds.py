"""Kinds of views that every model has; what a class must say of itself is in `contract`.

A kind turns rows into numbers (an *ordered* kind, whose numbers fall into quantile bins) or into texts (a *stepped*
one, whose texts fall into categories). Everything after that is the same for all. How to write one: `docs/views.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from detectors.layout import Group
from detectors.types import FloatArray, Rows, State

from .contract import Half, Kept, OrderedKind, StepKind, Texts, ViewSettings
from .joint import JointScalars

__all__ = [
    "OUTPUTS",
    "Categories",
    "Features",
    "Half",
    "Kept",
    "OrderedKind",
    "Outputs",
    "PredictedLabel",
    "RowScalars",
    "StepKind",
    "Texts",
    "ViewSettings",
]

OUTPUTS = ("confidence", "entropy", "size", "value")
"""Fields of `Rows` that say what the model's output is like."""
_OUTPUT_NAMES = {"confidence": "confidence", "entropy": "entropy", "size": "set size", "value": "predicted value"}
_LEAST_JOINT = 2


class _Named:
    """A kind that is nothing but the names of its views."""

    group: ClassVar[str] = Group.SINGLE

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each of its views."""
        return self._names

    def told(self) -> dict[str, Any]:
        """Say the names."""
        return {"names": list(self._names)}

    def state(self) -> State:
        """Nothing."""
        return {}


class Features(_Named):
    """The numeric features, one by one.

    Examples
    --------
    >>> Features(("age", "income")).names
    ('age', 'income')
    """

    key: ClassVar[str] = "features"

    @classmethod
    def fit(cls, given: Half, /) -> Features | None:
        """All of them."""
        return cls(given.numeric)

    def scalars(self, rows: Rows) -> FloatArray:
        """As they are: (features, events)."""
        return rows.numeric

    @classmethod
    def from_profile(cls, kept: Kept, /) -> Features:
        """Read it back."""
        return cls(kept.told["names"])


class Outputs(_Named):
    """Confidence, entropy, size of the set and predicted value, as far as the model gives them.

    Examples
    --------
    >>> Outputs(("confidence", "size")).names
    ('confidence', 'set size')
    """

    key: ClassVar[str] = "outputs"

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__([_OUTPUT_NAMES[name] for name in fields])
        self.fields = tuple(fields)

    @classmethod
    def fit(cls, given: Half, /) -> Outputs | None:
        """Those of which the reference has a value."""
        return cls([name for name in OUTPUTS if np.isfinite(getattr(given.rows, name)).any()])

    def scalars(self, rows: Rows) -> FloatArray:
        """(outputs, events)."""
        return np.array([getattr(rows, name) for name in self.fields]).reshape(len(self.fields), len(rows))

    def told(self) -> dict[str, Any]:
        """Say the fields."""
        return {"names": list(self.fields)}

    @classmethod
    def from_profile(cls, kept: Kept, /) -> Outputs:
        """Read it back."""
        return cls(kept.told["names"])


class RowScalars:
    """Scalars of the whole row: `JointScalars` of its numeric features.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(3, 100))
    >>> len(RowScalars(JointScalars.fit(rows, 2, np.random.default_rng(0))).names) > 2
    True
    """

    key: ClassVar[str] = "row"
    group: ClassVar[str] = Group.JOINT

    def __init__(self, joint: JointScalars) -> None:
        self.joint = joint

    @classmethod
    def fit(cls, given: Half, /) -> RowScalars | None:
        """Fit where there are two features at least, and joint views are wanted."""
        if not given.settings.joint or len(given.numeric) < _LEAST_JOINT:
            return None
        return cls(JointScalars.fit(given.rows.numeric, given.settings.projections, given.rng))

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each of its views."""
        return self.joint.names

    def scalars(self, rows: Rows) -> FloatArray:
        """(scalars, events)."""
        return self.joint.scalars(rows.numeric)

    def told(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def state(self) -> State:
        """Arrays of the scalars."""
        return self.joint.state()

    @classmethod
    def from_profile(cls, kept: Kept, /) -> RowScalars:
        """Read it back."""
        return cls(JointScalars.from_state(kept.state))


class Categories(_Named):
    """The categorical features, one by one.

    Examples
    --------
    >>> Categories(("country",)).told()
    {'names': ['country']}
    """

    key: ClassVar[str] = "categories"

    @classmethod
    def fit(cls, given: Half, /) -> Categories | None:
        """All of them."""
        return cls(given.categorical)

    def texts(self, rows: Rows) -> Texts:
        """As they are."""
        return tuple(rows.categorical)

    @classmethod
    def from_profile(cls, kept: Kept, /) -> Categories:
        """Read it back."""
        return cls(kept.told["names"])


class PredictedLabel(_Named):
    """What the model said.

    Examples
    --------
    >>> PredictedLabel(("predicted label",)).names
    ('predicted label',)
    """

    key: ClassVar[str] = "label"

    @classmethod
    def fit(cls, given: Half, /) -> PredictedLabel | None:
        """Fit where it says anything."""
        return cls(("predicted label",)) if any(each is not None for each in given.rows.label) else None

    def texts(self, rows: Rows) -> Texts:
        """Predicted labels."""
        return (rows.label,)

    @classmethod
    def from_profile(cls, kept: Kept, /) -> PredictedLabel:
        """Read it back."""
        return cls(kept.told["names"])
