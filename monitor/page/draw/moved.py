"""What moved: harm in words, and each view with its histogram, the reference against now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from monitor.page.draw.basics import badge, count, empty, hint, moment, odds, share, table
from monitor.page.histogram import Histogram
from monitor.page.html import Element, Node, element
from monitor.page.notes import AlarmNote
from monitor.page.picture import Status
from monitor.page.shown import is_joint

__all__ = ["moved"]

_ODDS: Final = re.compile(r"; odds 10\^-?\d+ to 1$")
_TOLD: Final = 6
"""Bins that are told in numbers: those that changed most."""
_TALL: Final = 70.0
_UNFOLDED: Final = 6
"""Views that are shown at once: two rows of a screen."""


def moved(status: Status) -> Node:
    """Alarms since the breaker last closed; what was before is folded away."""
    if not status.alarms:
        return empty("Nothing has moved so far.")
    closed: dict[str, float] = {}
    for step in status.steps:
        if step.after == "closed" and not step.segment:
            closed.setdefault(step.version, step.time)
    new = [each for each in status.alarms if each.time > closed.get(each.version, float("-inf"))]
    old = [each for each in status.alarms if each.time <= closed.get(each.version, float("-inf"))]
    several = len({each.version for each in status.alarms}) > 1
    left = sum(n for level, n in status.counts.alarms.items() if level != "epoch") - len(status.alarms)
    more = f"The most telling of each kind are shown; {count(left)} more alarms are in the ledger." if left > 0 else ""
    return [
        _together(new, status.now, several=several)
        if new
        else empty("Nothing has moved since the breaker last closed."),
        element(
            "details",
            element("summary", f"Before the breaker last closed: {count(len(old))}"),
            _together(old, status.now, several=several),
            class_="fold",
        )
        if old
        else None,
        hint(more) if more else None,
    ]


def _together(alarms: Sequence[AlarmNote], now: float, *, several: bool) -> list[Node]:
    harms = [_harm(each, now, several=several) for each in alarms if not each.before]
    chosen = sorted((each for each in alarms if each.before), key=lambda each: is_joint(each.view))
    views = [_view(each, now, several=several) for each in chosen]
    rest = views[_UNFOLDED:]
    return [
        element("ul", harms, class_="harms") if harms else None,
        element("div", views[:_UNFOLDED], class_="views") if views else None,
        element(
            "details",
            element("summary", f"{count(len(rest))} more views that moved"),
            element("div", rest, class_="views"),
            class_="fold",
        )
        if rest
        else None,
    ]


def _harm(alarm: AlarmNote, now: float, *, several: bool) -> Element:
    """A rate that is too high; there is no histogram of it."""
    return element(
        "li",
        element("p", _level(alarm), element("b", _name(alarm, several=several)), class_="twig-name"),
        element("p", _said(alarm)),
        _when(alarm, now),
    )


def _view(alarm: AlarmNote, now: float, *, several: bool) -> Element:
    return element(
        "article",
        element("p", _level(alarm), class_="badges"),
        element("h3", _name(alarm, several=several)),
        element("p", _said(alarm)),
        _when(alarm, now),
        hint(f"For example: {', '.join(alarm.examples)}.") if alarm.examples else None,
        _histogram(alarm),
        class_="moved",
    )


def _level(alarm: AlarmNote) -> Element:
    tone, word = {"page": ("bad", "harm"), "warning": ("watch", "warning")}.get(alarm.level, ("unknown", alarm.level))
    return badge(tone, word)


def _name(alarm: AlarmNote, *, several: bool) -> str:
    where = f", {alarm.segment}" if alarm.segment and alarm.segment not in alarm.view else ""
    return f"{alarm.view}{where}" + (f", version {alarm.version}" if several else "")


def _said(alarm: AlarmNote) -> str:
    return f"{_ODDS.sub('', alarm.why)}."


def _when(alarm: AlarmNote, now: float) -> Element:
    since = f"Changed at about {moment(alarm.since, now)}, seen" if alarm.since is not None else "Seen"
    others = f" With it stand out {count(alarm.moved - 1)} other views." if alarm.moved > 1 else ""
    return hint(
        f"{since} at {moment(alarm.time, now)} UTC, event {count(alarm.event)}. "
        f"Odds against \N{LEFT DOUBLE QUOTATION MARK}nothing changed\N{RIGHT DOUBLE QUOTATION MARK}: "
        f"{odds(alarm.log10_evidence)}.{others}"
    )


def _histogram(alarm: AlarmNote) -> list[Node]:
    """The picture, its legend, and in words and numbers what changed most."""
    n = min(len(alarm.before), len(alarm.now))
    before, now = alarm.before[:n], alarm.now[:n]
    bins = [alarm.bins[i] if i < len(alarm.bins) else str(i + 1) for i in range(n)]
    drawn = Histogram(before, now, 1.0, _TALL, 0.12)
    titles = [
        f"{name}: {share(was)} in the reference, {share(is_)} now"
        for name, was, is_ in zip(bins, before, now, strict=True)
    ]
    words = _words(bins, drawn)
    picture = element(
        "svg",
        drawn.columns(titles, "now"),
        drawn.outline("before"),
        element("line", class_="base", x1=0, x2=n, y1=70.5, y2=70.5),
        class_=f"histogram c-{'bad' if alarm.level == 'page' else 'watch'}",
        viewBox=f"0 0 {n} 71",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"Histogram of {alarm.view}, reference against now. {words}",
    )
    legend = [
        element("li", element("span", class_="swatch c-ink", aria_hidden="true"), "reference (line)"),
        element("li", element("span", class_="swatch block c-watch", aria_hidden="true"), "now (columns)"),
    ]
    ends = element("p", element("span", bins[0]), element("span", bins[-1]), class_="ends", aria_hidden="true")
    return [
        picture,
        ends,
        element("ul", legend, class_="legend"),
        element("p", words, class_="most"),
        _numbers(alarm.view, bins, before, now) if n > 2 else None,
    ]


def _words(bins: Sequence[str], drawn: Histogram) -> str:
    """What gained most, and what lost most, if anything did."""
    before, now, (most, least) = drawn.before, drawn.now, drawn.extremes
    told = [
        f"{word} most: {bins[i]}, from {share(before[i])} to {share(now[i])}."
        for word, i, there in (("Gained", most, now[most] > before[most]), ("Lost", least, now[least] < before[least]))
        if there
    ]
    return " ".join(told)


def _numbers(view: str, bins: Sequence[str], before: Sequence[float], now: Sequence[float]) -> Element:
    order = sorted(range(len(bins)), key=lambda i: -abs(now[i] - before[i]))[:_TOLD]
    rows = [(bins[i], share(before[i]), share(now[i])) for i in sorted(order)]
    return element(
        "details",
        element("summary", "In numbers: what changed most"),
        table(("Bin", "#Reference", "#Now"), rows, f"Shares of {view} by bin"),
        class_="fold",
    )
