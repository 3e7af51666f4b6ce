"""From plain values to the configuration's structs; every fault is collected with its path."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeGuard, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import yaml

from monitor.config.hops import HOPS, Chain
from monitor.config.reasons import plain
from monitor.config.text import parse_yaml
from monitor.config.units import UNITS, Unit

__all__ = ["EnvText", "Faults", "build"]

_S = TypeVar("_S", bound=msgspec.Struct)
Faults = list[tuple[str, str]]
_INVALID = object()
_WORDS = ("human", "refuse")
_INDEXED = re.compile(r"`\$((?:\[\d+\])+(?:\.\w+|\[\d+\])*)")
_SWITCHED = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class EnvText(str):
    """A value from the environment: text that may stand for any YAML value."""

    __slots__ = ()


def build(kind: type[_S], raw: object, faults: Faults, path: str = "") -> _S | None:
    """A struct of `kind` from a mapping; None, with the reasons added to `faults`, when it cannot be built."""
    if not isinstance(raw, Mapping):
        faults.append((path, f"{_shown(raw)} must be a mapping of {_listed(_keys(kind))}"))
        return None
    before = len(faults)
    hints, fields = get_type_hints(kind, include_extras=True), _keys(kind)
    built: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in fields:
            faults.append((_joined(path, key), _unknown(key, fields)))
        elif value is not None or not fields[key].required:
            built[key] = _value(hints[key], value, faults, _joined(path, key))
    for key, field in fields.items():
        if field.required and (key not in raw or raw[key] is None):
            _missing(hints[key], faults, _joined(path, key))
    return None if len(faults) > before else kind(**built)


def _missing(hint: Any, faults: Faults, path: str) -> None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        build(hint, {}, faults, path)
    else:
        meaning = _meaning(hint)
        faults.append((path, f"is required. {meaning[:1].upper()}{meaning[1:]}"))


def _value(hint: Any, raw: object, faults: Faults, path: str) -> Any:
    meta = _meta(hint)
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if raw is None and _default_of(bare):
        # An empty section (`route:` with nothing under it) is its defaults.
        return bare()
    unit = UNITS.get(str((meta.extra or {}).get("unit"))) if meta else None
    if unit is not None and not (raw is None and type(None) in get_args(bare)):
        return _united(hint, unit, raw, faults, path)
    if _is_section(bare):
        return build(bare, _parsed(raw), faults, path)
    section = next((option for option in get_args(bare) if _is_section(option)), None)
    if section is not None and isinstance(_parsed(raw), Mapping):
        # a section that need not be there
        return build(section, _parsed(raw), faults, path)
    if bare is Chain:
        return _chain(hint, _parsed(raw), faults, path)
    return _leaf(hint, raw, faults, path)


def _united(hint: Any, unit: Unit, raw: object, faults: Faults, path: str) -> Any:
    """A value that is written with a unit: parsed, then held against the field's bounds."""
    try:
        parsed = unit.parse(str(raw) if isinstance(raw, EnvText) else raw)
    except ValueError:
        try:
            parsed = unit.parse(_parsed(raw))
        except ValueError:
            faults.append((path, f"{_shown(raw)} is not {unit.allowed}"))
            return _INVALID
    metas = [_meta(hint), *(_meta(option) for option in get_args(get_args(hint)[0]))]
    bound = next(
        (b for meta in metas if meta and isinstance(parsed, float) and (b := _out_of_bounds(meta, parsed))), None
    )
    if bound is not None:
        meant = (
            f"; did you mean `{parsed:g}%`?"
            if unit is UNITS["share"] and 1 <= parsed <= 100 and "%" not in str(raw)
            else ""
        )
        faults.append((path, f"{_shown(raw)} must be {bound}: {unit.allowed}{meant}"))
        return _INVALID
    return parsed


