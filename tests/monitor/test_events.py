from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.events import (
    CLOUDEVENTS_JSON,
    JSON,
    MSGPACK,
    DeadLetter,
    DeadLetterReason,
    Decision,
    Outcome,
    Output,
    Prediction,
    Source,
    decision_id,
    decode_outcomes,
    decode_predictions,
    encode_many,
    epoch_seconds,
    epoch_seconds_many,
    format_time,
    id_hash,
    id_shares,
    label_text,
    parse_time,
    utc,
)

GOOD = (
    b'{"id": "a", "time": "2026-01-01T00:00:00Z", "features": {"x": 1, "c": "red", "n": null}, "output": {"label": 1}}'
)
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def decision(**changes: Any) -> Decision:
    fields: dict[str, Any] = {
        "id": "a",
        "decision_id": decision_id("m", "1", "a"),
        "time": MOMENT,
        "model": "m",
        "version": "1",
        "segment": {"region": "eu"},
        "route": "model",
        "reason": "confident",
        "answer": "1",
        "answered_by": "m",
        "output": Output(label="1", probabilities={"0": 0.1, "1": 0.9}),
        "confidence": 0.9,
        "threshold": 0.2,
        "label_set": ["1"],
        "guarantee": "tracking",
        "breaker": "closed",
        "epoch": 1,
        "audit": False,
        "propensity": 0.05,
        "stake": "accepted",
        "set_threshold": 0.75,
        "profile": "abc",
        "ledger_offset": 3,
        "source": Source("m.predictions", 0, 5),
    }
    return Decision(**(fields | changes))


def reasons(values: list[bytes | None], **options: Any) -> list[str]:
    return [fault.reason.value for fault in decode_predictions(values, **options)[1]]


def test_a_batch_keeps_its_order_and_faults_name_their_place() -> None:
    """One bad record costs itself alone."""
    records, faults = decode_predictions([GOOD, b"{", GOOD])
    assert [record is None for record in records] == [False, True, False]
    assert [(fault.index, fault.reason) for fault in faults] == [(1, DeadLetterReason.UNREADABLE)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "unreadable"),
        (b"", "unreadable"),
        (b"{", "unreadable"),
        (b"\x00\xff", "unreadable"),
        (b'{"id": "\xff"}', "unreadable"),
        (b'{"id": "\\ud800"}', "unreadable"),
        (b'{"id": "a", "x": ' + b"[" * 100_000, "unreadable"),
        (b"[]", "schema"),
        (b"null", "schema"),
        (b'{"id": 1}', "schema"),
        (b'{"id": ""}', "schema"),
        (b'{"id": "' + b"y" * 257 + b'"}', "schema"),
        (b"{}", "schema"),
        (b'{"id": "x", "features": "no"}', "schema"),
        (b'{"id": "x", "features": {"f": [1]}}', "schema"),
        (b'{"id": "x", "features": {"f": 1e999}}', "schema"),
        (b'{"id": "x", "time": "yesterday"}', "schema"),
        (b'{"id": "x", "time": "2026-01-01T00:00:00"}', "schema"),
        (b'{"id": "x", "output": {"probabilities": {"a": "b"}}}', "schema"),
        (b'{"id": "' + b"y" * 2_000_000 + b'"}', "too_large"),
    ],
)
def test_what_cannot_be_used_has_a_reason(value: bytes | None, reason: str) -> None:
    """Unreadable, too large and misshapen records are told apart, with words."""
    records, faults = decode_predictions([value])
    assert records == [None]
    assert [fault.reason.value for fault in faults] == [reason]
    assert faults[0].detail


