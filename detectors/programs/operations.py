"""Which operations a program may use, and how they are called: torch's own on tensors, and plain arithmetic."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import cache
from typing import Any

from detectors.errors import ProgramError

from .arguments import Code
from .graph import DTYPES, Node

__all__ = ["DROPOUTS", "Operation", "constant", "operation"]

Operation = Callable[..., Any]
_ATEN = "torch.ops.aten."
_BARRED = frozenset({"from_file", "_print", "record_stream"})
"""Operations of torch that touch more than tensors: files, the screen, a device's queues."""
_WORDS = frozenset({"none", "tanh", "floor", "trunc", "same", "valid", "zeros", "constant", "reflect", "replicate"}) | {
    "circular", "sum", "mean", "prod", "amax", "amin", "linear", "lower", "higher", "midpoint", "nearest", "left",
    "right", "ij", "xy", "ortho", "forward", "backward", "fro", "nuc", "L", "U", "reduced", "complete", "r",
}  # fmt: skip
_EQUATIONS = frozenset({"torch.ops.aten.einsum.default"})
DROPOUTS = frozenset({f"{_ATEN}{name}" for name in ("dropout.default", "dropout_.default", "native_dropout.default")})
_NO_DROPOUT = ("dropout_p", "dropout")
_ARITHMETIC: dict[str, Operation] = {
    f"_operator.{name}": getattr(operator, name)
    for name in ("add", "sub", "mul", "floordiv", "truediv", "mod", "neg", "pos", "eq", "ne", "lt", "le", "gt", "ge")
} | {
    "_operator.getitem": operator.getitem,
    "math.trunc": math.trunc,
    "torch.sym_int": int,
    "torch.sym_float": float,
    "torch.sym_max": max,
    "torch.sym_min": min,
    "torch.sym_not": operator.not_,
}


def operation(node: Node) -> Operation:
    """What a node calls; torch must be there.

    Raises
    ------
    ProgramError
        It is not torch's own, does not exist, draws random numbers, or changes a weight.
    """
    if node.target in _ARITHMETIC:
        plain = _ARITHMETIC[node.target]
        return lambda **arguments: plain(*arguments.values())
    if not node.target.startswith(_ATEN):
        raise ProgramError(f"it uses {node.target[:80]!r}; only operations of torch itself may be used")
    _only_words(node)
    found: Operation = _aten(node.target.removeprefix(_ATEN))
    if node.target not in DROPOUTS and _draws(node, found):
        raise ProgramError(f"it draws random numbers by {node.target!r}: only dropout may, whose masks are fixed")
    return found


@cache
def _aten(name: str) -> Any:
    import torch

    packet, _, overload = name.partition(".")
    bad = ProgramError(f"it uses {_ATEN}{name[:80]}, which torch {torch.__version__} does not offer to programs")
    if packet in _BARRED or not (packet.isidentifier() and overload.isidentifier()) or packet.startswith("__"):
        raise bad
    try:
        found = getattr(getattr(torch.ops.aten, packet), overload)
    except (AttributeError, RuntimeError):
        raise bad from None
    # the namespace has attributes of Python beside its operations
    if not isinstance(found, torch._ops.OpOverload):  # noqa: SLF001 - the class has no public name
        raise bad
    # what torch's interpreter knows beside the operations on tensors, such as saving to a file, is never dispatched
    if not torch._C._dispatch_has_kernel(found.name()):  # noqa: SLF001 - there is no public way to ask
        raise bad
    return found


def _draws(node: Node, found: Any) -> bool:
    import torch

    if torch.Tag.nondeterministic_seeded not in found.tags:
        return False
    return not any(name.name in _NO_DROPOUT for name in found._schema.arguments) or any(  # noqa: SLF001 - the one way to ask
        bool(node.arguments.get(name, 0)) for name in _NO_DROPOUT
    )


def _only_words(node: Node) -> None:
    """A text may only be one of torch's own settings: with no other texts no operation can name a file."""
    for value in node.arguments.values():
        if isinstance(value, str) and value not in _WORDS and node.target not in _EQUATIONS:
            raise ProgramError(f"it hands the text {value[:40]!r} to {node.target!r}, which is no setting of torch")


def constant(value: Any, device: Any, *, double: bool) -> Any:
    """An argument with the codes in it replaced by what torch knows; `Ref`s stay."""
    if isinstance(value, list):
        return [constant(each, device, double=double) for each in value]
    if not isinstance(value, Code):
        return value
    import torch

    if value.kind == "device":
        return device
    if value.kind == "dtype":
        name = DTYPES.get(value.value)
        if name is None:
            raise ProgramError(f"it uses numbers of type {value.value}, which can't be read")
        return torch.float64 if double and name == "float32" else getattr(torch, name)
    if value.kind == "memory_format":
        formats = {
            1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d, 4: torch.preserve_format,
        }  # fmt: skip
        return formats.get(value.value, torch.contiguous_format)
    return torch.strided
