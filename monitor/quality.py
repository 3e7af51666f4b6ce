"""What is odd about the reference: `fit` reports it, because what is learnt from it is held for normal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.types import FloatArray
from monitor.quality_labels import Suspicious, suspicious_labels

__all__ = ["Duplicates", "Outliers", "Quality", "Suspicious", "examine"]


_FAR = 10.0  # robust standard deviations; a Gaussian is there once in 10^23, heavy tails now and then
_MANY = 0.01  # a column with more than this share that far out has heavy tails, not outliers
_EXAMPLES = 5
_NAMED = 8
_EQUAL = 0.999  # a leak with a few gaps or corrections is still one
_ENOUGH = 30  # rows with both values known; below, agreement may be chance
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: Fibonacci hashing


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Rows that repeat an earlier one in all features; `examples` are (row, the first row like it)."""

    n: int
    examples: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Outliers:
    """Values of a feature more than ten robust standard deviations from its median; `examples` are (row, value)."""

    feature: str
    n: int
    examples: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """What was found in `rows` rows; row numbers count from 0."""

    rows: int
    duplicates: Duplicates
    constant: tuple[str, ...]
    outliers: tuple[Outliers, ...]
    suspicious: Suspicious
    leaks: tuple[str, ...]

    def sentences(self) -> list[str]:
        """What a person should look at, most serious first; empty if there is nothing."""
        return [*self._leaks(), *self._suspicious(), *self._duplicates(), *self._constant(), *self._outliers()]

    def _leaks(self) -> Iterator[str]:
        for name in self.leaks:
            yield f"{name} says the outcome itself: is it known when the model is asked?"

    def _suspicious(self) -> Iterator[str]:
        s = self.suspicious
        if s.n:
            looked = f"{s.looked_at:,} rows that were looked at" if s.looked_at < self.rows else f"{self.rows:,} rows"
            first = s.examples[0]
            yield (
                f"{s.n:,} of {looked} have an outcome unlike that of nearly all similar rows, such as row {first.row}: "
                f"{first.label!r} among {first.neighbours!r}"
            )

    def _duplicates(self) -> Iterator[str]:
        d = self.duplicates
        if d.n:
            row, earlier = d.examples[0]
            yield f"{d.n:,} of {self.rows:,} rows repeat an earlier one, as row {row} does row {earlier}"

    def _constant(self) -> Iterator[str]:
        if self.constant:
            one = len(self.constant) == 1
            yield f"{_list(self.constant)} never change{'s' if one else ''}: any other value will be news"

    def _outliers(self) -> Iterator[str]:
        if self.outliers:
            worst = self.outliers[0]
            row, value = worst.examples[0]
            yield (
                f"values far outside the rest in {_list([f'{o.feature} ({o.n:,})' for o in self.outliers])}, "
                f"such as {value:g} in {worst.feature}, row {row}"
            )


def examine(
    names: Sequence[str],
    numeric: FloatArray,
    categorical: Mapping[str, Sequence[str | None]],
    truth: Sequence[str | float | None],
    rng: np.random.Generator,
) -> Quality:
    """Look at the reference: `names` and `numeric` (features, rows) with NaN where missing, categories, outcomes.

    Linear in the rows, but for the search for similar rows, which looks at a sample of bounded size.
    """
    codes = {name: _codes(values) for name, values in categorical.items()}
    return Quality(
        rows=len(truth),
        duplicates=_duplicates(numeric, list(codes.values()), len(truth)),
        constant=tuple(_constants(names, numeric, codes)),
        outliers=tuple(sorted(_outliers(names, numeric), key=lambda o: -o.n)),
        suspicious=suspicious_labels(numeric, list(codes.values()), truth, rng),
        leaks=tuple(_leaks(names, numeric, categorical, truth)),
    )


def _codes(values: Sequence[str | None]) -> NDArray[np.int64]:
    """A number for each distinct value, 0 for a missing one."""
    known: dict[str | None, int] = {None: 0}
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)


def _duplicates(numeric: FloatArray, codes: Sequence[NDArray[np.int64]], rows: int) -> Duplicates:
    # One 64-bit hash a row: at a million rows two different ones agree with a chance of 3 in 10^8.
    hashes = np.zeros(rows, dtype=np.uint64)
    for column in (*((values + 0.0).view(np.uint64) for values in numeric), *(c.view(np.uint64) for c in codes)):
        hashes = (hashes ^ column) * _MIX
        hashes ^= hashes >> np.uint64(29)
    _, firsts, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    earlier = firsts[inverse.ravel()]
    repeated = np.flatnonzero(earlier != np.arange(rows)) if len(numeric) + len(codes) else np.zeros(0, dtype=np.int64)
    return Duplicates(len(repeated), tuple((int(row), int(earlier[row])) for row in repeated[:_EXAMPLES]))


def _constants(names: Sequence[str], numeric: FloatArray, codes: Mapping[str, NDArray[np.int64]]) -> Iterator[str]:
    for name, values in [*zip(names, numeric, strict=True), *codes.items()]:
        if len(values) > 1 and bool(((values == values[0]) | (np.isnan(values) & np.isnan(values[0]))).all()):
            yield name


def _outliers(names: Sequence[str], numeric: FloatArray) -> Iterator[Outliers]:
    for name, values in zip(names, numeric, strict=True):
        known = values[~np.isnan(values)]
        if len(known) < _ENOUGH:
            continue
        middle = np.median(known)
        low, high = np.quantile(known, (0.25, 0.75))
        scale = max(1.4826 * float(np.median(np.abs(known - middle))), float(high - low) / 1.349)
        # Where most values are the same there is no scale, and what is rare may well be meant.
        if not 0 < scale < np.inf:
            continue
        distance = np.abs(values - middle) / scale
        far = np.flatnonzero(distance > _FAR)
        if 0 < len(far) <= _MANY * len(known):
            worst = far[np.argsort(-distance[far], kind="stable")][:_EXAMPLES]
            yield Outliers(name, len(far), tuple((int(row), float(values[row])) for row in worst))


def _leaks(
    names: Sequence[str],
    numeric: FloatArray,
    categorical: Mapping[str, Sequence[str | None]],
    truth: Sequence[str | float | None],
) -> Iterator[str]:
    target = np.array([np.nan if (n := _number(t)) is None else n for t in truth], dtype=np.float64)
    for name, values in zip(names, numeric, strict=True):
        if _agrees(values, target):
            yield name
    for name, words in categorical.items():
        both = [(word, t) for word, t in zip(words, truth, strict=True) if word is not None and t is not None]
        same = sum(word == str(t) for word, t in both)
        if len(both) >= _ENOUGH and len({t for _, t in both}) > 1 and same >= _EQUAL * len(both):
            yield name


def _agrees(values: FloatArray, target: FloatArray) -> bool:
    """Whether the two are equal wherever both are known, and vary."""
    both = ~(np.isnan(values) | np.isnan(target))
    a, b = values[both], target[both]
    return len(b) >= _ENOUGH and bool((b != b[0]).any()) and float(np.isclose(a, b).mean()) >= _EQUAL


def _number(value: str | float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _list(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
