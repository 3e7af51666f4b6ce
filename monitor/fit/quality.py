"""What is odd about the reference: `fit` reports it, because what is learnt from it is held for normal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.types import FloatArray, IntArray
from monitor.fit.quality_columns import Mixed, Outliers, Placeholder, constants, mixed, outliers, placeholders
from monitor.fit.quality_labels import Suspicious, suspicious_labels
from monitor.fit.quality_leaks import determining, leaks
from monitor.fit.quality_slices import Slice

__all__ = ["Duplicates", "Mixed", "Outliers", "Placeholder", "Quality", "Slice", "Suspicious", "examine"]


_EXAMPLES = 5
_NAMED = 8
_SHOWN = 40
_SLICES = 3
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: Fibonacci hashing


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Rows that repeat an earlier one in all features; `examples` are (row, the first row like it).

    Of these, `contrary` have another outcome than that row.
    """

    n: int
    examples: tuple[tuple[int, int], ...]
    contrary: int = 0


@dataclass(frozen=True, slots=True)
class Quality:
    """What was found in `rows` rows; row numbers count from 0."""

    rows: int
    duplicates: Duplicates
    constant: tuple[str, ...]
    outliers: tuple[Outliers, ...]
    suspicious: Suspicious
    leaks: tuple[str, ...]
    determining: tuple[str, ...] = ()
    placeholders: tuple[Placeholder, ...] = ()
    mixed: tuple[Mixed, ...] = ()

    def sentences(self) -> list[str]:
        """What a person should look at, most serious first; empty if there is nothing."""
        return [
            *self._leaks(),
            *self._mixed(),
            *self._slices(),
            *self._suspicious(),
            *self._duplicates(),
            *self._constant(),
            *self._placeholders(),
            *self._outliers(),
        ]

    def _leaks(self) -> Iterator[str]:
        for name in self.leaks:
            yield f"{name} says the outcome itself: is it known when the model is asked?"
        for name in self.determining:
            yield f"the outcome follows from {name} alone: is it known when the model is asked?"

    def _mixed(self) -> Iterator[str]:
        for each in self.mixed[:_NAMED]:
            row, text = each.examples[0]
            yield (
                f"{each.feature} is taken for a category, because there are texts among its numbers ({each.n:,}), such "
                f"as {text[:_SHOWN]!r} in row {row}: correct these cells, or leave them empty, and fit again"
            )

    def _slices(self) -> Iterator[str]:
        for each in self.suspicious.slices[:_SLICES]:
            ranges = [f"{name} from {low:g} to {high:g}" for name, low, high in each.where]
            where = f" with {' and '.join(ranges)}" if ranges else ""
            yield (
                f"{each.n:,} rows near each other{where} have the outcome {each.label!r}, and most around them "
                f"{each.around!r}, such as row {each.rows[0]}: if they are no group of their own, they may be planted"
            )

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
            contrary = f"; {d.contrary:,} of them with another outcome" if d.contrary else ""
            yield f"{d.n:,} of {self.rows:,} rows repeat an earlier one, as row {row} does row {earlier}{contrary}"

    def _constant(self) -> Iterator[str]:
        if self.constant:
            one = len(self.constant) == 1
            yield f"{_list(self.constant)} never change{'s' if one else ''}: any other value will be news"

    def _placeholders(self) -> Iterator[str]:
        for each in self.placeholders[:_NAMED]:
            yield (
                f"{each.feature} is {each.value:g} in {each.n:,} rows, far outside the rest: "
                "if that stands for a missing value, leave the cell empty"
            )

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
    places: IntArray | None = None,
) -> Quality:
    """Look at the reference: `names` and `numeric` (features, rows) with NaN where missing, categories, outcomes.

    `places` are the rows' numbers if these are a sample. Linear in the rows, but for the search for similar rows, which
    looks at a sample of bounded size.
    """
    codes = {name: _codes(values) for name, values in categorical.items()}
    known = tuple(leaks(names, numeric, categorical, truth))
    found = Quality(
        rows=len(truth),
        duplicates=_duplicates(numeric, list(codes.values()), truth),
        constant=tuple(constants(names, numeric, codes)),
        outliers=tuple(sorted(outliers(names, numeric), key=lambda o: -o.n)),
        suspicious=suspicious_labels(numeric, list(codes.values()), truth, rng, names),
        leaks=known,
        determining=tuple(each for each in determining(names, numeric, codes, truth, rng) if each not in known),
        placeholders=tuple(sorted(placeholders(names, numeric), key=lambda p: -p.n)),
        mixed=tuple(mixed(categorical)),
    )
    return found if places is None else _numbered(found, places)


def _numbered(quality: Quality, places: IntArray) -> Quality:
    """The same, with the rows' own numbers in place of those in the sample."""
    at = places.tolist()
    d, s = quality.duplicates, quality.suspicious
    return replace(
        quality,
        duplicates=replace(d, examples=tuple((at[row], at[earlier]) for row, earlier in d.examples)),
        mixed=tuple(replace(m, examples=tuple((at[r], text) for r, text in m.examples)) for m in quality.mixed),
        outliers=tuple(replace(o, examples=tuple((at[r], v) for r, v in o.examples)) for o in quality.outliers),
        suspicious=replace(
            s,
            examples=tuple(replace(each, row=at[each.row]) for each in s.examples),
            slices=tuple(replace(each, rows=tuple(at[r] for r in each.rows)) for each in s.slices),
        ),
    )


def _codes(values: Sequence[str | None]) -> IntArray:
    """A number for each distinct value, 0 for a missing one."""
    known: dict[str | None, int] = {None: 0}
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)


def _duplicates(numeric: FloatArray, codes: Sequence[IntArray], truth: Sequence[str | float | None]) -> Duplicates:
    # One 64-bit hash a row: at a million rows two different ones agree with a chance of 3 in 10^8.
    hashes = np.zeros(len(truth), dtype=np.uint64)
    for column in (*((values + 0.0).view(np.uint64) for values in numeric), *(c.view(np.uint64) for c in codes)):
        hashes = (hashes ^ column) * _MIX
        hashes ^= hashes >> np.uint64(29)
    _, firsts, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    earlier = firsts[inverse.ravel()]
    repeated = np.flatnonzero(earlier != np.arange(len(truth)))
    if not len(numeric) + len(codes):
        repeated = repeated[:0]
    pairs = [(int(row), int(earlier[row])) for row in repeated]
    contrary = sum(
        a is not None and b is not None and a != b for a, b in ((truth[row], truth[first]) for row, first in pairs)
    )
    return Duplicates(len(pairs), tuple(pairs[:_EXAMPLES]), contrary)


def _list(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
