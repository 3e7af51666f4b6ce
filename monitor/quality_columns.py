"""Columns that never change, values far outside the rest, and numbers that stand for a missing one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.types import FloatArray, IntArray

__all__ = ["Outliers", "Placeholder", "constants", "outliers", "placeholders"]

_FAR = 10.0  # robust standard deviations; a Gaussian is there once in 10^23, heavy tails now and then
_MANY = 0.01  # a column with more than this share that far out has heavy tails, not outliers
_EXAMPLES = 5
_ENOUGH = 30
_SAME = 0.9  # of the far values are this one: chance hardly ever repeats a value of a tail so often
_REPEATED = 10


@dataclass(frozen=True, slots=True)
class Outliers:
    """Values of a feature more than ten robust standard deviations from its median; `examples` are (row, value)."""

    feature: str
    n: int
    examples: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value far outside the rest that `n` rows have exactly, as 999999 or -1 for a missing one."""

    feature: str
    value: float
    n: int


def constants(names: Sequence[str], numeric: FloatArray, codes: Mapping[str, IntArray]) -> Iterator[str]:
    """Features with one value, or none."""
    for name, values in [*zip(names, numeric, strict=True), *codes.items()]:
        if len(values) > 1 and bool(((values == values[0]) | (np.isnan(values) & np.isnan(values[0]))).all()):
            yield name


def outliers(names: Sequence[str], numeric: FloatArray) -> Iterator[Outliers]:
    """Features with a few values far outside the rest; placeholders are none."""
    for name, values in zip(names, numeric, strict=True):
        distance = _distance(values)
        far = np.flatnonzero(distance > _FAR)
        if 0 < len(far) <= _MANY * int((~np.isnan(values)).sum()) and _repeated(values[far]) is None:
            worst = far[np.argsort(-distance[far], kind="stable")][:_EXAMPLES]
            yield Outliers(name, len(far), tuple((int(row), float(values[row])) for row in worst))


def placeholders(names: Sequence[str], numeric: FloatArray) -> Iterator[Placeholder]:
    """Features of whose far values nearly all are one and the same, in ten rows at least."""
    for name, values in zip(names, numeric, strict=True):
        far = values[_distance(values) > _FAR]
        value = _repeated(far)
        if value is not None:
            yield Placeholder(name, value, int((far == value).sum()))


def _distance(values: FloatArray) -> FloatArray:
    """Robust standard deviations from the median; 0 where there is no scale, for there what is rare may be meant."""
    known = values[~np.isnan(values)]
    if len(known) < _ENOUGH:
        return np.zeros(len(values))
    middle = np.median(known)
    low, high = np.quantile(known, (0.25, 0.75))
    with np.errstate(invalid="ignore"):
        scale = max(1.4826 * float(np.median(np.abs(known - middle))), float(high - low) / 1.349)
        if not 0 < scale < np.inf:
            return np.zeros(len(values))
        return np.asarray(np.abs(values - middle) / scale)


def _repeated(far: FloatArray) -> float | None:
    if len(far) < _REPEATED:
        return None
    value, counts = np.unique(far, return_counts=True)
    most = int(counts.argmax())
    return float(value[most]) if counts[most] >= _SAME * len(far) and counts[most] >= _REPEATED else None
