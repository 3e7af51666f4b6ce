"""Arguments of a program's operations, from the JSON of its graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from detectors.errors import ProgramError

__all__ = ["Code", "Ref", "read_argument"]


@dataclass(frozen=True, slots=True)
class Ref:
    """A value that was computed before, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code of one of torch's enumerations."""

    kind: str
    value: int


def read_argument(told: dict[str, Any]) -> Any:
    """A number, a text, a code, a `Ref`, or a list of these; ProgramError for anything else, such as an object."""
    ((kind, value),) = told.items()
    if kind in _READ:
        return _READ[kind](value)
    if kind in _LISTS:
        return [_READ[_LISTS[kind]](each) for each in value]
    if kind in _OPTIONAL:
        return [read_argument(each) for each in value] if isinstance(value, list) else read_argument(value)
    raise ProgramError(f"one of its operations takes {kind!r}, which is more than tensors and numbers")


def _symbol(told: dict[str, Any]) -> Any:
    ((kind, value),) = told.items()
    return Ref(str(value)) if kind == "as_name" else _number(value)


def _number(value: Any) -> float | int | bool:
    # JSON has no infinities, and the format writes them as texts
    return float(value) if isinstance(value, str | float) else value if isinstance(value, bool) else int(value)


_READ: dict[str, Callable[[Any], Any]] = {
    "as_none": lambda _: None,
    "as_tensor": lambda told: Ref(str(told["name"])),
    "as_int": int,
    "as_float": _number,
    "as_bool": bool,
    "as_string": str,
    "as_sym_int": _symbol,
    "as_sym_float": _symbol,
    "as_sym_bool": _symbol,
    "as_scalar_type": lambda code: Code("dtype", int(code)),
    "as_memory_format": lambda code: Code("memory_format", int(code)),
    "as_layout": lambda code: Code("layout", int(code)),
    "as_device": lambda _: Code("device", 0),
}
_LISTS = {
    "as_tensors": "as_tensor",
    "as_ints": "as_int",
    "as_floats": "as_float",
    "as_bools": "as_bool",
    "as_sym_ints": "as_sym_int",
    "as_sym_floats": "as_sym_float",
}
_OPTIONAL = ("as_optional_tensors", "as_optional_tensor")
