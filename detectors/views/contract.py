"""What a kind of view must say of itself, and what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from detectors.types import FloatArray, Rows, State

__all__ = ["Half", "Kept", "OrderedKind", "StepKind", "Texts", "ViewSettings"]

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
