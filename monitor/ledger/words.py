"""A record of the ledger in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.events.times import format_time

__all__ = ["words"]

_HEAD = frozenset({"seq", "prev", "time", "kind", "hash"})


def words(record: Mapping[str, Any]) -> str:
    """What a record says on one line, short: its reason in words first, its moves as from → to, the rest by name."""
    fields = {name: value for name, value in record.items() if name not in _HEAD}
    told = [str(fields.pop(name)) for name in ("why", "reason", "text") if isinstance(fields.get(name), str)]
    if record.get("kind") == "examples":
        told += [f"{each['view']}, for example {', '.join(each['ids'])}" for each in fields.pop("alarms")]
    if "from" in fields and "to" in fields:
        told.insert(0, f"{fields.pop('from')} → {fields.pop('to')}")
    told += [f"{name} {_short(value)}" for name, value in fields.items() if value is not None]
    # names and ids come from outside, and this may go to a terminal
    return "".join(each if each.isprintable() else " " for each in "; ".join(told))


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e9 else format_time(value)
    if isinstance(value, Mapping):
        plain = all(not isinstance(inner, Mapping | list) for inner in value.values())
        few = plain and len(value) <= 8
        return ", ".join(f"{n} {_short(v)}" for n, v in value.items()) if few else f"({len(value)} entries)"
    if isinstance(value, list):
        return f"({len(value)} entries)"
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"