@given(
    st.lists(st.binary(max_size=200), max_size=5),
    st.sampled_from([JSON, MSGPACK, CLOUDEVENTS_JSON, "text/plain", None, ""]),
)
def test_no_bytes_raise(values: list[bytes], content_type: str | None) -> None:
    """Whatever comes in, each record is a prediction or has one fault."""
    for decode in (decode_predictions, decode_outcomes):
        records, faults = decode(values, 100, content_type)
        assert [i for i, record in enumerate(records) if record is None] == [fault.index for fault in faults]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=6),
        lambda s: st.lists(s) | st.dictionaries(st.text(max_size=6), s),
        max_leaves=8,
    )
)
def test_no_json_raises(value: object) -> None:
    """Well-formed JSON of any shape, with Python's NaN and Infinity in it, is a record or a fault."""
    shaped = {"id": "a", "features": value, "output": value, "time": value}
    for text in (json.dumps(value), json.dumps(shaped), json.dumps({"id": "a", "features": value})):
        decode_predictions([text.encode()])
        decode_outcomes([text.encode()])


def test_nan_and_infinity_as_python_writes_them_are_read() -> None:
    """json.dumps writes NaN for a missing number: it is missing; an infinity lies outside every range."""
    text = json.dumps({"id": "a", "features": {"x": math.nan, "y": math.inf, "z": -math.inf, "t": 'NaN "-Infinity'}})
    (record,), faults = decode_predictions([text.encode()])
    assert faults == []
    assert record is not None
    assert record.features == {"x": None, "y": 1e308, "z": -1e308, "t": 'NaN "-Infinity'}


@pytest.mark.parametrize(
    ("value", "fine"),
    [
        (b'{"id": "a", "label": "1"}', True),
        (b'{"id": "a", "value": 2}', True),
        (b'{"id": "a", "source": "flag", "harmful": true}', True),
        (b'{"id": "a"}', False),
        (b'{"id": "a", "label": null}', False),
        (b'{"id": "a", "label": "1", "source": "hearsay"}', False),
        (b'{"id": "a", "value": "2"}', False),
    ],
)
def test_an_outcome_says_something(value: bytes, fine: bool) -> None:
    """An outcome needs a label or a value, unless it is a flag."""
    records, faults = decode_outcomes([value])
    assert (records[0] is not None, len(faults)) == (fine, 0 if fine else 1)


def test_an_infinite_truth_is_refused() -> None:
    """No answer can be near to it."""
    (record,), (fault,) = decode_outcomes([msgspec.msgpack.encode({"id": "a", "value": math.inf})], kinds=MSGPACK)
    assert record is None
    assert "finite" in fault.detail


@pytest.mark.parametrize("content_type", [JSON, MSGPACK, "application/json; charset=utf-8", "application/x-msgpack"])
def test_both_encodings_give_the_same_record(content_type: str) -> None:
    """MessagePack is chosen by its content type."""
    record = msgspec.json.decode(GOOD, type=Prediction)
    encoded = encode_many([record], MSGPACK if "msgpack" in content_type else JSON)
    assert decode_predictions(encoded, kinds=content_type) == ([record], [])


def test_a_structured_cloudevent_is_unwrapped() -> None:
    """The payload may be JSON or base64; one without is a fault."""
    records, faults = decode_predictions(
        [
            b'{"specversion": "1.0", "data": ' + GOOD + b"}",
            b'{"specversion": "1.0", "data_base64": "eyJpZCI6ICJhIn0="}',
            b'{"specversion": "1.0"}',
            b'{"specversion": "1.0", "data_base64": "?"}',
        ],
        kinds=CLOUDEVENTS_JSON,
    )
    assert [record and record.id for record in records] == ["a", "a", None, None]
    assert [fault.index for fault in faults] == [2, 3]


def test_a_decision_is_written_as_the_interface_says() -> None:
    """Field names, their order, and null for what is not finite are fixed."""
    classification, regression = (
        json.loads(value)
        for value in encode_many(
            [decision(), decision(label_set=msgspec.UNSET, interval=(-math.inf, 2.0), confidence=math.nan)]
        )
    )
    assert list(classification) == [
        "id",
        "decision_id",
        "time",
        "model",
        "version",
        "segment",
        "route",
        "reason",
        "answer",
        "answered_by",
        "output",
        "confidence",
        "threshold",
        "set",
        "guarantee",
        "breaker",
        "epoch",
        "audit",
        "propensity",
        "stake",
        "set_threshold",
        "profile",
        "ledger_offset",
        "source",
        "probability",
    ]
    assert classification["time"] == "2026-01-01T00:00:00Z"
    assert classification["output"] == {"label": "1", "probabilities": {"0": 0.1, "1": 0.9}}
    assert "set" not in regression
    assert (regression["interval"], regression["confidence"]) == ([None, 2.0], None)


