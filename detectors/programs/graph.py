"""What a program computes, as its file tells it: checked to be tensors and arithmetic alone, before torch sees any."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import msgspec

from detectors.errors import ProgramError

from .archive import Archive
from .arguments import read_argument

__all__ = ["DTYPES", "Graph", "Node", "Weight"]

_SCHEMA = 8
DTYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64"} | {
    12: "bool",
    13: "bfloat16",
}
"""Names of torch's types of numbers by their code in the file."""
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 12: 1, 13: 2}
_FLOATS = (6, 7, 8, 13)
_LARGEST_WEIGHT = 1 << 28
"""Numbers in one weight at most: one that repeats itself takes no room in the file."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: its name, its arguments by name (constants, `Ref`s, lists of both), and what it gives."""

    target: str
    arguments: dict[str, Any]
    outputs: tuple[str | None, ...]
    several: bool


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter, buffer or constant: where its numbers lie, and in what shape. `dtype` is a code of `DTYPES`."""

    record: str
    dtype: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Graph:
    """A program with one input of any number of rows.

    Attributes
    ----------
    given
        The input's name in the graph.
    shape
        Of one row of it.
    weights
        By their name in the graph.
    nodes
        Operations, in order.
    results
        What it gives: the name under which the caller knows it, and the one in the graph.
    """

    given: str
    shape: tuple[int, ...]
    weights: dict[str, Weight]
    nodes: tuple[Node, ...]
    results: dict[str, str]

    @classmethod
    def of(cls, archive: Archive) -> Graph:
        """Read the graph of a file.

        Raises
        ------
        ProgramError
            Of another format, with something in it that is no tensor or number, or not of one input with rows.
        """
        try:
            model = _MODEL.decode(archive.records["models/model.json"])
            if model.schema_version.get("major") != _SCHEMA:
                raise ProgramError(
                    f"its format is {model.schema_version}; this version reads {_SCHEMA}: export it anew"
                )
            module = model.graph_module
            given, shape = _input(module)
            return cls(given, shape, _weights(module, archive), _nodes(module), _results(module))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
            raise ProgramError(f"its graph can't be read ({error}): export it anew with torch.export.save") from error


class _Node(msgspec.Struct):
    target: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


class _Tensor(msgspec.Struct):
    dtype: int
    sizes: list[dict[str, Any]]
    strides: list[dict[str, Any]] = []
    storage_offset: dict[str, Any] = {}


class _Body(msgspec.Struct):
    nodes: list[_Node]
    tensor_values: dict[str, _Tensor]


class _Module(msgspec.Struct):
    graph: _Body
    signature: dict[str, list[dict[str, Any]]]
    module_call_graph: list[dict[str, Any]]


class _Model(msgspec.Struct):
    graph_module: _Module
    schema_version: dict[str, int]


class _Payload(msgspec.Struct):
    path_name: str
    use_pickle: bool = True
    tensor_meta: _Tensor | None = None


_MODEL = msgspec.json.Decoder(_Model)
_PAYLOADS = msgspec.json.Decoder(dict[str, dict[str, _Payload]])


def _input(module: _Module) -> tuple[str, tuple[int, ...]]:
    inputs = [each["user_input"]["arg"] for each in module.signature["input_specs"] if "user_input" in each]
    if len(inputs) != 1 or "as_tensor" not in inputs[0]:
        raise ProgramError(f"it takes {len(inputs)} inputs; a program takes one tensor, (rows, ...)")
    name = inputs[0]["as_tensor"]["name"]
    tensor = module.graph.tensor_values[name]
    if tensor.dtype not in _FLOATS:
        raise ProgramError(f"its input is of {DTYPES.get(tensor.dtype, 'unknown numbers')}; it must be of floats")
    rows, *rest = tensor.sizes or [{}]
    if "as_expr" not in rows or any("as_int" not in each for each in rest):
        raise ProgramError(
            "its input has a fixed number of rows, or a shape that is open elsewhere; export it with "
            "dynamic_shapes=({0: torch.export.Dim('rows')},)"
        )
    return name, tuple(int(each["as_int"]) for each in rest)


def _weights(module: _Module, archive: Archive) -> dict[str, Weight]:
    payloads = {kind: _payloads(archive, kind) for kind in ("weights", "constants")}
    found = {}
    for spec in module.signature["input_specs"]:
        if "user_input" in spec:
            continue
        ((kind, told),) = spec.items()
        if kind not in ("parameter", "buffer", "tensor_constant"):
            raise ProgramError(f"it takes a {kind}, which is more than tensors and numbers")
        name = told[f"{kind}_name"]
        owner = "weights" if name in payloads["weights"] else "constants"
        found[told["arg"]["name"]] = _weight(name, payloads[owner][name], f"data/{owner}/", archive)
    return found


def _payloads(archive: Archive, kind: str) -> dict[str, _Payload]:
    record = archive.records.get(f"data/{kind}/model_{kind}_config.json")
    if record is None:
        raise ProgramError(
            f"its {kind} are not there as raw numbers: older files have them pickled, which is never read; "
            "save it with torch 2.9 or later"
        )
    return _PAYLOADS.decode(record)["config"]


def _weight(name: str, payload: _Payload, folder: str, archive: Archive) -> Weight:
    if payload.use_pickle or payload.tensor_meta is None:
        raise ProgramError(f"its {name!r} is pickled, and a pickle is never read: make it a plain tensor")
    meta, record = payload.tensor_meta, folder + payload.path_name
    sizes, strides = (tuple(int(each["as_int"]) for each in axes) for axes in (meta.sizes, meta.strides))
    offset = int(meta.storage_offset["as_int"])
    if meta.dtype not in _BYTES or len(sizes) != len(strides) or min((*sizes, *strides, offset), default=0) < 0:
        raise ProgramError(f"its {name!r} is no plain tensor (type {meta.dtype}, shape {sizes})")
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    there = len(archive.records[record]) // _BYTES[meta.dtype]
    if 0 not in sizes and (last >= there or math.prod(sizes) > _LARGEST_WEIGHT):
        raise ProgramError(f"its {name!r} is said to be of shape {sizes}, and has {there} numbers")
    return Weight(record, meta.dtype, sizes, strides, offset)


def _nodes(module: _Module) -> tuple[Node, ...]:
    nodes = []
    for each in module.graph.nodes:
        outputs, several = _outputs(each.outputs)
        arguments = {str(given["name"]): read_argument(given["arg"]) for given in each.inputs}
        nodes.append(Node(each.target, arguments, outputs, several))
    return tuple(nodes)


def _outputs(told: list[dict[str, Any]]) -> tuple[tuple[str | None, ...], bool]:
    """Names under which what an operation gives is known, and whether it gives a sequence."""
    if len(told) == 1 and "as_tensors" in told[0]:
        return tuple(str(each["name"]) for each in told[0]["as_tensors"]), True
    names = []
    for each in told:
        ((kind, value),) = each.items()
        if kind not in ("as_tensor", "as_sym_int", "as_sym_float", "as_sym_bool", "as_none"):
            raise ProgramError(f"one of its operations gives {kind!r}, which is more than tensors and numbers")
        names.append(None if kind == "as_none" else str(value.get("name") or value.get("as_name")))
    return tuple(names), len(names) > 1


def _results(module: _Module) -> dict[str, str]:
    specs = module.signature["output_specs"]
    wrong = [next(iter(each)) for each in specs if "user_output" not in each]
    if wrong:
        raise ProgramError(f"it changes its own state ({', '.join(wrong)}); export it in evaluation mode")
    names = [str(each["user_output"]["arg"]["as_tensor"]["name"]) for each in specs]
    return dict(zip(_result_names(module, len(names)), names, strict=True))


def _result_names(module: _Module, count: int) -> list[str]:
    """Keys of the dictionary that it returns, or numbers."""
    told = module.module_call_graph[0]["signature"]["out_spec"]
    spec = json.loads(told)[1]
    if spec["type"] == "builtins.dict":
        keys = [str(key) for key in json.loads(spec["context"])]
        if len(keys) == count:
            return keys
    return [str(i) for i in range(count)]
