"""The id in a record's bytes, in whatever way it was written, and whether or not the rest can be used."""

from __future__ import annotations

import msgspec

from monitor.events import CLOUDEVENTS_JSON, JSON, MSGPACK

__all__ = ["id_of", "kind_of"]


class _Id(msgspec.Struct):
    id: str


class _Envelope(msgspec.Struct):
    specversion: str
    data: _Id


_JSON = msgspec.json.Decoder(_Id).decode
_ENVELOPE = msgspec.json.Decoder(_Envelope).decode
_MSGPACK = msgspec.msgpack.Decoder(_Id).decode


def id_of(value: bytes | None) -> str | None:
    """The request's id; None if there is none to be found.

    Examples
    --------
    >>> id_of(b'{"id": "7", "output": oops}'), id_of(b'{"id": "7", "output": 1}')
    (None, '7')
    """
    return _read(value)[0]


def kind_of(value: bytes) -> str:
    """The content type by which a record's bytes can be read: JSON unless it is plainly something else."""
    return _read(value)[1]


def _read(value: bytes | None) -> tuple[str | None, str]:
    # an envelope has an id of its own, so it comes first
    try:
        return _ENVELOPE(value or b"").data.id, CLOUDEVENTS_JSON
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    for decode, kind in ((_JSON, JSON), (_MSGPACK, MSGPACK)):
        try:
            return decode(value or b"").id, kind
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return None, JSON
