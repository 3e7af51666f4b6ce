"""Arrays of integers in few bytes, as summaries carry them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.types import IntArray

__all__ = ["pack", "unpack"]

_WIDTHS = (np.int8, np.int16, np.int32, np.int64)


def pack(counts: NDArray[np.integer[Any]]) -> bytes:
    r"""Integers in the fewest bytes: their width, then each of them, little-endian.

    Examples
    --------
    >>> pack(np.array([1, 2, -3])), unpack(pack(np.array([300, 0]))).tolist()
    (b'\x01\x01\x02\xfd', [300, 0])
    """
    flat = np.ascontiguousarray(counts).ravel()
    most = max(int(flat.max(initial=0)), -int(flat.min(initial=0)))
    kind = next(each for each in _WIDTHS if most <= np.iinfo(each).max)
    narrow = flat.astype(np.dtype(kind).newbyteorder("<"))
    return bytes([narrow.itemsize]) + narrow.tobytes()


def unpack(data: bytes) -> IntArray:
    """Read packed integers back."""
    return np.frombuffer(data, dtype=f"<i{data[0]}", offset=1).astype(np.int64)
