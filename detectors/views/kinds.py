"""Kinds of views: what a class must say of itself to be watched, and the kinds that every model has.

A kind turns rows into numbers (an *ordered* kind, whose numbers fall into quantile bins) or into texts (a *stepped*
one, whose texts fall into categories). Everything after that is the same for all. How to write one: `docs/views.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from detectors.layout import Group
from detectors.types import FloatArray, Rows, State

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
Texts = tuple[Sequence[str | None], ...]


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """What is watched.

    Attributes
    ----------
    bins
        Quantile bins of an ordered view.
    joint
        Whether joint views are watched at all.
    projections
        Random projections of the whitened row, and as many of the whitened embedding.
    pairs
        Pairs of features at most.
    context
        What views are conditioned on: "", one of `CONTEXTS` such as `hour_of_day`, or `segment:<name>`.
    encoder
        A torch program that embeddings go through, as the bytes of its file; `autoencoder` to train one; None for none.
    by_event
        Whether the profile is to hold what evidence event by event needs besides.
    """

    bins: int = 32
    joint: bool = True
    projections: int = 20
    pairs: int = 2000
    context: str = ""
    encoder: bytes | None = None
    by_event: bool = False


@dataclass(frozen=True, slots=True)
class Half:
    """What a kind is fitted on: half of a reference, and the features' names in the order of `Rows`."""

    rows: Rows
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    settings: ViewSettings
    rng: np.random.Generator


@dataclass(frozen=True, slots=True)
class Kept:
    """What a profile kept of a kind: what it told, and its arrays."""

    told: Mapping[str, Any]
    state: State


class _Kind(Protocol):
    key: ClassVar[str]
    group: ClassVar[str]

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each of its views."""
        ...

    def told(self) -> dict[str, Any]:
        """What a profile's manifest says of it: texts and numbers."""
        ...

    def state(self) -> State:
        """Its arrays, for a profile."""
        ...


class OrderedKind(_Kind, Protocol):
    """A kind of view whose rows become numbers."""

    @classmethod
    def fit(cls, given: Half, /) -> OrderedKind | None:
        """Fit it on half of a reference; None if there is nothing there for it."""
        ...

    def scalars(self, rows: Rows) -> FloatArray:
        """(views, events), NaN where missing; a function of each row alone."""
        ...

    @classmethod
    def from_profile(cls, kept: Kept, /) -> OrderedKind:
        """Read it back."""
        ...


class StepKind(_Kind, Protocol):
    """A kind of view whose rows become texts."""

    @classmethod
    def fit(cls, given: Half, /) -> StepKind | None:
        """Fit it on half of a reference; None if there is nothing there for it."""
        ...

    def texts(self, rows: Rows) -> Texts:
        """A sequence of length `events` a view, None where missing; a function of each row alone."""
        ...

    @classmethod
    def from_profile(cls, kept: Kept, /) -> StepKind:
        """Read it back."""
        ...


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
    """The numeric features, one by one."""

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
    """Confidence, entropy, size of the set and predicted value, as far as the model gives them."""

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
    """Scalars of the whole row: `JointScalars` of its numeric features."""

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
    """The categorical features, one by one."""

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
    """What the model said."""

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
