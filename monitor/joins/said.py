"""What the model said, a column a kind, as the join store keeps it until the label comes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.method import Method
from detectors.types import FloatArray
from monitor.rows import Arranged

__all__ = ["finite", "said"]

_Said = tuple[Sequence[str | None], Sequence[float | None], Sequence[bytes | None]]


def said(arranged: Arranged | None, n: int, method: Method | None = None) -> _Said:
    """Label, value and what else the score needs (as bytes) of each of `n` events; None where the model gave none.

    Of a classifier that is its probabilities; of a regression with a score of its own interval or spread, these three:
    lower end, upper end and spread.
    """
    if arranged is None:
        return [None] * n, [None] * n, [None] * n
    stated = arranged.said.stated
    if method is None or method.values.name == "residual" or arranged.probabilities.shape[1]:
        needed = arranged.probabilities
    else:
        needed = np.column_stack([stated.lower, stated.upper, stated.spread])
    return arranged.rows.label, finite(arranged.rows.value), _blobs(needed)


def finite(values: FloatArray) -> list[float | None]:
    """Plain numbers; None where one is not finite."""
    known: NDArray[np.bool_] = np.isfinite(values)
    plain: list[float | None] = values.tolist()
    if known.all():
        return plain
    return [value if fine else None for value, fine in zip(plain, known.tolist(), strict=True)]


def _blobs(table: FloatArray) -> list[bytes | None]:
    """Each row's bytes; None where it has nothing in it."""
    n, columns = table.shape
    if not columns:
        return [None] * n
    whole, size = np.ascontiguousarray(table).tobytes(), 8 * columns
    known: list[bool] = np.asarray(~np.isnan(table).all(axis=1)).tolist()
    return [whole[i * size : (i + 1) * size] if known[i] else None for i in range(n)]
