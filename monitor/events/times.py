"""RFC 3339 in UTC on the wire, seconds since 1970 inside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

__all__ = ["epoch_seconds", "epoch_seconds_many", "format_time", "parse_time", "utc"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def epoch_seconds(moment: datetime) -> float:
    """Seconds since 1970, to the microsecond."""
    # An exact integer division: datetime.timestamp() adds days and fractions as floats and can miss by a bit.
    return (moment - _EPOCH) // _MICROSECOND / 1e6


def epoch_seconds_many(moments: Sequence[datetime | None]) -> NDArray[np.float64]:
    """Seconds since 1970 of a whole batch, NaN where there is no time."""
    return np.array([np.nan if m is None else epoch_seconds(m) for m in moments], dtype=np.float64)


def utc(seconds: float) -> datetime:
    """The moment `seconds` after 1970, rounded to the microsecond; the inverse of `epoch_seconds`."""
    return _EPOCH + timedelta(microseconds=round(seconds * 1e6))


def format_time(seconds: float) -> str:
    """RFC 3339 in UTC, such as 2026-01-01T00:00:00.250000Z; no fraction for whole seconds."""
    return utc(seconds).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 or RFC 3339 time; one without an offset is taken as UTC.

    Raises ValueError for anything else. Times on the wire are stricter and need an offset; flat files often have none.
    """
    moment = datetime.fromisoformat(text.strip())
    return epoch_seconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
