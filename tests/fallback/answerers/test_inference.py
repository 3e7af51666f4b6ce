"""What goes over the wire to another model, and what is believed of what comes back."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallback.answerers.inference import read_response, write_request
from fallback.answerers.types import Answer, AskedRequest
from fallback.errors import AnswererNonsense

REQUEST = AskedRequest("r1", "d1", "m", "2", {"age": 31, "region": "north", "income": None, "odd": math.nan})


def respond(*outputs: dict[str, object], **more: object) -> bytes:
    return json.dumps({"outputs": outputs, **more}).encode()


def output(name: str, *data: object, datatype: str = "BYTES", **more: object) -> dict[str, object]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": list(data), **more}


def test_a_tensor_a_feature_and_missing_ones_are_named() -> None:
    """Numbers go as FP64, text as BYTES; JSON has no NaN, so what is missing is left out and said."""
    sent = json.loads(write_request(REQUEST))
    assert sent["id"] == "r1"
    assert [(one["name"], one["datatype"], one["shape"], one["data"]) for one in sent["inputs"]] == [
        ("age", "FP64", [1], [31.0]),
        ("region", "BYTES", [1], ["north"]),
    ]
    assert sent["parameters"] == {"decision_id": "d1", "model": "m", "version": "2", "missing": ["income", "odd"]}


def test_a_list_of_features_is_one_tensor() -> None:
    """Places in a list are kept; null stands for a missing one."""
    sent = json.loads(write_request(AskedRequest("r", "d", "m", "1", [1.5, None, True])))
    assert sent["inputs"] == [{"name": "features", "shape": [1, 3], "datatype": "FP64", "data": [1.5, None, 1.0]}]
    assert sent["parameters"]["missing"] == ["1"]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (respond(output("label", "yes")), Answer("yes")),
        (respond(output("predict", 7, datatype="INT64")), Answer("7")),
        (respond(output("value", 7, datatype="FP32")), Answer(7.0)),
        (respond(output("label", ["yes"]), id="r1"), Answer("yes")),
        (respond(output("probabilities", 0.25, 0.75, datatype="FP32")), Answer("1", {"0": 0.25, "1": 0.75})),
        (
            respond(output("probabilities", 1, 0, datatype="FP32", parameters={"labels": ["a", "b"]})),
            Answer("a", {"a": 1.0, "b": 0.0}),
        ),
    ],
)
def test_what_is_an_answer(body: bytes, answer: Answer) -> None:
    """Labels are strings whatever their type; floating point is a number; probabilities alone give their greatest."""
    assert read_response(body, REQUEST) == answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b'{"outputs": {}}',
        b'{"outputs": []}',
        b"[" * 100_000,
        respond(output("label", "a", "b")),
        respond(output("label")),
        respond(output("label", None)),
        respond(output("label", "x" * 1_001)),
        respond(output("label", {"deep": 1})),
        respond(output("value", True)),
        respond(output("somewhere", "a")),
        respond(output("label", "yes"), id="another"),
        respond(output("probabilities", 0.5, 0.6, datatype="FP64")),
        respond(output("probabilities", -0.5, 1.5, datatype="FP64")),
        respond(output("probabilities", "a", datatype="FP64")),
        respond(output("probabilities", 0.5, 0.5, parameters={"labels": ["a"]})),
        b'{"outputs": [{"name": "value", "datatype": "FP64", "data": [1e999]}]}',
    ],
)
def test_what_is_none(body: bytes) -> None:
    """Anything else is nonsense, and said to be."""
    with pytest.raises(AnswererNonsense):
        read_response(body, REQUEST)


@pytest.mark.parametrize(("by", "taken"), [("small", True), ("small__isvc-1", True), (None, True), ("smaller", False)])
def test_another_models_answer_is_none(by: str | None, taken: bool) -> None:
    """Where the address names a model, an answer that names another one is nonsense; a server may add to the name."""
    body = respond(output("label", "yes"), **({} if by is None else {"model_name": by}))
    assert read_response(body, REQUEST) == Answer("yes")
    if taken:
        assert read_response(body, REQUEST, "small") == Answer("yes")
        return
    with pytest.raises(AnswererNonsense, match="'smaller' came for 'small'"):
        read_response(body, REQUEST, "small")


@given(st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    """Whatever comes back, it is an answer or nonsense, never another error."""
    with suppress(AnswererNonsense):
        read_response(body, REQUEST)