def _out_of_bounds(meta: msgspec.Meta, value: float) -> str:
    """The bounds in words if `value` breaks one of them, else nothing."""
    bounds = {"above": meta.gt, "at least": meta.ge, "below": meta.lt, "at most": meta.le}
    holds = {
        "above": meta.gt is None or value > meta.gt,
        "at least": meta.ge is None or value >= meta.ge,
        "below": meta.lt is None or value < meta.lt,
        "at most": meta.le is None or value <= meta.le,
    }
    return (
        ""
        if all(holds.values())
        else " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)
    )


def _leaf(hint: Any, raw: object, faults: Faults, path: str) -> Any:
    candidates = [str(raw), _parsed(raw)] if isinstance(raw, EnvText) else [raw]
    if isinstance(raw, EnvText) and raw.lstrip().startswith(("{", "[")):
        candidates.reverse()
    for candidate in candidates:
        try:
            return msgspec.convert(_spelt(hint, candidate), hint)
        except msgspec.ValidationError as error:
            reason = str(error)
    told, _, inner = reason.partition(" - at ")
    suffix = found[1] if (found := _INDEXED.match(inner)) else ""
    faults.append((path + suffix, f"{plain(told, _shown(_within(candidate, suffix)))}; {_meaning(hint)}"))
    return _INVALID


def _within(raw: Any, suffix: str) -> Any:
    """The item of a list, or what is in it, that `[1]`, `[1][2]` or `[1].when` stands for."""
    for index, key in re.findall(r"\[(\d+)\]|\.(\w+)", suffix):
        raw = raw[key] if key else raw[int(index)]
    return raw


def _spelt(hint: Any, raw: object) -> object:
    """Yes and no, on and off for a key that is a boolean; false for one that can be `off`.

    Helm, which reads YAML 1.1, hands `off` on as false.
    """
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if bare is bool and isinstance(raw, str):
        return _SWITCHED.get(raw.strip().lower(), raw)
    choices = (
        choice for option in (bare, *get_args(bare)) if get_origin(option) is Literal for choice in get_args(option)
    )
    return "off" if raw is False and "off" in choices else raw


def _chain(hint: Any, raw: object, faults: Faults, path: str) -> Any:
    if not isinstance(raw, list) or not raw:
        faults.append((path, f"{_shown(raw)} must be a list with at least one item; {_meaning(hint)}"))
        return _INVALID
    return Chain(_hop(each, faults, f"{path}[{i}]") for i, each in enumerate(raw))


def _hop(raw: object, faults: Faults, path: str) -> Any:
    if raw in _WORDS:
        return raw
    if isinstance(raw, Mapping):
        for key, kind in HOPS.items():
            if key in raw:
                return build(kind, raw, faults, path)
    faults.append((path, f"{_shown(raw)} must be one of {_listed(_WORDS)}, or a mapping with {_listed(HOPS)}"))
    return _INVALID


def _is_section(kind: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _default_of(bare: Any) -> TypeGuard[type[msgspec.Struct]]:
    return _is_section(bare) and not any(f.required for f in _keys(bare).values())


def _keys(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {f.encode_name: f for f in msgspec.structs.fields(kind)}


def _meta(hint: Any) -> msgspec.Meta | None:
    return next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, msgspec.Meta)), None)


def _meaning(hint: Any) -> str:
    """What the field is, for whoever got it wrong: its choices, or how it is written and what it means."""
    meta = _meta(hint)
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(bare) is Literal:
        return f"allowed are {_listed(get_args(bare))}"
    unit = UNITS.get(str((meta.extra or {}).get("unit"))) if meta else None
    text = meta.description if meta and meta.description else (bare.__doc__ or "" if isinstance(bare, type) else "")
    return f"{unit.allowed}. {text}" if unit else text


def _unknown(key: object, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(key), list(known), n=1)
    return f"unknown key; did you mean `{close[0]}`?" if close else f"unknown key; known are {_listed(known)}"


def _parsed(raw: object) -> Any:
    if not isinstance(raw, EnvText):
        return raw
    try:
        return parse_yaml(raw)
    except yaml.YAMLError:
        return str(raw)


def _joined(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _shown(raw: object) -> str:
    text = repr(str(raw) if isinstance(raw, EnvText) else raw)
    return text if len(text) <= 80 else text[:77] + "..."


def _listed(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing yet"