@pytest.mark.parametrize("content_type", [JSON, MSGPACK])
def test_a_decision_survives_the_wire(content_type: str) -> None:
    """What is read back is what was written."""
    (value,) = encode_many([decision()], content_type)
    decoder = msgspec.msgpack if content_type == MSGPACK else msgspec.json
    assert decoder.decode(value, type=Decision) == decision()


def test_a_dead_letter_carries_its_bytes() -> None:
    """Base64 keeps whatever could not be read."""
    letter = DeadLetter(
        reason=DeadLetterReason.UNREADABLE, detail="d", source=Source("t", 0, 1), payload=b"\x00\xff", time=MOMENT
    )
    (value,) = encode_many([letter])
    assert json.loads(value)["bytes"] == "AP8="
    assert msgspec.json.decode(value, type=DeadLetter) == letter


@given(st.text(max_size=10), st.text(max_size=10), st.text(max_size=10))
def test_a_decision_id_depends_on_each_part_and_nothing_else(model: str, version: str, request: str) -> None:
    """The same three parts give the same id; moving a character between them gives another."""
    own = decision_id(model, version, request)
    assert own == decision_id(model, version, request)
    assert len(own) == 32
    assert own != decision_id(model + "x", version, request)
    assert decision_id(model + version, "", request) != own or not version


def test_a_decision_id_never_changes() -> None:
    """Decisions that are already written stay idempotent across releases."""
    assert decision_id("m", "1", "a") == "9842706d663d4d9fe898bd494893c67f"


def test_hashes_are_stable_across_processes_and_spread_evenly() -> None:
    """The audit draw of an id is fixed for ever; of 10,000 ids 5 % ± 4 standard deviations lie below .05."""
    assert id_hash("a") == 0x40F89E395B66422F
    shares = id_shares([str(i) for i in range(10_000)])
    assert shares.min() >= 0
    assert shares.max() < 1
    assert abs(int((shares < 0.05).sum()) - 500) <= 4 * math.sqrt(10_000 * 0.05 * 0.95)
    assert not np.array_equal(shares, id_shares([str(i) for i in range(10_000)], key=b"secret"))


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("01", "01"),
        ("", ""),
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
        (None, None),
        (math.nan, None),
        (math.inf, "inf"),
        (1e300, "1e+300"),
        (10**20, "100000000000000000000"),
    ],
)
def test_labels_compare_as_strings(label: str | float | None, text: str | None) -> None:
    """1, 1.0 and "1" are one label, whichever tool wrote it; strings stay as they are."""
    assert label_text(label) == text


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-23, 23))  # noqa: DTZ001  # the zone follows
def test_times_survive_the_way_through_seconds(naive: datetime, offset: int) -> None:
    """To the microsecond, whatever the offset; from 2106 on the steps of a double are longer than that."""
    moment = naive.replace(tzinfo=timezone(timedelta(hours=offset)))
    seconds = epoch_seconds(moment)
    assert utc(seconds) == moment
    assert parse_time(format_time(seconds)) == seconds


def test_a_time_without_an_offset_is_utc_in_flat_files() -> None:
    """Files often have none; what is no time raises ValueError."""
    assert (
        parse_time("2026-01-01 00:00:00")
        == parse_time("2026-01-01T01:00:00+01:00")
        == parse_time("2026-01-01")
        == epoch_seconds(MOMENT)
    )
    assert np.isnan(epoch_seconds_many([None, MOMENT])).tolist() == [True, False]
    with pytest.raises(ValueError):
        parse_time("yesterday")


def test_outcomes_and_predictions_without_a_time_are_left_to_the_record() -> None:
    """The record's own time is used instead; nothing is made up here."""
    assert decode_predictions([b'{"id": "a"}'])[0] == [Prediction(id="a")]
    assert decode_outcomes([b'{"id": "a", "label": 1}'])[0] == [Outcome(id="a", label=1)]
