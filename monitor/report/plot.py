"""Charts along the stream: lines and areas as SVG that fills its box, words as HTML that stays readable on a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.page.html import Element, Node, element
from monitor.report.labels import Label, needed

__all__ = ["Axis", "Band", "Line", "Plot", "draw", "number_axis", "share_axis", "x_words"]

_WIDTH, _HEIGHT = 1000.0, 400.0
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Line:
    """A line through (x, y); NaN breaks it."""

    name: str
    look: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """An area between two lines; with a name it stands in the legend."""

    name: str
    look: str
    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    solid: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """From where to where, and the places that are named."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def share(self, value: float) -> float:
        """How far along a value is, 0 to 1."""
        span = self.high - self.low
        return min(max((value - self.low) / span, 0.0), 1.0) if span > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn: `levels` are (y, name) across it, `shades` (from, to, look) behind it.

    `words` says what the picture shows, for those who do not see it.
    """

    words: str
    x: Axis
    y: Axis
    layers: Sequence[Line | Band]
    levels: Sequence[tuple[float, str]] = ()
    shades: Sequence[tuple[float, float, str]] = field(default=())


def draw(plot: Plot) -> Element:
    """The legend and the chart."""
    legend = [_legend(layer) for layer in plot.layers if layer.name]
    shades = [_shade(plot, *shade) for shade in plot.shades]
    rules = [_rule(plot.y.share(at), "rule") for at, _ in plot.y.ticks]
    levels = [_rule(plot.y.share(at), "level") for at, _ in plot.levels]
    drawn = [_line(plot, each) if isinstance(each, Line) else _band(plot, each) for each in plot.layers]
    svg = element(
        "svg",
        element("title", plot.words),
        shades,
        rules,
        drawn,
        levels,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=plot.words,
    )
    return element("div", element("ul", legend, class_="legend"), _framed(plot, svg), class_="chart")


def _framed(plot: Plot, svg: Element) -> Element:
    """The picture with its words around it; they repeat what the label says, so a screen reader skips them."""
    ys = [element("span", text, class_="y", style=f"bottom:{100 * plot.y.share(at):.2f}%") for at, text in plot.y.ticks]
    names = [
        element("span", name, class_="name", style=f"bottom:{100 * plot.y.share(at):.2f}%") for at, name in plot.levels
    ]
    return element(
        "div",
        svg,
        element("div", ys, names, aria_hidden="true"),
        element("div", x_words(plot.x), class_="x-words", aria_hidden="true"),
        class_="plot",
    )


def x_words(axis: Axis) -> list[Node]:
    """Names of places along the stream; each says how wide the axis has to be for it to show: none touch."""
    labels = [Label(axis.share(at), text) for at, text in axis.ticks]
    words: list[Node] = []
    for label, width in zip(labels, needed(labels), strict=True):
        if math.isfinite(width):
            lines: list[Node] = [element("span", line) for line in label.text.split("\n")]
            style = f"left:{100 * label.share:.2f}%;--room:{width:.1f}em"
            words.append(element("span", lines, class_=f"x {label.side}".strip(), style=style))
    return words


def share_axis(greatest: float, least: float = 0.0) -> Axis:
    """An axis of shares, in percent."""
    axis = number_axis(least, min(max(greatest * 1.08, 0.01), 1.0) if greatest < 1 else 1.0)
    return Axis(axis.low, axis.high, tuple((at, f"{100 * at:.3g}\u202f%") for at, _ in axis.ticks))


def number_axis(least: float, greatest: float, most: int = 5, finest: float = 0.0) -> Axis:
    """An axis with round numbers at least `finest` apart; it begins and ends at one."""
    span = max(greatest - least, 1e-9)
    raw = max(span / most, finest)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(nice * power for nice in _NICE if nice * power >= raw * 0.999)
    low, high = math.floor(least / step + 1e-9) * step, math.ceil(greatest / step - 1e-9) * step
    n = round((high - low) / step)
    places = [low + i * step for i in range(n + 1)]
    return Axis(low, high, tuple((at, f"{at:,.6g}") for at in places))


def _legend(layer: Line | Band) -> Element:
    kind = "block" if isinstance(layer, Band) else "dashes" if layer.dashed else "solid-line"
    soft = " soft" if isinstance(layer, Band) and not layer.solid else ""
    swatch = element("span", class_=f"swatch {kind}{soft} c-{layer.look}", aria_hidden="true")
    return element("li", swatch, layer.name)


def _shade(plot: Plot, start: float, end: float, look: str) -> Element:
    left, right = plot.x.share(start) * _WIDTH, plot.x.share(end) * _WIDTH
    return element(
        "rect",
        x=f"{left:.1f}",
        y="0",
        width=f"{max(right - left, 1.0):.1f}",
        height=f"{_HEIGHT:g}",
        class_=f"shade s-{look}",
    )


def _rule(share: float, look: str) -> Element:
    y = f"{_HEIGHT * (1 - share):.1f}"
    return element("line", x1="0", x2=f"{_WIDTH:g}", y1=y, y2=y, class_=look)


def _line(plot: Plot, layer: Line) -> Element:
    path, pen = "", "M"
    for x, y in zip(layer.x, layer.y, strict=True):
        if not math.isfinite(y):
            pen = "M"
            continue
        path += f"{pen}{_at(plot, x, y)}"
        pen = "L"
    return element("path", d=path, class_=f"line c-{layer.look}{' dashed' if layer.dashed else ''}")


def _band(plot: Plot, layer: Band) -> Element:
    """An area, in as many pieces as its line has: where nothing is known nothing is drawn."""
    path = ""
    piece: list[tuple[float, float, float]] = []
    for x, low, high in [*zip(layer.x, layer.low, layer.high, strict=True), (0.0, math.nan, math.nan)]:
        if math.isfinite(low) and math.isfinite(high):
            piece.append((x, low, high))
            continue
        if piece:
            up = "L".join(_at(plot, x, high) for x, _, high in piece)
            down = "L".join(_at(plot, x, low) for x, low, _ in reversed(piece))
            path += f"M{up}L{down}Z"
        piece = []
    return element("path", d=path, class_=f"fill c-{layer.look}{' solid' if layer.solid else ''}")


def _at(plot: Plot, x: float, y: float) -> str:
    return f"{plot.x.share(x) * _WIDTH:.1f} {(1 - plot.y.share(y)) * _HEIGHT:.1f}"
