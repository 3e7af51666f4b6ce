"""Features that know the outcome: those that are it, and those that by themselves determine it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from detectors.types import FloatArray, IntArray

__all__ = ["determining", "leaks"]

_EQUAL = 0.999  # a leak with a few gaps or corrections is still one
_ENOUGH = 30  # rows with both values known; below, agreement may be chance
_CLASSES = 200
_SAMPLE = 20_000
_TO_EXPLAIN = 30  # errors of the most frequent outcome, in the half that is predicted; below, there is nothing to learn
_LINEAR = 1e-6  # share of the outcome's variance that a straight line leaves, at most


def leaks(
    names: Sequence[str],
    numeric: FloatArray,
    categorical: Mapping[str, Sequence[str | None]],
    truth: Sequence[str | float | None],
) -> Iterator[str]:
    """Features that equal the outcome."""
    target = _numbers(truth)
    for name, values in zip(names, numeric, strict=True):
        if _agrees(values, target):
            yield name
    for name, words in categorical.items():
        both = [(word, t) for word, t in zip(words, truth, strict=True) if word is not None and t is not None]
        same = sum(word == str(t) for word, t in both)
        if len(both) >= _ENOUGH and len({t for _, t in both}) > 1 and same >= _EQUAL * len(both):
            yield name


def determining(
    names: Sequence[str],
    numeric: FloatArray,
    codes: Mapping[str, IntArray],
    truth: Sequence[str | float | None],
    rng: np.random.Generator,
) -> Iterator[str]:
    """Features from which alone the outcome follows, though it is written otherwise: another unit, a code, a gap.

    Outcomes that are texts: every other row of a sample is learnt from, and the outcome that is most frequent there at
    the nearest value, or the category, or the gap, is that of at least 999 in 1,000 of the rest. A feature that is
    right in 99 of 100 passes for one with a chance below 1 in 10,000 at 1,500 rows. Numbers: a straight line leaves at
    most a millionth of the outcome's variance.
    """
    known = np.array([i for i, t in enumerate(truth) if t is not None], dtype=np.int64)
    if len(known) < 2 * _ENOUGH:
        return
    rows = np.sort(rng.choice(known, min(_SAMPLE, len(known)), replace=False))
    if any(isinstance(truth[i], str) for i in rows[:_ENOUGH].tolist()):
        labels, n = _codes([str(truth[i]) for i in rows.tolist()])
        columns = [(name, values[rows]) for name, values in zip(names, numeric, strict=True)]
        columns += [(name, code[rows].astype(np.float64)) for name, code in codes.items()]
        yield from (name for name, column in columns if _predicts(column, labels, n))
        return
    target = _numbers([truth[i] for i in rows.tolist()])
    yield from (name for name, values in zip(names, numeric, strict=True) if _straight(values[rows], target))


def _predicts(column: FloatArray, labels: IntArray, n: int) -> bool:
    """Whether the outcome most frequent at the nearest value of every other row is that of the rest."""
    learnt, held = column[::2], column[1::2]
    known = ~np.isnan(learnt)
    if n > _CLASSES:
        return False
    usual = int(np.bincount(labels[::2], minlength=n).argmax())
    values, best = _most_frequent(learnt[known], labels[::2][known], n)
    predicted = np.full(len(held), usual)
    if len(values):
        predicted = best[_nearest(values, held)]
    gap = labels[::2][~known]
    predicted[np.isnan(held)] = int(np.bincount(gap, minlength=n).argmax()) if len(gap) else usual
    truth = labels[1::2]
    return int((truth != usual).sum()) >= _TO_EXPLAIN and float((truth == predicted).mean()) >= _EQUAL


def _most_frequent(column: FloatArray, labels: IntArray, n: int) -> tuple[FloatArray, IntArray]:
    """Each value, and the outcome most frequent with it."""
    values, place = np.unique(column, return_inverse=True)
    table = np.bincount(place.ravel() * n + labels, minlength=len(values) * n).reshape(len(values), n)
    return values, table.argmax(axis=1)


def _nearest(values: FloatArray, asked: FloatArray) -> IntArray:
    """Place of the nearest of the sorted `values`."""
    above = np.clip(np.searchsorted(values, asked), 1, max(len(values) - 1, 1))
    below = above - 1
    above = np.minimum(above, len(values) - 1)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values[above] - asked) < np.abs(asked - values[below]), above, below)


def _straight(values: FloatArray, target: FloatArray) -> bool:
    both = ~(np.isnan(values) | np.isnan(target)) & (np.abs(values) < 1e100) & (np.abs(target) < 1e100)
    x, y = values[both], target[both]
    if len(x) < 2 * _ENOUGH:
        return False
    x, y = x - x.mean(), y - y.mean()
    scale = float(x @ x) * float(y @ y)
    return scale > 0 and 1 - float(x @ y) ** 2 / scale <= _LINEAR


def _agrees(values: FloatArray, target: FloatArray) -> bool:
    """Whether the two are equal wherever both are known, and vary."""
    both = ~(np.isnan(values) | np.isnan(target))
    a, b = values[both], target[both]
    return len(b) >= _ENOUGH and bool((b != b[0]).any()) and float(np.isclose(a, b).mean()) >= _EQUAL


def _codes(texts: Sequence[str]) -> tuple[IntArray, int]:
    names, codes = np.unique(np.array(texts), return_inverse=True)
    return codes.ravel(), len(names)


def _numbers(truth: Sequence[str | float | None]) -> FloatArray:
    return np.array([np.nan if (n := _number(t)) is None else n for t in truth], dtype=np.float64)


def _number(value: str | float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
