"""Columns that never change, texts among numbers, values far outside the rest, and numbers for a missing one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.types import FloatArray, IntArray

__all__ = ["Mixed", "Outliers", "Placeholder", "constants", "mixed", "outliers", "placeholders"]

_FAR = 10.0  # robust standard deviations; a Gaussian is there once in 10^23, heavy tails now and then
_MANY = 0.01  # a column with more than this share that far out has heavy tails, not outliers
_EXAMPLES = 5
_ENOUGH = 30
_SAME = 0.9  # of the far values are this one: chance hardly ever repeats a value of a tail so often
_REPEATED = 10
_NUMBERS = 0.9  # of the cells are numbers, and not a few codes: then texts among them are mistakes
_CODES = 20
_ALONE = 0.5  # of its distance from the median there is nothing else


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


@dataclass(frozen=True, slots=True)
class Mixed:
    """A category nearly all of whose values are numbers, but for `n` texts; `examples` are (row, text)."""

    feature: str
    n: int
    examples: tuple[tuple[int, str], ...]


def mixed(categorical: Mapping[str, Sequence[str | None]]) -> Iterator[Mixed]:
    """Categories that would be numbers if a few cells were not texts, as `n/a` for a missing one."""
    for name, values in categorical.items():
        cells = Counter(value for value in values if value is not None)
        texts = {value for value in cells if not _is_number(value)}
        n = sum(cells[text] for text in texts)
        if texts and n <= (1 - _NUMBERS) * cells.total() and len(cells) - len(texts) > _CODES:
            found = [(row, value) for row, value in enumerate(values) if value is not None and value in texts]
            yield Mixed(name, n, tuple(found[:_EXAMPLES]))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


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
        if 0 < len(far) <= _MANY * int((~np.isnan(values)).sum()) and _placeholder(values, distance) is None:
            worst = far[np.argsort(-distance[far], kind="stable")][:_EXAMPLES]
            yield Outliers(name, len(far), tuple((int(row), float(values[row])) for row in worst))


def placeholders(names: Sequence[str], numeric: FloatArray) -> Iterator[Placeholder]:
    """Features of whose far values nearly all are one and the same, in ten rows at least, with nothing near it."""
    for name, values in zip(names, numeric, strict=True):
        value = _placeholder(values, _distance(values))
        if value is not None:
            yield Placeholder(name, value, int((values == value).sum()))


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


def _placeholder(values: FloatArray, distance: FloatArray) -> float | None:
    far = values[distance > _FAR]
    if len(far) < _REPEATED:
        return None
    found, counts = np.unique(far, return_counts=True)
    value, n = float(found[counts.argmax()]), int(counts.max())
    if n < _SAME * len(far) or n < _REPEATED:
        return None
    # the end of a scale, as a saturated sensor's, has other values near it
    others = values[(values != value) & ~np.isnan(values)]
    nearest = float(np.abs(others - value).min(initial=np.inf))
    return value if nearest >= _ALONE * float(np.abs(np.median(others) - value)) else None
