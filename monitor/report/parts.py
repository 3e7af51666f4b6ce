"""What the sections share: a run, cards, tables, figures and how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.config import Config
from monitor.page.html import Element, Node, element
from monitor.report.plot import Axis, number_axis
from monitor.report.recorder import Recorder

__all__ = ["NOTHING", "Run", "card", "details", "moment", "number", "percent", "place", "stream_axis", "table"]


_LONG = 16
NOTHING = "\u2013"
"""What stands where there is no number."""


@dataclass(frozen=True, slots=True)
class Run:
    """A backtest that is told of: under which configuration, what came of it, what was recorded on the way."""

    config: Config
    result: dict[str, Any]
    record: Recorder
    change: str = ""
    """What was changed, `promise.max_error=1%`; empty as the configuration is."""

    @property
    def steps(self) -> float:
        """Where the stream ends."""
        return float(max(self.record.events, 1))


def card(title: str, *children: Node, hint: Node = None, wide: bool = True) -> Element:
    """A section with its heading."""
    return element(
        "section",
        element("h2", title),
        element("p", hint, class_="hint") if hint else None,
        children,
        class_="card wide" if wide else "card",
    )


def table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[Node]],
    *,
    shown: bool = False,
    numbers: Sequence[int] = (),
    stacked: bool = False,
) -> Element:
    """A table with its caption; the first column names the row, those of `numbers` are set to the right.

    `stacked` puts the cells of a row below each other on a phone: right where they are sentences.
    """

    def cell(place: int, value: Node) -> Element:
        if place == 0:
            return element("th", value, scope="row")
        head = heads[place] if stacked else None
        return element("td", value, class_="n" if place in numbers else None, data_head=head)

    head = [element("th", each, scope="col", class_="n" if i in numbers else None) for i, each in enumerate(heads)]
    body = [element("tr", [cell(i, value) for i, value in enumerate(row)]) for row in rows]
    whole = element(
        "table",
        element("caption", caption, class_=None if shown else "unseen"),
        element("thead", element("tr", head)),
        element("tbody", body),
        class_="stacked" if stacked else None,
    )
    look = "scroll long" if len(rows) > _LONG else "scroll"
    return element("div", whole, class_=look, tabindex="0", role="region", aria_label=caption)


def details(summary: str, *children: Node) -> Element:
    """What is folded away until somebody asks."""
    return element("details", element("summary", summary), children)


def percent(share: float | None, digits: int = 1) -> str:
    """A measured share, `3.1 %`; a dash where there is none."""
    return NOTHING if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f}\u202f%"


def number(value: float | None) -> str:
    """A count."""
    return NOTHING if value is None else f"{value:,.0f}"


def moment(time: float) -> str:
    """A time in UTC, to the second."""
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return NOTHING


def place(event: int, time: float) -> str:
    """Where in the stream."""
    return f"{event:,} ({moment(time)})"


def stream_axis(run: Run) -> Axis:
    """The stream from its first event to its last; under each place its date."""
    axis = number_axis(0.0, run.steps)
    found = run.record.timeline.stretches(run.record.events)
    times = found.tops[:, 2]
    span = run.record.last_time - run.record.first_time
    ticks = []
    for at, text in axis.ticks:
        if at > run.steps * 1.001:
            continue
        after = [float(t) for start, t in zip(found.starts, times, strict=True) if start >= at and math.isfinite(t)]
        time = after[0] if after else run.record.last_time
        ticks.append((at, f"{text}\n{_short(time, span)}" if math.isfinite(time) else text))
    return Axis(0.0, run.steps, tuple(ticks))


def _short(time: float, span: float) -> str:
    """As much of a time as tells places apart."""
    try:
        at = datetime.fromtimestamp(time, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return f"{at:%Y-%m-%d}" if span > 3 * 86400 else f"{at:%m-%d}\n{at:%H:%M}" if span > 7200 else f"{at:%H:%M:%S}"
