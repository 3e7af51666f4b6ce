"""The configuration's JSON Schema."""

from __future__ import annotations

from typing import Any

import msgspec

from monitor.config.hops import HOPS, Chain
from monitor.config.root import Config
from monitor.config.units import UNITS, Delay, FalsePages

__all__ = ["config_schema"]


def config_schema() -> dict[str, Any]:
    """JSON Schema of the YAML file, with each key's meaning and the reason for its default."""
    schema = msgspec.json.schema(Config, schema_hook=_written, ref_template="#/$defs/{name}")
    united: dict[str, Any] = _united(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | united


def _written(kind: type) -> dict[str, Any]:
    if kind in {FalsePages, Delay}:
        return {"type": "string"}
    if kind is Chain:
        hops = [_inline(kind) for kind in HOPS.values()]
        return {"type": "array", "minItems": 1, "items": {"anyOf": [{"enum": ["human", "refuse"]}, *hops]}}
    raise NotImplementedError(kind)


def _inline(kind: type) -> dict[str, Any]:
    """The schema of one struct, without references to it or to what is in it."""
    _, components = msgspec.json.schema_components((kind,), ref_template="{name}")
    inline: dict[str, Any] = _resolved(components[kind.__name__], components)
    return inline


def _resolved(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_resolved(each, components) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolved(components[node["$ref"]], components)
    return {key: _resolved(value, components) for key, value in node.items()}


def _united(node: Any) -> Any:
    """Values with a unit are numbers inside, but people write them as text: both are allowed."""
    if isinstance(node, list):
        return [_united(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _united(value) for key, value in node.items() if key != "x-unit"}
    if "off" in inner.get("enum", ()):
        inner["enum"] = [*inner["enum"], False]  # what readers of YAML 1.1 such as Helm make of it
    unit = node.get("x-unit")
    if unit is None:
        return inner
    nullable = any(option == {"type": "null"} for option in inner.pop("anyOf", []))
    for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if unit == "duration":
            inner.pop(bound, None)  # of seconds, which are not what is written
    if isinstance(inner.get("default"), float):
        inner["default"] = UNITS[unit].show(inner["default"])
    accepted = dict(UNITS[unit].schema)
    if nullable:
        accepted["type"] = [*_listed(accepted["type"]), "null"]
    return inner | accepted


def _listed(kind: Any) -> list[str]:
    return list(kind) if isinstance(kind, list) else [kind]
