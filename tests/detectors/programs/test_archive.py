"""A program's file is taken apart without trust: what it may hold, and what is said of anything else."""

from __future__ import annotations

import pickle
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import ProgramError
from detectors.programs.archive import Archive
from detectors.programs.graph import Graph
from tests.programs import hand_made, zipped


def graph(data: bytes) -> Graph:
    return Graph.of(Archive.read(data))


def test_a_program_is_read() -> None:
    """The graph, the names of what it gives, and its weights' places; the digest is that of the file."""
    found = graph(hand_made())
    assert (found.given, found.shape, found.results) == ("x", (3,), {"probabilities": "soft"})
    assert [node.target for node in found.nodes] == ["torch.ops.aten.linear.default", "torch.ops.aten.softmax.int"]
    assert found.weights["p_w"].sizes == (2, 3)
    assert Archive.read(hand_made()).digest == Archive.read(hand_made()).digest


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no zip file"),
        (pickle.dumps({"weights": [1.0]}), "no zip file"),
        (zipped({"a/models/model.json": b"{}" * 9000}, zipfile.ZIP_DEFLATED), "compressed"),
        (zipped({"a/models/model.json": b"{}", "b/x": b""}), "2 folders"),
        (zipped({"a/data.pkl": b""}), "no models/model.json"),
        (zipped({"a/models/model.json": b"{}"}), "graph can't be read"),
        (zipped({"a/models/model.json": b"[" * 100_000}), "graph can't be read"),
        (zipped({"a/models/model.json": b"{}", "a/byteorder": b"big"}), "byte order"),
    ],
)
def test_what_is_no_program_is_refused(data: bytes, words: str) -> None:
    """Pickles, bombs, other files: a sentence says what is wrong."""
    with pytest.raises(ProgramError, match=words):
        graph(data)


def test_a_large_file_is_refused() -> None:
    """By its own size, and by what its records say of theirs."""
    with pytest.raises(ProgramError, match="at most"):
        Archive.read(hand_made(), largest=100)


def _spec(parts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parts["model"]["graph_module"]["signature"]
    return found


def _node(parts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parts["model"]["graph_module"]["graph"]["nodes"][0]
    return found


def _given(parts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parts["model"]["graph_module"]["graph"]["tensor_values"]["x"]
    return found


def _weight(parts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parts["weights"]["config"]["w"]
    return found


WRONG: list[tuple[Any, str]] = [
    (lambda p: _weight(p).update(use_pickle=True), "pickle is never read"),
    (lambda p: p["records"].update({"data/weights/weight_0": b"1234"}), "is said to be of shape"),
    (lambda p: _weight(p)["tensor_meta"]["sizes"][0].update(as_int=10**12), "is said to be of shape"),
    (
        lambda p: _weight(p)["tensor_meta"].update(
            sizes=[{"as_int": 10**6}, {"as_int": 10**6}], strides=[{"as_int": 0}, {"as_int": 0}]
        ),
        "is said to be of shape",
    ),
    (lambda p: _weight(p)["tensor_meta"]["strides"][0].update(as_int=-1), "no plain tensor"),
    (lambda p: _weight(p)["tensor_meta"].update(dtype=99), "no plain tensor"),
    (lambda p: p["model"].update(schema_version={"major": 9, "minor": 0}), "its format is"),
    (lambda p: _given(p)["sizes"].__setitem__(0, {"as_int": 2}), "fixed"),
    (lambda p: _given(p).update(dtype=5), "must be of floats"),
    (lambda p: _spec(p)["input_specs"].append(_spec(p)["input_specs"][1]), "takes 2 inputs"),
    (lambda p: _spec(p)["input_specs"].insert(0, {"custom_obj": {"arg": {"name": "o"}}}), "more than tensors"),
    (lambda p: _spec(p)["output_specs"].append({"buffer_mutation": {}}), "changes its own state"),
    (lambda p: _node(p)["inputs"].append({"name": "f", "arg": {"as_graph": {}}}), "more than tensors"),
    (lambda p: _node(p)["outputs"].append({"as_custom_obj": {}}), "more than tensors"),
    (lambda p: _node(p).pop("target"), "graph can't be read"),
    (lambda p: p["model"].pop("graph_module"), "graph can't be read"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG)
def test_what_must_not_be_in_a_program_is_refused(wrong: Any, words: str) -> None:
    """Pickled weights, sizes that lie, objects, subgraphs, state: each is found before torch sees the file."""
    with pytest.raises(ProgramError, match=words):
        graph(hand_made(wrong))


def test_files_of_older_versions_are_refused() -> None:
    """Their weights are a pickle."""
    old = zipped({"a/models/model.json": b'{"graph_module": {}}'})
    with pytest.raises(ProgramError, match="graph can't be read"):
        graph(old)


@given(place=st.integers(0, 3000), byte=st.integers(0, 255))
def test_any_damage_is_a_program_error_or_harmless(place: int, byte: int) -> None:
    """Whatever byte is changed: it is refused in words, or read."""
    data = bytearray(hand_made())
    data[place % len(data)] = byte
    try:
        graph(bytes(data))
    except ProgramError as error:
        assert str(error)  # noqa: PT017 - what is raised is the point
