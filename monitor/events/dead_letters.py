"""What becomes of a record that can be used for nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from monitor.events.records import Moment, Source

__all__ = ["DeadLetter", "DeadLetterReason"]


class DeadLetterReason(StrEnum):
    """Why a record became neither a decision nor a joined outcome; also the label of the metric that counts them."""

    UNREADABLE = "unreadable"  # not JSON, not MessagePack, not UTF-8, or nested without end
    TOO_LARGE = "too_large"
    SCHEMA = "schema"  # readable, but not what the schema asks for
    DUPLICATE = "duplicate"  # the same id was already decided
    TIME = "time"  # too far in the future to be believed: it would move the clock of everything else
    UNMATCHED = "unmatched"  # an outcome whose prediction never came


class DeadLetter(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A record that could not be used, with its reason and its bytes."""

    reason: Annotated[DeadLetterReason, Meta(description="One of a fixed list of words.")]
    detail: Annotated[str, Meta(description="What was wrong, in words.")]
    source: Source
    payload: Annotated[bytes, Meta(description="The record as it was, base64.")] = msgspec.field(name="bytes")
    time: Annotated[Moment, Meta(description="RFC 3339, with an offset.")]
