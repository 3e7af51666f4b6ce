"""Bytes to records and back, a batch at a time; nothing that comes in can raise."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from monitor.events.dead_letters import DeadLetterReason
from monitor.events.records import Answer, Outcome, Prediction

__all__ = [
    "CLOUDEVENTS_JSON",
    "JSON",
    "MAX_BYTES",
    "MSGPACK",
    "Fault",
    "Kinds",
    "decode_answers",
    "decode_outcomes",
    "decode_predictions",
    "encode_many",
]

JSON = "application/json"
MSGPACK = "application/msgpack"
CLOUDEVENTS_JSON = "application/cloudevents+json"
MAX_BYTES = 1_000_000
"""Default bound of a record's value, the same as Kafka's own default for a message."""

_T = TypeVar("_T")
_Decode = Callable[[bytes], _T]
Kinds = str | Sequence[str | None] | None
"""A content type for all records, or one for each."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the record at `index` of a batch could not be used."""

    index: int
    reason: DeadLetterReason
    detail: str


class _Envelope(msgspec.Struct, frozen=True):
    """A structured CloudEvent: its attributes beside the payload."""

    specversion: str
    data: msgspec.Raw = msgspec.Raw(b"")
    data_base64: str | None = None


_PREDICTIONS: dict[str, _Decode[Prediction]] = {
    JSON: msgspec.json.Decoder(Prediction).decode,
    MSGPACK: msgspec.msgpack.Decoder(Prediction).decode,
}
_OUTCOMES: dict[str, _Decode[Outcome]] = {
    JSON: msgspec.json.Decoder(Outcome).decode,
    MSGPACK: msgspec.msgpack.Decoder(Outcome).decode,
}
_ANSWER = msgspec.json.Decoder(Answer).decode
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_json_encode = msgspec.json.Encoder().encode
_msgpack_encode = msgspec.msgpack.Encoder().encode
# A string, or a bare word that Python's json writes and JSON does not have.
_NON_FINITE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
_REPLACED = {b"NaN": b"null", b"Infinity": b"1e308", b"-Infinity": b"-1e308"}


def decode_predictions(
    values: Sequence[bytes | None], max_bytes: int = MAX_BYTES, kinds: Kinds = JSON
) -> tuple[list[Prediction | None], list[Fault]]:
    """Predictions in the order of `values`, None where there is a fault, and the faults.

    `kinds` is the content type of all, or of each.
    """
    return _decode_each(values, max_bytes, _PREDICTIONS, kinds)


def decode_outcomes(
    values: Sequence[bytes | None], max_bytes: int = MAX_BYTES, kinds: Kinds = JSON
) -> tuple[list[Outcome | None], list[Fault]]:
    """Outcomes in the order of `values`, None where there is a fault, and the faults."""
    return _decode_each(values, max_bytes, _OUTCOMES, kinds)


def decode_answers(values: Sequence[bytes | None]) -> tuple[list[Answer | None], list[Fault]]:
    """Answers in the order of `values`, None where there is a fault, and the faults."""
    return _decode_all(values, MAX_BYTES, _ANSWER)


def _decode_each(
    values: Sequence[bytes | None], max_bytes: int, decoders: dict[str, _Decode[_T]], kinds: Kinds
) -> tuple[list[_T | None], list[Fault]]:
    if kinds is None or isinstance(kinds, str):
        return _decode_all(values, max_bytes, _decoder(decoders, kinds))
    records: list[_T | None] = [None] * len(values)
    faults: list[Fault] = []
    for kind in set(kinds):
        places = [i for i, each in enumerate(kinds) if each == kind]
        found, bad = _decode_all([values[i] for i in places], max_bytes, _decoder(decoders, kind))
        for place, record in zip(places, found, strict=True):
            records[place] = record
        faults += [Fault(places[each.index], each.reason, each.detail) for each in bad]
    return records, sorted(faults, key=lambda fault: fault.index)


def encode_many(records: Sequence[msgspec.Struct], content_type: str = JSON) -> list[bytes]:
    """One value a record. NaN and infinities become null."""
    encode = _msgpack_encode if content_type == MSGPACK else _json_encode
    return [encode(record) for record in records]


def _decoder(decoders: dict[str, _Decode[_T]], content_type: str | None) -> _Decode[_T]:
    """The decoder of a content type; one that is not known is read as JSON, and faulted if it is not."""
    kind = (content_type or JSON).split(";")[0].strip().lower()
    if kind == CLOUDEVENTS_JSON:
        return lambda value: decoders[JSON](_payload(value))
    return decoders.get("application/msgpack" if kind in {MSGPACK, "application/x-msgpack"} else JSON, decoders[JSON])


def _payload(value: bytes) -> bytes:
    envelope = _ENVELOPE.decode(value)
    if envelope.data_base64 is not None:
        return b64decode(envelope.data_base64, validate=True)
    if not bytes(envelope.data):
        raise msgspec.ValidationError("Object missing required field `data`")
    return bytes(envelope.data)


def _decode_all(
    values: Sequence[bytes | None], max_bytes: int, decode: _Decode[_T]
) -> tuple[list[_T | None], list[Fault]]:
    records: list[_T | None] = []
    faults: list[Fault] = []
    for index, value in enumerate(values):
        if value is None or len(value) > max_bytes:
            found: _T | Fault = _refused(index, value, max_bytes)
        else:
            try:
                records.append(decode(value))
                continue
            except Exception as error:  # noqa: BLE001  # whatever the bytes are, the stream goes on
                found = _second_look(index, value, decode, error)
        records.append(None if isinstance(found, Fault) else found)
        if isinstance(found, Fault):
            faults.append(found)
    return records, faults


def _refused(index: int, value: bytes | None, max_bytes: int) -> Fault:
    if value is None:
        return Fault(index, DeadLetterReason.UNREADABLE, "no value; a record needs one")
    return Fault(index, DeadLetterReason.TOO_LARGE, f"{len(value)} bytes; at most {max_bytes} are read")


def _second_look(index: int, value: bytes, decode: _Decode[_T], error: Exception) -> _T | Fault:
    """Read NaN and Infinity as Python's json writes them: a missing value, and one outside every range."""
    if (b"NaN" in value or b"Infinity" in value) and not isinstance(error, msgspec.ValidationError):
        try:
            return decode(_NON_FINITE.sub(lambda m: _REPLACED.get(m[0], m[0]), value))
        except Exception as second:  # noqa: BLE001  # as above
            error = second
    return _fault(index, error)


def _fault(index: int, error: Exception) -> Fault:
    # A ValidationError is a readable record that is not what the schema asks for; everything else could not be read.
    reason = DeadLetterReason.SCHEMA if isinstance(error, msgspec.ValidationError) else DeadLetterReason.UNREADABLE
    detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Fault(index, reason, detail[:500])
