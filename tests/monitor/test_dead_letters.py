"""Which dead letters are meant, and what their bytes say."""

from __future__ import annotations

import msgspec
import pytest

from monitor.event_ids import id_of, kind_of
from monitor.events import DeadLetter, DeadLetterReason, Source, utc
from monitor.operating.dead_letters import Letter, Wish, choose

R = DeadLetterReason


def letter(offset: int, reason: DeadLetterReason, payload: bytes = b"{") -> Letter:
    dead = DeadLetter(
        reason=reason, detail="", source=Source("m.predictions", 1, offset), payload=payload, time=utc(0.0)
    )
    return Letter(0, offset, 1.0, dead)


LETTERS = [
    letter(0, R.SCHEMA, b'{"id": "a"}'),
    letter(1, R.DUPLICATE, b'{"id": "a"}'),
    letter(2, R.UNREADABLE),
    letter(3, R.SCHEMA, b'{"id": "b"}'),
]


@pytest.mark.parametrize(
    ("wish", "meant"),
    [
        (Wish(), [0, 2, 3]),
        (Wish(reasons=frozenset({"schema"})), [0, 3]),
        (Wish(reasons=frozenset({"duplicate"})), [1]),
        (Wish(ids=frozenset({"a"})), [0, 1]),
        (Wish(ids=frozenset({"a"}), reasons=frozenset({"schema"})), [0]),
        (Wish(places=frozenset({"0:2", "1:3"})), [2]),
        (Wish(places=frozenset({"0:2"}), ids=frozenset({"b"})), [2, 3]),
    ],
)
def test_a_wish_means_what_it_names(wish: Wish, meant: list[int]) -> None:
    """Without a word all but duplicates, which are decided already; they have to be asked for."""
    assert [each.offset for each in choose(LETTERS, wish)] == meant


def test_an_id_is_found_in_whatever_way_it_was_written() -> None:
    """JSON, MessagePack, and in an envelope the event's own; the rest of the record need not fit."""
    event = {"id": "7", "features": "not what the schema wants"}
    packed = msgspec.msgpack.encode(event)
    wrapped = msgspec.json.encode({"specversion": "1.0", "id": "the envelope's", "data": event})
    assert [id_of(each) for each in (msgspec.json.encode(event), packed, wrapped)] == ["7", "7", "7"]
    assert [kind_of(each) for each in (b'{"id": "7"}', packed, wrapped, b"\xff")] == [
        "application/json", "application/msgpack", "application/cloudevents+json", "application/json",
    ]  # fmt: skip
    assert [id_of(each) for each in (None, b"", b"{", b'{"id": 7}', b"\xff\x00", b"[" * 9999)] == [None] * 6
