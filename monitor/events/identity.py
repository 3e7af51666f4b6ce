"""Who is who: ids of decisions, stable hashes of requests, labels as text."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["decision_id", "id_hash", "id_hashes", "id_shares", "label_text"]

_EXACT = 2**53  # integers beyond this are not exact as floats
_encode = msgspec.json.Encoder().encode


def decision_id(model: str, version: str, request_id: str) -> str:
    """32 hexadecimal digits, the same however often they are computed.

    The three parts are hashed as a JSON array, so that ("a", "bc") and ("ab", "c") differ.
    """
    return hashlib.sha256(_encode((model, version, request_id))).hexdigest()[:32]


def id_hash(request_id: str, key: bytes = b"") -> int:
    """A stable 64-bit hash of a request's id: BLAKE2b, keyed.

    It decides who is audited, so a caller who can choose ids must not be able to predict it: give a secret key of up to
    64 bytes.
    """
    return int.from_bytes(hashlib.blake2b(request_id.encode(), digest_size=8, key=key).digest(), "big")


def id_hashes(request_ids: Sequence[str], key: bytes = b"") -> NDArray[np.uint64]:
    """`id_hash` of each id."""
    blake2b = hashlib.blake2b
    digests = [blake2b(each.encode(), digest_size=8, key=key).digest() for each in request_ids]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


def id_shares(request_ids: Sequence[str], key: bytes = b"") -> NDArray[np.float64]:
    """`id_hash` of each id as a number in [0, 1): a share pi of all ids lies below pi."""
    return np.asarray((id_hashes(request_ids, key) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def label_text(label: str | float | bool | None) -> str | None:
    """A label as the string that it is compared as.

    Strings stay as they are; 1 and 1.0 are both "1" (tools that read CSV turn an integer column with a gap into
    floats); true is "true", as in JSON; null and NaN are no label.
    """
    if label is None or isinstance(label, str):
        return label
    if isinstance(label, bool):
        return "true" if label else "false"
    if isinstance(label, int):
        return str(label)
    if math.isnan(label):
        return None
    return str(int(label)) if label.is_integer() and abs(label) < _EXACT else repr(label)
