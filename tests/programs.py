"""Torch programs for tests: one written by hand, of which every part may be made wrong, and digits for real ones."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from detectors.types import FloatArray, IntArray

__all__ = ["digits", "exported", "hand_made", "rotated", "zipped"]

_META = {"device": {"type": "cpu", "index": None}, "requires_grad": False, "layout": 7, "storage_offset": {"as_int": 0}}


def _tensor(*sizes: int | None) -> dict[str, Any]:
    axes = [{"as_expr": {"expr_str": "s0"}} if each is None else {"as_int": each} for each in sizes]
    strides = np.cumprod([1, *[each or 1 for each in sizes[:0:-1]]])[::-1]
    return {"dtype": 7, "sizes": axes, "strides": [{"as_int": int(each)} for each in strides], **_META}


def hand_made(wrong: Callable[[dict[str, Any]], object] = lambda _: None) -> bytes:
    """A linear layer of 3 numbers to 2 with softmax, as torch 2.15 writes it; `wrong` changes its parts first.

    The parts are `model`, `weights` and `constants` as JSON, and `records` as bytes by name.
    """
    node = {
        "target": "torch.ops.aten.linear.default",
        "inputs": [
            {"name": "input", "arg": {"as_tensor": {"name": "x"}}, "kind": 1},
            {"name": "weight", "arg": {"as_tensor": {"name": "p_w"}}, "kind": 1},
        ],
        "outputs": [{"as_tensor": {"name": "linear"}}],
        "metadata": {},
    }
    soft = {
        "target": "torch.ops.aten.softmax.int",
        "inputs": [
            {"name": "self", "arg": {"as_tensor": {"name": "linear"}}, "kind": 1},
            {"name": "dim", "arg": {"as_int": -1}, "kind": 1},
        ],
        "outputs": [{"as_tensor": {"name": "soft"}}],
        "metadata": {},
    }
    spec = {"type": "builtins.dict", "context": '["probabilities"]', "children_spec": []}
    parts: dict[str, Any] = {
        "model": {
            "graph_module": {
                "graph": {"nodes": [node, soft], "tensor_values": {"x": _tensor(None, 3), "p_w": _tensor(2, 3)}},
                "signature": {
                    "input_specs": [
                        {"parameter": {"arg": {"name": "p_w"}, "parameter_name": "w"}},
                        {"user_input": {"arg": {"as_tensor": {"name": "x"}}}},
                    ],
                    "output_specs": [{"user_output": {"arg": {"as_tensor": {"name": "soft"}}}}],
                },
                "module_call_graph": [{"fqn": "", "signature": {"out_spec": json.dumps([1, spec])}}],
            },
            "schema_version": {"major": 8, "minor": 20},
        },
        "weights": {"config": {"w": {"path_name": "weight_0", "use_pickle": False, "tensor_meta": _tensor(2, 3)}}},
        "constants": {"config": {}},
        "records": {
            "data/weights/weight_0": np.arange(6, dtype=np.float32).tobytes(),
            "byteorder": b"little",
            # sample inputs are a pickle in every real file; this one would be noticed if anybody read it
            "data/sample_inputs/model.pt": b"cbuiltins\nexec\n(S'raise SystemExit(7)'\ntR.",
        },
    }
    wrong(parts)
    records = {
        "models/model.json": json.dumps(parts["model"]).encode(),
        "data/weights/model_weights_config.json": json.dumps(parts["weights"]).encode(),
        "data/constants/model_constants_config.json": json.dumps(parts["constants"]).encode(),
        **parts["records"],
    }
    return zipped({f"program/{name}": data for name, data in records.items() if data is not None})


def zipped(records: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in records.items():
            archive.writestr(name, data)
    return file.getvalue()


def digits() -> tuple[FloatArray, IntArray]:
    """scikit-learn's digits: 1,797 images of 8 by 8 pixels in [0, 1] as rows of 64, and what they show."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    images: FloatArray = x / 16.0
    return images, y


def rotated(images: FloatArray, degrees: float = 30.0) -> FloatArray:
    """The same through a camera that was knocked askew."""
    from scipy.ndimage import rotate

    turned: FloatArray = rotate(images.reshape(-1, 8, 8), degrees, axes=(2, 1), reshape=False, order=1)
    return np.asarray(np.clip(turned.reshape(len(images), 64), 0.0, 1.0))


def exported(model: Any, *shape: int) -> bytes:
    """The `.pt2` file of a torch module that takes rows of this shape."""
    import torch

    file = io.BytesIO()
    rows = torch.export.Dim("rows")
    torch.export.save(torch.export.export(model, (torch.zeros(2, *shape),), dynamic_shapes=({0: rows},)), file)
    return file.getvalue()
