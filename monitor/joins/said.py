"""What the model said, a column a kind, as the join store keeps it until the label comes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.types import FloatArray
from monitor.rows import Arranged

__all__ = ["finite", "said"]

_Said = tuple[Sequence[str | None], Sequence[float | None], Sequence[bytes | None]]


def said(arranged: Arranged | None, n: int) -> _Said:
    """Label, value and probabilities (as bytes) of each of `n` events; None where the model gave none."""
    if arranged is None:
        return [None] * n, [None] * n, [None] * n
    return arranged.rows.label, finite(arranged.rows.value), _blobs(arranged.probabilities)


def finite(values: FloatArray) -> list[float | None]:
    """Plain numbers; None where one is not finite."""
    known: NDArray[np.bool_] = np.isfinite(values)
    plain: list[float | None] = values.tolist()
    if known.all():
        return plain
    return [value if fine else None for value, fine in zip(plain, known.tolist(), strict=True)]


def _blobs(probabilities: FloatArray) -> list[bytes | None]:
    """Each row's bytes; None where there are no probabilities."""
    n, classes = probabilities.shape
    if not classes:
        return [None] * n
    whole, size = np.ascontiguousarray(probabilities).tobytes(), 8 * classes
    known = (~np.isnan(probabilities[:, 0])).tolist()
    return [whole[i * size : (i + 1) * size] if known[i] else None for i in range(n)]
