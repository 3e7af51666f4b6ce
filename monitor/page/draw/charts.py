"""Charts over time as still pictures, for readers without scripts; where there are scripts, live ones replace them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from monitor.page.draw.basics import NAMES, count, odds, share
from monitor.page.html import Element, element
from monitor.page.picture import Status
from monitor.page.words import chosen

__all__ = ["CHARTS", "charts"]

CHARTS: Final = ("errors", "evidence", "routes")
_WIDE, _TALL = 720.0, 240.0
_LEFT, _TOP, _BOTTOM = 8.0, 20.0, 218.0
_Line = Sequence[float | None]


def charts(status: Status) -> dict[str, str]:
    """Each chart as HTML, by the id of its figure."""
    return {"errors": str(_errors(status)), "evidence": str(_evidence(status)), "routes": str(_routes(status))}


def _errors(status: Status) -> Element:
    """Rolling rates, the band of the accepted ones, and the promise."""
    found = status.errors
    known = [v for v in (*found.alone, *found.accepted, *found.answered) if v is not None]
    top = min(1.0, max([2 * status.max_error, *known]) * 1.08)
    drawn = _Drawn(found.time, 0.0, top)
    told = f"accepted {share(_last(found.accepted))}, model alone {share(_last(found.alone))}"
    return drawn.whole(
        f"Wrong answers over time, at the end: {told}; promise {chosen(status.max_error)}.",
        [
            drawn.band(found.low, found.high, "soft c-accepted"),
            drawn.line(found.alone, "thin dashes c-alone"),
            drawn.line(found.answered, "thin c-answered"),
            drawn.line(found.accepted, "c-accepted"),
            *drawn.level(status.max_error, f"promise {chosen(status.max_error)}"),
        ],
        (("c-alone", "model alone"), ("c-answered", "what callers got"), ("c-accepted", "accepted from the model")),
        f"0 to {share(top, 0)}",
    )


def _evidence(status: Status) -> Element:
    """Both kinds of evidence and the level of an alarm, on a scale of powers of ten."""
    found = status.evidence
    level = _last(found.level) or 4.0
    top = min(max([level, *found.harm, *found.warning]), 3 * level) * 1.12
    low = max(-2.0, min([0.0, *found.harm, *found.warning]))
    drawn = _Drawn(found.time, low, top)
    return drawn.whole(
        f"Evidence over time; an alarm goes off at {odds(level)}.",
        [
            drawn.line(found.warning, "c-warning"),
            drawn.line(found.harm, "c-harm"),
            *drawn.level(level, f"alarm level, {odds(level)}"),
        ],
        (("c-warning", "inputs and outputs (warning)"), ("c-harm", "errors and harm (page)")),
        "powers of ten",
    )


def _routes(status: Status) -> Element:
    """Shares of the routes, one on the other."""
    found = status.routes
    columns = [getattr(found, route) for route in NAMES]
    wholes = [max(sum(each), 1) for each in zip(*columns, strict=True)]
    drawn, below, layers = _Drawn(found.time, 0.0, 1.0), [0.0] * len(wholes), []
    for route, column in zip(NAMES, columns, strict=True):
        above = [b + n / whole for b, n, whole in zip(below, column, wholes, strict=True)]
        layers.append(drawn.band(below, above, f"solid c-{route}"))
        below = above
    lately = ", ".join(f"{NAMES[route]} {share(getattr(status.shares, route), 0)}" for route in NAMES)
    legend = tuple((f"c-{route}", NAMES[route]) for route in NAMES)
    return drawn.whole(f"Who answered, of the last {count(status.shares.n)}: {lately}.", layers, legend, "0 to 100 %")


def _last(values: _Line) -> float | None:
    return values[-1] if values else None


class _Drawn:
    """Places over time in a frame of fixed size."""

    def __init__(self, times: Sequence[float], low: float, high: float) -> None:
        self._times, self._low, self._high = times, low, high
        self._span = max(times[-1] - times[0], 1e-9) if times else 1.0

    def line(self, values: _Line, look: str) -> Element:
        """A line that is broken where nothing is known."""
        path, pen = "", "M"
        for i, value in enumerate(values):
            path += "" if value is None else f"{pen}{self._at(i, value)}"
            pen = "M" if value is None else "L"
        return element("path", class_=f"line {look}", d=path)

    def band(self, low: _Line, high: _Line, look: str) -> Element:
        """What lies between two lines."""
        known = [(i, a, b) for i, (a, b) in enumerate(zip(low, high, strict=True)) if a is not None and b is not None]
        up = "L".join(self._at(i, b) for i, _, b in known)
        down = "L".join(self._at(i, a) for i, a, _ in reversed(known))
        return element("path", class_=f"fill {look}", d=f"M{up}L{down}Z" if known else "")

    def level(self, at: float, name: str) -> tuple[Element, Element]:
        """A line across, with its name."""
        y = self._y(at)
        return (
            element("line", class_="level", x1=_LEFT, x2=_WIDE - _LEFT, y1=f"{y:.1f}", y2=f"{y:.1f}"),
            element("text", name, class_="level-name", x=_LEFT + 6, y=f"{y - 6:.1f}"),
        )

    def whole(self, words: str, drawn: Sequence[Element], legend: Sequence[tuple[str, str]], scale: str) -> Element:
        """The picture with its legend; `words` say what it shows."""
        ends = [
            element("text", f"{datetime.fromtimestamp(time, UTC):%H:%M:%S}", x=x, y=_TALL - 5, text_anchor=anchor)
            for time, x, anchor in self._ends()
        ]
        rule = element("line", class_="rule", x1=_LEFT, x2=_WIDE - _LEFT, y1=_BOTTOM, y2=_BOTTOM)
        top = element("text", scale, x=_WIDE - _LEFT, y=_TOP - 6, text_anchor="end")
        picture = element(
            "svg", rule, drawn, ends, top, viewBox=f"0 0 {_WIDE:g} {_TALL:g}", role="img", aria_label=words
        )
        names = [
            element("li", element("span", class_=f"swatch block {look}", aria_hidden="true"), name)
            for look, name in legend
        ]
        return element("div", element("ul", names, class_="legend"), picture, class_="plot still")

    def _ends(self) -> list[tuple[float, float, str]]:
        if not self._times:
            return []
        return [(self._times[0], _LEFT, "start"), (self._times[-1], _WIDE - _LEFT, "end")]

    def _at(self, i: int, value: float) -> str:
        x = _LEFT + (_WIDE - 2 * _LEFT) * (self._times[i] - self._times[0]) / self._span
        return f"{x:.1f} {self._y(value):.1f}"

    def _y(self, value: float) -> float:
        part = (min(max(value, self._low), self._high) - self._low) / max(self._high - self._low, 1e-9)
        return _BOTTOM - (_BOTTOM - _TOP) * part
