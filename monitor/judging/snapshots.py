"""A judge's state as text in the ledger, and a ledger line taken apart to be chained again."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from typing import Any

import msgspec
import numpy as np

from detectors.types import State
from monitor.events import parse_time

__all__ = ["packed", "parts_of", "unpacked"]


def parts_of(line: bytes) -> tuple[str, float, dict[str, Any]]:
    """Kind, time and fields of a line, to be chained again."""
    record = msgspec.json.decode(line)
    kind, time = record["kind"], parse_time(record["time"])
    return kind, time, {k: v for k, v in record.items() if k not in ("seq", "prev", "time", "kind", "hash")}


def packed(state: State) -> str:
    """Arrays as base64 text of compressed safetensors."""
    from safetensors.numpy import save

    return b64encode(zlib.compress(save({k: np.asarray(v, order="C") for k, v in state.items()}), 1)).decode()


def unpacked(text: str) -> State:
    """Read packed arrays back."""
    from safetensors.numpy import load

    state: State = load(zlib.decompress(b64decode(text)))
    return state
