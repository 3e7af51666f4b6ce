"""What moved: each view with its histogram, reference against then."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.observing import Alarm
from monitor.page.histogram import Histogram
from monitor.page.html import Element, Node, element
from monitor.page.shown import MAX_BINS, cut, is_joint, most_telling
from monitor.report.parts import Run, card, details, moment, percent, table

__all__ = ["moved"]

_FEW = 8
_NAMED = 8
_PLAIN, _JOINT = 8, 4
_WIDTH, _HEIGHT = 1000.0, 300.0


def moved(run: Run) -> Element:
    """The alarms worth a person's while, one for each view, with pictures."""
    alarms = [each for each in run.record.alarms if each.level == "warning"]
    if not alarms:
        return card("What moved", element("p", "No view of the inputs or outputs moved.", class_="hint"))
    first: dict[str, Alarm] = {}
    for each in alarms:
        first.setdefault(each.view, each)
    plain = most_telling([each for each in first.values() if not is_joint(each.view)])[:_PLAIN]
    joint = most_telling([each for each in first.values() if is_joint(each.view)])[: _PLAIN + _JOINT - len(plain)]
    chosen = [*plain, *(joint if not plain else joint[:_JOINT])]
    left = len(first) - len(chosen)
    more = f" {len(chosen)} of {len(first):,} views that moved are shown." if left > 0 else ""
    if any(is_joint(each.view) for each in chosen):
        more += " Projections and the like are sums over all features, and “a with b” is whether both are high or low."
    return card(
        "What moved",
        element("div", [_view(each, others=_leads(chosen, i)) for i, each in enumerate(chosen)], class_="views"),
        hint=f"Shares of the reference, and of the events since the change that the alarm estimates.{more}",
    )


def _leads(alarms: Sequence[Alarm], place: int) -> bool:
    """Whether this is the first with its list of views: alarms that go off together have the same one."""
    return all(set(each.moved) != set(alarms[place].moved) for each in alarms[:place])


def _since(alarm: Alarm) -> str:
    return "" if alarm.since is None else f"; the change most likely came at {moment(alarm.since)}"


def _others(alarm: Alarm) -> str:
    """The other views of the list, those of a single feature first."""
    names = sorted((cut(each) for each in alarm.moved if each != alarm.view), key=is_joint)
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _view(alarm: Alarm, *, others: bool) -> Element:
    before, now = list(alarm.before[:MAX_BINS]), list(alarm.now[:MAX_BINS])
    bins = [cut(str(each)) for each in alarm.bins[:MAX_BINS]]
    whole = len(bins) == len(before) == len(now) > 0
    picture: Node = None
    if whole and len(bins) <= _FEW:
        picture = _rows(bins, before, now)
    elif whole:
        drawn = Histogram(before, now, _WIDTH / len(bins), _HEIGHT, 0.1)
        picture = _columns(bins, drawn, _words(alarm, bins, drawn))
    return element(
        "article",
        element("h3", cut(alarm.view)),
        element("p", cut(alarm.why)),
        element("p", f"alarm at event {alarm.event:,}, {moment(alarm.time)} UTC{_since(alarm)}", class_="hint"),
        element("p", f"For example: {', '.join(cut(each) for each in alarm.examples)}.", class_="hint")
        if alarm.examples
        else None,
        element("p", f"With it stand out: {_others(alarm)}.", class_="hint") if others and _others(alarm) else None,
        picture,
        _numbers(bins, before, now) if whole and len(bins) > _FEW else None,
        class_="view",
    )


def _words(alarm: Alarm, bins: Sequence[str], drawn: Histogram) -> str:
    """What gained most, and what lost most."""
    before, now, (most, least) = drawn.before, drawn.now, drawn.extremes
    return (
        f"Histogram of {cut(alarm.view)}: {bins[most]} went from {percent(before[most])} to {percent(now[most])}, "
        f"{bins[least]} from {percent(before[least])} to {percent(now[least])}."
    )


def _columns(bins: Sequence[str], drawn: Histogram, words: str) -> Element:
    """The picture of many bins."""
    titles = [
        f"{name}: reference {percent(b)}, then {percent(n)}"
        for name, b, n in zip(bins, drawn.before, drawn.now, strict=True)
    ]
    svg = element(
        "svg",
        element("title", words),
        drawn.columns(titles, "fill solid c-warning"),
        drawn.outline("line c-ink outline"),
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=words,
    )
    ends = element(
        "p",
        element("span", bins[0]),
        element("span", f"… {len(bins)} bins …"),
        element("span", bins[-1]),
        class_="ends",
    )
    return element("div", _key(), element("div", svg, class_="histogram"), ends)


def _rows(bins: Sequence[str], before: Sequence[float], now: Sequence[float]) -> Element:
    """Few bins: a row each, with its name and both shares in words; the bars only repeat them."""
    top = max(*before, *now, 1e-9)

    def bar(share: float, look: str) -> Element:
        return element(
            "span", element("span", class_=f"bar {look}", style=f"width:{100 * share / top:.1f}%"), class_="track"
        )

    rows = [
        element(
            "li",
            element("span", name, class_="bin"),
            element("span", f"{percent(b)} → {percent(n)}", class_="n"),
            element("span", bar(b, "was"), bar(n, "is"), class_="both", aria_hidden="true"),
        )
        for name, b, n in zip(bins, before, now, strict=True)
    ]
    return element("div", _key(), element("ul", rows, class_="few"))


def _key() -> Element:
    return element(
        "ul",
        element("li", element("span", class_="swatch solid-line c-ink", aria_hidden="true"), "reference"),
        element("li", element("span", class_="swatch block solid c-warning", aria_hidden="true"), "then"),
        class_="legend",
    )


def _numbers(bins: Sequence[str], before: Sequence[float], now: Sequence[float]) -> Element:
    rows = [(name, percent(b, 2), percent(n, 2)) for name, b, n in zip(bins, before, now, strict=True)]
    return details("The same in numbers", table("Shares by bin", ("bin", "reference", "then"), rows, numbers=(1, 2)))
