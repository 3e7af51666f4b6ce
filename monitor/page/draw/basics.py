"""What the parts share: badges, tables, and how numbers, times and odds are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from monitor.page.html import Element, Node, element
from monitor.page.words import percent

__all__ = [
    "NAMES",
    "NOTHING",
    "SHORT",
    "TONES",
    "age",
    "badge",
    "coded",
    "count",
    "empty",
    "hint",
    "moment",
    "odds",
    "plain",
    "share",
    "table",
]

NAMES: Final = {"model": "model", "fallback": "fallback", "human": "person", "refuse": "refused"}
TONES: Final = {
    "closed": "good",
    "degraded": "watch",
    "half_open": "watch",
    "open": "bad",
    "forced_open": "bad",
    "forced_closed": "watch",
}
SHORT: Final = {"forced_open": "held open", "forced_closed": "held closed", "half_open": "half-open"}
NOTHING: Final = "\N{EN DASH}"
_THIN: Final = "\u202f"
_SCALES: Final = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand"))
_CERTAIN: Final = 15.0


def badge(tone: str, text: str) -> Element:
    """A word in a frame; its shape tells the tone, too."""
    return element("span", text, class_=f"badge c-{tone}" if tone else "badge")


def hint(*words: Node) -> Element:
    """An aside."""
    return element("p", words, class_="hint")


def empty(words: str) -> Element:
    """What stands where there is nothing yet."""
    return element("p", words, class_="empty")


def coded(text: str) -> list[Node]:
    """A sentence in which what stands between backticks is code."""
    return [element("code", part) if i % 2 else part for i, part in enumerate(text.split("`"))]


def plain(code: str) -> str:
    """A code in words; a sentence stays as it is."""
    return code if " " in code else code.replace("_", " ")


def share(value: float | None, digits: int = 1) -> str:
    """A measured share, or a dash."""
    return NOTHING if value is None or not math.isfinite(value) else percent(value, digits)


def count(n: float) -> str:
    """A number of things."""
    return f"{n:,.0f}"


def age(seconds: float) -> str:
    """A span of time, short."""
    if seconds < 120:
        return f"{seconds:.0f}{_THIN}s"
    return f"{seconds / 60:.0f}{_THIN}min" if seconds < 7200 else f"{seconds / 3600:.0f}{_THIN}h"


def moment(seconds: float, now: float) -> str:
    """Time of day in UTC, with its date where that is not today's."""
    try:
        at, today = datetime.fromtimestamp(seconds, UTC), datetime.fromtimestamp(now, UTC)
    except (ValueError, OverflowError, OSError):
        return NOTHING
    return f"{at:%H:%M:%S}" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M:%S}"


def odds(log10: float) -> str:
    """Odds that a bet has won, in words.

    Examples
    --------
    >>> odds(2), odds(6.3), odds(40)
    ('100 to 1', '2 million to 1', 'more than 1,000 trillion to 1')
    """
    if not log10 < _CERTAIN:
        return "more than 1,000 trillion to 1"
    number = 10.0**log10
    for scale, word in _SCALES:
        if number >= 0.95 * scale:
            return f"{_first_figure(number / scale):,.0f} {word} to 1"
    return f"{_first_figure(number):,.0f} to 1"


def _first_figure(number: float) -> float:
    """Rounded to one figure: more would feign that evidence is exact."""
    if number < 1:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(number))
    return round(number / scale) * scale


def table(heads: Sequence[str], rows: Sequence[Sequence[Node]], caption: str = "") -> Element:
    """A table; `#` before a head sets its column to the right, `~` leaves it out on a phone."""
    looks = ["num" if head.startswith("#") else "later" if head.startswith("~") else None for head in heads]
    head = [element("th", name.lstrip("#~"), scope="col", class_=look) for name, look in zip(heads, looks, strict=True)]
    body = [
        element("tr", [element("td", cell, class_=look) for cell, look in zip(row, looks, strict=True)]) for row in rows
    ]
    return element(
        "table",
        element("caption", caption, class_="unseen") if caption else None,
        element("thead", element("tr", head)),
        element("tbody", body),
    )
