"""How people write shares, durations and rates, and what these become."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Meta

__all__ = [
    "UNITS",
    "Delay",
    "FalsePages",
    "Unit",
    "describe",
    "duration",
    "parse_delay",
    "parse_duration",
    "parse_false_pages",
    "parse_share",
    "share",
]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_NUMBER = r"(\d[\d_]*(?:\.\d+)?(?:[eE]\+?\d+)?|\.\d+)"
_SHARE = re.compile(_NUMBER + r"\s*(%?)")
_DURATION = re.compile(_NUMBER + r"\s*(ms|s|m|h|d|w)")
_DELAY_ROWS = re.compile(r"(\d[\d_]*)\s*(?:rows?)?")
_FALSE_PAGES = re.compile(_NUMBER + r"\s+(?:per|in)\s+(.+)")
_EVENTS = re.compile(_NUMBER + r"\s*(?:events?|predictions?)")


class FalsePages:
    """One false page in `n` days or events, on average."""

    __slots__ = ("n", "unit")

    def __init__(self, n: float, unit: Literal["days", "events"]) -> None:
        self.n = n
        self.unit = unit

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FalsePages) and (self.n, self.unit) == (other.n, other.unit)

    def __hash__(self) -> int:
        return hash((self.n, self.unit))

    def __repr__(self) -> str:
        return f"FalsePages(n={self.n!r}, unit={self.unit!r})"

    def __str__(self) -> str:
        return f"1 per {self.n:g}d" if self.unit == "days" else f"1 per {self.n:.15g} events"


class Delay:
    """How long an outcome takes: so many rows, or so many seconds; the other is None."""

    __slots__ = ("rows", "seconds")

    def __init__(self, rows: int | None = None, seconds: float | None = None) -> None:
        self.rows = rows
        self.seconds = seconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Delay) and (self.rows, self.seconds) == (other.rows, other.seconds)

    def __hash__(self) -> int:
        return hash((self.rows, self.seconds))

    def __repr__(self) -> str:
        return f"Delay(rows={self.rows!r}, seconds={self.seconds!r})"


@dataclass(frozen=True, slots=True)
class Unit:
    """A way of writing a value: its parser, how a default is shown, what is allowed in words, and its JSON Schema."""

    parse: Callable[[object], Any]
    show: Callable[[Any], str]
    allowed: str
    schema: Mapping[str, object]


def parse_share(raw: object) -> float:
    """2% and 0.02 are the same share; a sign is kept, so that the range check can name it. Raises ValueError."""
    if isinstance(raw, str):
        sign, text = (-1.0, raw.strip()[1:]) if raw.strip().startswith("-") else (1.0, raw.strip())
        return sign * _match(_SHARE, text, lambda n, percent: _number(n) / (100.0 if percent else 1.0))
    return _plain_number(raw)


def parse_duration(raw: object) -> float:
    """Seconds of 250ms, 30s, 30m, 12h, 7d, 1w. A bare number but 0 has no unit and is refused. Raises ValueError."""
    if isinstance(raw, str) and raw.strip() != "0":
        return _match(_DURATION, raw.strip(), lambda n, unit: _number(n) * _SECONDS[unit])
    if raw in (0, "0") and not isinstance(raw, bool):
        return 0.0
    raise ValueError(raw)


def parse_delay(raw: object) -> Delay:
    """500 or `500 rows` are rows; with a unit of time it is a duration. Raises ValueError."""
    if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0:
        return Delay(rows=raw)
    if isinstance(raw, str) and (rows := _DELAY_ROWS.fullmatch(raw.strip())):
        return Delay(rows=int(rows[1].replace("_", "")))
    return Delay(seconds=parse_duration(raw))


def parse_false_pages(raw: object) -> FalsePages:
    """`1 per 90d`, `2 per 30d`, `1 per 1000000 events`. Raises ValueError."""
    if not isinstance(raw, str) or not (found := _FALSE_PAGES.fullmatch(raw.strip())):
        raise ValueError(raw)
    pages, per = _number(found[1]), found[2].strip()
    events = _EVENTS.fullmatch(per)
    each = _number(events[1]) if events else parse_duration(per) / _SECONDS["d"]
    if not (pages > 0 and each > 0 and math.isfinite(each / pages)):
        raise ValueError(raw)
    return FalsePages(each / pages, "events" if events else "days")


def _match(pattern: re.Pattern[str], text: str, build: Callable[[str, str], float]) -> float:
    if not (found := pattern.fullmatch(text)):
        raise ValueError(text)
    return build(found[1], found[2])


def _number(text: str) -> float:
    return float(text.replace("_", ""))


def _plain_number(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise ValueError(raw)
    return float(raw)


def _shown_share(value: float) -> str:
    return f"{value * 100:g}%"


def _shown_duration(seconds: float) -> str:
    """In the largest unit that gives a whole number."""
    unit = next((u for u in ("d", "h", "m", "s") if seconds and seconds % _SECONDS[u] == 0), "ms")
    return f"{seconds / _SECONDS[unit]:g}{unit}"


_FIGURE = r"[0-9][0-9_.eE+]*"
UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        "share": Unit(
            parse_share,
            _shown_share,
            "a share such as 2% or 0.02",
            {"type": ["number", "string"], "pattern": rf"^{_FIGURE}\s*%?$"},
        ),
        "duration": Unit(
            parse_duration,
            _shown_duration,
            "a duration such as 250ms, 30s, 30m, 12h or 7d",
            {"type": "string", "pattern": rf"^({_FIGURE}\s*(ms|s|m|h|d|w)|0)$"},
        ),
        "delay": Unit(
            parse_delay,
            repr,
            "a number of rows such as 500, or a duration such as 30m",
            {"type": ["integer", "string"], "minimum": 0, "pattern": rf"^{_FIGURE}\s*(rows?|ms|s|m|h|d|w)?$"},
        ),
        "false_pages": Unit(
            parse_false_pages,
            str,
            "a rate such as `1 per 90d` or `1 per 1000000 events`",
            {"type": "string", "pattern": rf"^{_FIGURE}\s+(per|in)\s+.+$"},
        ),
    }
)
"""By the name that a field's `Meta` carries in `extra["unit"]`."""


def describe(text: str, *, unit: str | None = None, **bounds: Any) -> Meta:
    """A field's meaning, the reason for its default, its bounds, and how it is written."""
    marked: dict[str, Any] = {"extra": {"unit": unit}, "extra_json_schema": {"x-unit": unit}} if unit else {}
    return Meta(description=text, **marked, **bounds)


def share(text: str, **bounds: float) -> Meta:
    """A field that is a share; `bounds` as in `msgspec.Meta`."""
    return describe(text, unit="share", **bounds)


def duration(text: str, **bounds: float) -> Meta:
    """A field that is a duration in seconds; `bounds` as in `msgspec.Meta`."""
    return describe(text, unit="duration", **bounds)
