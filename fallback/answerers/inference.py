"""The Open Inference Protocol, version 2: a request as bytes, and an answer from bytes that may be anything."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import msgspec

from fallback.answerers.types import Answer, AskedRequest, Feature
from fallback.errors import AnswererNonsense

__all__ = ["ANSWER_OUTPUTS", "PROBABILITY_OUTPUTS", "model_of", "read_response", "write_request"]

ANSWER_OUTPUTS = ("label", "value", "predict", "output-0")
"""Names of the output that is the answer, the first one found counts; `predict` is MLServer's, `output-0` Triton's
habit."""
PROBABILITY_OUTPUTS = ("probabilities", "predict_proba")
"""Names of the output with the labels' probabilities; its parameter `labels` names them."""
_MODEL_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/[^/]+)?/infer/?$")
_SERVED_AS = "__"
"""Some servers (KServe's ModelMesh) put this and a name of their own behind the model's."""
_LONGEST_LABEL = 1000
"""Characters: it goes into the decision, and a record that no broker takes would stop the stream."""
_SUM_TOLERANCE = 1e-3
"""Probabilities often come as 32-bit floats, rounded."""


class _Output(msgspec.Struct):
    name: str
    datatype: str
    data: list[object]
    parameters: dict[str, object] | None = None


class _Response(msgspec.Struct):
    outputs: list[_Output]
    id: str | None = None
    model_name: object = None


_DECODER = msgspec.json.Decoder(_Response)
_ENCODER = msgspec.json.Encoder()


def write_request(request: AskedRequest) -> bytes:
    """Write a request: a tensor a feature, or one tensor for a list; missing features are left out and named."""
    inputs, missing = _inputs(request.features)
    parameters = {
        "decision_id": request.decision_id,
        "model": request.model,
        "version": request.version,
        "missing": missing,
    }
    return _ENCODER.encode({"id": request.id, "inputs": inputs, "parameters": parameters})


def model_of(path: str) -> str | None:
    """Give the model that a URL's path names; None if it is not of the protocol's form.

    Examples
    --------
    >>> model_of("/v2/models/small/infer"), model_of("/v2/models/small/versions/3/infer"), model_of("/score")
    ('small', 'small', None)
    """
    found = _MODEL_PATH.search(path)
    return None if found is None else found[1]


def read_response(body: bytes, request: AskedRequest, model: str | None = None) -> Answer:
    """Read the answer to a request, by `model` if it is known who was asked.

    Raises
    ------
    AnswererNonsense
        It is not JSON, not of the protocol, for another request, by another model, or its numbers are none.
    """
    try:
        response = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswererNonsense(f"not an Open Inference response: {error} in {body[:80]!r}") from error
    if response.id is not None and response.id != request.id:
        raise AnswererNonsense(f"an answer to {response.id!r} came for {request.id!r}")
    by = response.model_name
    if model is not None and isinstance(by, str) and by != model and not by.startswith(model + _SERVED_AS):
        raise AnswererNonsense(f"an answer of model {by[:80]!r} came for {model!r}: who serves at this address?")
    outputs = {output.name: output for output in response.outputs}
    probabilities = _probabilities(_first(outputs, PROBABILITY_OUTPUTS))
    chosen = _first(outputs, ANSWER_OUTPUTS)
    if chosen is not None:
        return Answer(_value(chosen), probabilities)
    if probabilities:
        return Answer(max(probabilities, key=probabilities.__getitem__), probabilities)
    raise AnswererNonsense(f"no output of {ANSWER_OUTPUTS!r} among {sorted(outputs)!r}")


def _inputs(features: Mapping[str, Feature] | Sequence[Feature]) -> tuple[list[dict[str, object]], list[str]]:
    if isinstance(features, Mapping):
        missing = [name for name, value in features.items() if _is_missing(value)]
        return [_tensor(name, [1], [value]) for name, value in features.items() if not _is_missing(value)], missing
    # a place in a list can't be left out: null stands for a missing number, as JSON has no NaN
    missing = [str(place) for place, value in enumerate(features) if _is_missing(value)]
    return [_tensor("features", [1, len(features)], list(features))], missing


def _is_missing(value: Feature) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _tensor(name: str, shape: list[int], data: list[Feature]) -> dict[str, object]:
    if any(isinstance(value, str) for value in data):
        strings = [None if _is_missing(value) else str(value) for value in data]
        return {"name": name, "shape": shape, "datatype": "BYTES", "data": strings}
    numbers = [None if value is None or _is_missing(value) else float(value) for value in data]
    return {"name": name, "shape": shape, "datatype": "FP64", "data": numbers}


def _first(outputs: dict[str, _Output], names: Sequence[str]) -> _Output | None:
    return next((outputs[name] for name in names if name in outputs), None)


def _flat(output: _Output) -> list[object]:
    flat: list[object] = []
    for value in output.data:
        flat.extend(value if isinstance(value, list) else [value])
    return flat


def _value(output: _Output) -> str | float:
    data = _flat(output)
    if len(data) != 1:
        raise AnswererNonsense(f"output {output.name!r} has {len(data)} values: one answer was asked for")
    value = data[0]
    if isinstance(value, str):
        if len(value) > _LONGEST_LABEL:
            raise AnswererNonsense(f"output {output.name!r} has {len(value)} characters: no label is that long")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise AnswererNonsense(f"output {output.name!r} is {value!r}: a label or a finite number was asked for")
    # labels compare as strings everywhere; only floating point is a number to compute with
    return float(value) if output.datatype.startswith(("FP", "BF")) else str(value)


def _probabilities(output: _Output | None) -> dict[str, float] | None:
    if output is None:
        return None
    values = [float(v) for v in _flat(output) if isinstance(v, int | float) and 0 <= v <= 1]
    labels = (output.parameters or {}).get("labels", list(range(len(values))))
    if not isinstance(labels, list) or not len(values) == len(_flat(output)) == len(labels):
        raise AnswererNonsense(f"output {output.name!r}: {len(_flat(output))} values between 0 and 1 for {labels!r}?")
    if abs(sum(values) - 1) > _SUM_TOLERANCE:
        raise AnswererNonsense(f"output {output.name!r} sums to {sum(values):.4g}: probabilities sum to 1")
    return {str(label): value for label, value in zip(labels, values, strict=True)}
