"""A judge's state as text in the ledger, and a ledger line taken apart to be chained again."""

from __future__ import annotations

from base64 import b85decode, b85encode
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from detectors.compact import pack_arrays, unpack_arrays
from detectors.types import State
from monitor.events import parse_time

__all__ = ["FORMAT", "packed", "parts_of", "readable", "unpacked"]

FORMAT: Final = "holdback-state-5"
"""What a snapshot holds; a judge of another format begins anew."""


def parts_of(line: bytes) -> tuple[str, float, dict[str, Any]]:
    """Kind, time and fields of a line, to be chained again."""
    record = msgspec.json.decode(line)
    kind, time = record["kind"], parse_time(record["time"])
    return kind, time, {k: v for k, v in record.items() if k not in ("seq", "prev", "time", "kind", "hash")}


def packed(state: State) -> str:
    """Arrays as text, in base 85: a quarter more than the bytes, base 64 takes a third."""
    return b85encode(pack_arrays(state)).decode()


def unpacked(text: str) -> State:
    """Read packed arrays back."""
    return unpack_arrays(b85decode(text))


def readable(base: Mapping[str, Any]) -> bool:
    """Whether this version can go on from a record that a judge begins with: the start of a ledger, or a snapshot."""
    return "versions" not in base or base.get("format") == FORMAT
