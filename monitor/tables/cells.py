"""Columns as what the wire needs: JSON of each cell, text, labels, numbers, times. Columns are Arrow arrays."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.events import label_text, parse_time

__all__ = ["json_of", "json_texts", "labels_of", "moments_of", "numbers_of", "parsed", "texts_of", "utf8", "writable"]

_MISSING = ["", "NA", "N/A", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "None", "<NA>"]
"""What tools write for a missing number. In a column of words these are words: only an empty cell is missing there."""

_INFINITE = {"inf": "1e308", "-inf": "-1e308"}
"""JSON has no infinity; this is what the decoder of live events makes of one, and it lies outside every range."""

_WHOLE = re.compile(r"([-+]?\d+)\.0+")
# Nano-, micro-, milli- or seconds since 1970: a thousand times apart, so their sizes do not overlap before year 5138.
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
_encode = msgspec.json.Encoder().encode


def utf8(array: Any) -> Any:
    """`array` as strings, if it holds text of any kind; bytes that are not UTF-8 become the replacement character."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        return utf8(array.dictionary_decode())
    if not _is_text(array.type) or array.type == pa.string():
        return array
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in array.to_pylist()], pa.string())


def parsed(array: Any) -> Any | None:
    """Text as numbers, missing ones null; None if some cell is no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.cast(array, pa.float64())
    except pa.ArrowInvalid:
        trimmed = pc.utf8_trim_whitespace(array)
    # The slower look comes only where there is something besides numbers and empty cells.
    known = pc.if_else(pc.is_in(trimmed, value_set=pa.array(_MISSING)), None, trimmed)
    try:
        return pc.cast(known, pa.float64())
    except pa.ArrowInvalid:
        return None


def writable(kind: Any) -> bool:
    """Whether cells of this Arrow type can be a feature, a label or the like."""
    import pyarrow as pa

    return not (pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind))


def json_of(array: Any, *, loose: bool = False) -> Any:
    """JSON of each cell, as an array of strings; `loose` text that looks like a number becomes a number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if _is_text(array.type):
        return _loose_json(array) if loose else json_texts(array)
    if pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        return _json_floats(pc.cast(array, pa.float64(), safe=False))
    if pa.types.is_integer(array.type) or pa.types.is_boolean(array.type) or pa.types.is_null(array.type):
        return pc.fill_null(pc.cast(array, pa.string()), "null")
    return json_texts(pc.cast(array, pa.string()))


def json_texts(array: Any) -> Any:
    """Each text as a JSON string, a missing one as null."""
    return _by_value(array, lambda text: "null" if text is None else _encode(text).decode())


def texts_of(array: Any) -> list[str | None]:
    """Ids, segments and the like as text, just as they stand in the file."""
    import pyarrow as pa

    if not (_is_text(array.type) or pa.types.is_integer(array.type)):
        return labels_of(array)
    return list(array.cast(pa.string()).to_pylist())


def labels_of(array: Any) -> list[str | None]:
    """Labels as the text that they are compared as, None where the cell is empty.

    1.0 is "1": tools that write CSV turn an integer column with a gap into floats.
    """
    return list(_by_value(array, _label).to_pylist())


def numbers_of(array: Any) -> NDArray[np.float64]:
    """Numbers, NaN where there is none or something else."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = (
        (parsed(array) if _is_text(array.type) else pc.cast(array, pa.float64(), safe=False))
        if len(array)
        else pa.array([], pa.float64())
    )
    if found is None:
        return np.array([np.nan if (n := _number(t)) is None else n for t in array.to_pylist()], dtype=np.float64)
    return np.array(found.to_numpy(zero_copy_only=False), dtype=np.float64)


def moments_of(array: Any) -> NDArray[np.float64]:
    """Times as epoch seconds, NaN where there is none that can be read.

    Without an offset they are UTC. Numbers are seconds since 1970, or by their size milli-, micro- or nanoseconds.
    """
    import pyarrow as pa

    if pa.types.is_temporal(array.type):
        return _seconds(array)
    if not _is_text(array.type):
        return _scaled(numbers_of(array))
    if (found := parsed(array)) is not None:
        return _scaled(np.array(found.to_numpy(zero_copy_only=False), dtype=np.float64))
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return _seconds(array.cast(kind))
        except pa.ArrowInvalid:
            continue
    return np.array([_moment(text) for text in array.to_pylist()], dtype=np.float64)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    t = pa.types
    return any(
        is_kind(kind)
        for is_kind in (
            t.is_string,
            t.is_large_string,
            t.is_string_view,
            t.is_binary,
            t.is_large_binary,
            t.is_binary_view,
        )
    )


def _by_value(array: Any, change: Callable[[Any], str | None]) -> Any:
    """`change` applied once to each distinct value: columns of words have few."""
    import pyarrow as pa

    if pa.types.is_null(array.type):
        return pa.array([change(None)] * len(array), pa.string())
    coded = array.dictionary_encode(null_encoding="encode")
    return pa.array([change(v) for v in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def _json_floats(array: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.cast(array, pa.string())
    if not pc.all(pc.is_finite(array), min_count=0).as_py():
        text = pc.if_else(pc.is_nan(array), None, text)
        for word, number in _INFINITE.items():
            text = pc.if_else(pc.equal(text, word), number, text)
    return pc.fill_null(text, "null")


def _loose_json(array: Any) -> Any:
    import pyarrow as pa

    found = parsed(array)
    if found is not None:
        return _json_floats(found)
    values = [
        None if t is None or t.strip() in _MISSING else t if (n := _number(t)) is None else n for t in array.to_pylist()
    ]
    return pa.array([_encode(v).decode() if isinstance(v, str) else _json_number(v) for v in values], pa.string())


def _json_number(value: float | None) -> str:
    return "null" if value is None or np.isnan(value) else _INFINITE.get(str(value), str(value))


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _label(value: Any) -> str | None:
    if isinstance(value, str):
        whole = _WHOLE.fullmatch(value)
        return (whole[1] if whole else value) or None
    return label_text(value if isinstance(value, int | float | None) else str(value))


def _seconds(array: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    # Through microseconds in UTC: a zone in the type only says how the moment was shown.
    kind = pa.timestamp("us", getattr(array.type, "tz", None))
    whole = array.cast(kind, safe=False).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.array(whole, dtype=np.float64) / 1e6


def _scaled(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    size = np.nanmax(np.abs(numbers), initial=0.0)
    scale = next((scale for least, scale in _UNITS if size >= least), 1.0)
    return np.where(np.isfinite(numbers), numbers, np.nan) / scale


def _moment(text: str | None) -> float:
    try:
        return np.nan if text is None else parse_time(text)
    except (ValueError, OverflowError):
        return np.nan
