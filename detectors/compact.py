"""Arrays in few bytes, and back to the bit: what profiles and snapshots are made of."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import zstandard

from .shiryaev import GRAIN
from .types import BoolArray, FloatArray, IntArray, State

__all__ = ["pack_arrays", "unpack_arrays"]

_SCALES = (1.0, GRAIN, *(10.0**places for places in range(1, 13)))
_EXACT = 2**53  # whole numbers up to here are doubles
_LEVEL = 9
_MOST_BYTES = 1 << 31


def pack_arrays(arrays: State) -> bytes:
    r"""Arrays as bytes, losslessly.

    Numbers are kept as whole ones where they are multiples of one thousandth, say, or of one eighth: a row of a
    float array becomes integers if it can be had back to the bit. Integers are folded, 0, -1, 1, -2, ... to 0, 1, 2,
    3, ..., and cut into planes, all least bytes first, then the next ones; so are the bytes of other floats. What
    numbers have in common then stands together, and is compressed away.

    Examples
    --------
    >>> arrays = {"a": np.array([[.25, .5], [.1, np.nan]]), "b": np.arange(1000) % 3}
    >>> back = unpack_arrays(pack_arrays(arrays))
    >>> back["a"].tolist(), bool((back["b"] == arrays["b"]).all()), len(pack_arrays(arrays)) < 300
    ([[0.25, 0.5], [0.1, nan]], True, True)
    """
    told, parts = [], []
    for name, array in arrays.items():
        fields, planes = _shrunk(np.ascontiguousarray(array))
        told.append({"name": name, "dtype": array.dtype.str, "shape": list(array.shape), **fields})
        parts += planes
    head = json.dumps(told, separators=(",", ":")).encode()
    return zstandard.compress(b"".join([len(head).to_bytes(4, "little"), head, *parts]), _LEVEL)


def unpack_arrays(data: bytes) -> State:
    """Read packed arrays back.

    Raises
    ------
    ValueError
        These are no packed arrays.
    """
    try:
        whole = zstandard.ZstdDecompressor().decompress(data, max_output_size=_MOST_BYTES)
    except zstandard.ZstdError as error:
        raise ValueError(f"it can't be decompressed ({error})") from error
    size = int.from_bytes(whole[:4], "little")
    reader = _Reader(whole, 4 + size)
    return {each["name"]: _grown(each, reader) for each in json.loads(whole[4 : 4 + size])}


class _Reader:
    """Takes planes off the bytes, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, n: int, width: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """(n, width) bytes that were written as planes."""
        planes = np.frombuffer(self._data, np.uint8, n * width, self._at).reshape(width, n)
        self._at += n * width
        return np.ascontiguousarray(planes.T)


def _shrunk(array: np.ndarray[Any, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """How an array is written, and its planes."""
    if array.dtype == np.int64:
        folded, width = _folded(array.ravel())
        return {"width": width}, [_planes(folded, width)]
    if array.dtype != np.float64 or not array.size:
        return {}, [_planes(array.ravel(), array.itemsize)]
    rows = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(1, -1)
    finite = np.isfinite(rows)
    scale = _scales(rows, finite)
    whole = scale > 0
    numbers = np.where(finite, rows, 0.0)[whole] * scale[whole, None]
    folded, width = _folded(np.rint(numbers).astype(np.int64).ravel())
    scales = [_SCALES.index(each) if each else -1 for each in scale.tolist()]
    fields: dict[str, Any] = {"width": width, "scales": scales}
    planes = [_planes(folded, width), _planes(rows[~whole].ravel(), 8)]
    if not finite[whole].all():
        fields["odd"] = True
        planes.append(_odd(rows[whole]).tobytes())
    return fields, planes


def _grown(told: dict[str, Any], reader: _Reader) -> np.ndarray[Any, Any]:
    """An array read back."""
    dtype, shape = np.dtype(told["dtype"]), tuple(told["shape"])
    size = int(np.prod(shape, dtype=np.int64))
    if "scales" not in told:
        if "width" in told:
            return _unfolded(reader.take(size, told["width"])).reshape(shape)
        raw: np.ndarray[Any, Any] = reader.take(size, dtype.itemsize).view(dtype).reshape(shape)
        return raw
    scale = np.array([0.0 if each < 0 else _SCALES[each] for each in told["scales"]])
    whole, columns = scale > 0, size // len(scale)
    rows = np.empty((len(scale), columns))
    n = int(whole.sum())
    numbers = _unfolded(reader.take(n * columns, told["width"])).reshape(n, columns)
    rows[whole] = numbers / scale[whole, None]
    rows[~whole] = reader.take((len(scale) - n) * columns, 8).view(np.float64).reshape(-1, columns)
    if "odd" in told:
        odd = reader.take(n * columns, 1).reshape(n, columns)
        part = rows[whole]
        for code, value in enumerate((np.nan, np.inf, -np.inf), 1):
            part[odd == code] = value
        rows[whole] = part
    return rows.reshape(shape)


def _scales(rows: FloatArray, finite: BoolArray) -> FloatArray:
    """What each row has to be multiplied with to be of whole numbers, (rows,); 0 where nothing does."""
    found = np.zeros(len(rows))
    numbers = np.where(finite, rows, 0.0)
    # a NaN with something to tell is written as it is
    left = np.flatnonzero(~(np.isnan(rows) & (rows.view(np.int64) != np.array(np.nan).view(np.int64))).any(axis=1))
    for scale in _SCALES:
        with np.errstate(over="ignore"):
            whole = np.rint(numbers[left] * scale) + 0.0  # whole numbers know no -0
        back = whole / scale
        same = (back.view(np.int64) == numbers[left].view(np.int64)) & (np.abs(whole) < _EXACT)
        fits = same.all(axis=1)
        found[left[fits]] = scale
        left = left[~fits]
    return found


def _odd(rows: FloatArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """0 for a number, 1 for NaN, 2 and 3 for infinity above and below."""
    return np.select([np.isnan(rows), rows == np.inf, rows == -np.inf], [1, 2, 3], 0).astype(np.uint8)


def _folded(numbers: IntArray) -> tuple[np.ndarray[Any, Any], int]:
    """Signs folded into the last bit, and the bytes that each number needs."""
    folded = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    return folded, (int(folded.max(initial=0)).bit_length() + 7) // 8


def _unfolded(planes: np.ndarray[Any, np.dtype[np.uint8]]) -> IntArray:
    whole = np.zeros((len(planes), 8), dtype=np.uint8)
    whole[:, : planes.shape[1]] = planes
    folded = whole.view("<u8").ravel()
    numbers: IntArray = (folded >> np.uint64(1)).astype(np.int64) ^ -(folded & np.uint64(1)).astype(np.int64)
    return numbers


def _planes(numbers: np.ndarray[Any, Any], width: int) -> bytes:
    """The `width` least bytes of each number, all first ones, then all second ones."""
    if not numbers.size:
        return b""
    planes = numbers.view(np.uint8).reshape(len(numbers), -1)[:, :width].T
    return np.ascontiguousarray(planes).tobytes()
