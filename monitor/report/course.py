"""The course of events: the breaker's states as a strip, alarms and pages on it, and both as tables."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.observing import Alarm
from monitor.page.html import Element, Node, element
from monitor.report.parts import NOTHING, Run, card, details, place, stream_axis, table
from monitor.report.plot import Axis, x_words

__all__ = ["course", "shades", "spans"]

_VERSIONS = 8
_ROWS = 60
_STATES = {
    "closed": "closed: the model answers what it is sure of",
    "degraded": "degraded: only what it is surest of",
    "half_open": "half-open: tried again on probes",
    "open": "open: the model answers nothing",
    "forced_open": "held open by an operator",
    "forced_closed": "held closed by an operator",
}


def spans(run: Run, version: str) -> list[tuple[float, float, str]]:
    """(from, to, state) along the stream; a breaker begins closed."""
    found, start, state = [], 0.0, "closed"
    for step in run.record.steps:
        if step.version == version:
            found.append((start, float(step.event), state))
            start, state = float(step.event), step.after.lower()
    return [each for each in [*found, (start, run.steps, state)] if each[1] > each[0]]


def shades(run: Run) -> list[tuple[float, float, str]]:
    """Where the breaker of the only version was not closed; nothing where there are several."""
    versions = _versions(run)
    if len(versions) != 1:
        return []
    return [each for each in spans(run, versions[0]) if each[2] not in {"closed", "forced_closed"}]


def course(run: Run) -> Element:
    """The strip, its legend, and the tables."""
    axis = stream_axis(run)
    versions = _versions(run)
    lanes: list[Node] = []
    for version in versions[:_VERSIONS]:
        name = f"breaker of version {version}" if len(versions) > 1 else "breaker"
        lanes.append(_lane(name, [_block(axis, *each) for each in spans(run, version)], _told(run, version)))
    for level, name in (("warning", "warnings"), ("page", "harm")):
        events = [alarm.event for alarm in run.record.alarms if alarm.level == level]
        lanes.append(_lane(name, _marks(axis, events, level), f"{len(events):,} {name}"))
    paged = [event for event, _ in run.record.pages]
    lanes.append(_lane("pages", _marks(axis, paged, "paged"), f"{len(paged):,} pages went out"))
    words = element("div", x_words(axis), class_="x-words", aria_hidden="true")
    seen = {state for version in versions for _, _, state in spans(run, version)}
    legend = [
        element("li", element("span", class_=f"swatch block solid s-{state}", aria_hidden="true"), text)
        for state, text in _STATES.items()
        if state in seen
    ]
    return card(
        "What happened when",
        element("ul", legend, class_="legend"),
        element("div", lanes, element("div", words, class_="lane-words"), class_="lanes"),
        _steps(run),
        _alarms(run.record.alarms),
        hint="Along the stream, by the number of the event. A warning is a change of the inputs or outputs and wakes "
        "nobody; harm is a rate of errors or missed coverage above what is tolerated.",
    )


def _versions(run: Run) -> list[str]:
    return list(dict.fromkeys([*run.record.versions, *(step.version for step in run.record.steps)])) or [""]


def _lane(name: str, inside: Sequence[Node], words: str) -> Element:
    bar = element("div", inside, class_="lane", role="img", aria_label=f"{name}: {words}")
    return element("div", element("span", name, class_="lane-name"), bar, class_="lane-row")


def _block(axis: Axis, start: float, end: float, state: str) -> Element:
    left, right = 100 * axis.share(start), 100 * axis.share(end)
    where = f"left:{left:.2f}%;width:{max(right - left, 0.3):.2f}%"
    return element("span", class_=f"span solid s-{state}", style=where, title=f"{state}, {start:,.0f} to {end:,.0f}")


def _marks(axis: Axis, events: Sequence[int], look: str) -> list[Node]:
    places = sorted({round(200 * axis.share(event)) for event in events})
    return [element("span", class_=f"flag f-{look}", style=f"left:{each / 2:.1f}%") for each in places]


def _told(run: Run, version: str) -> str:
    return "; ".join(f"{state} from event {start:,.0f}" for start, _, state in spans(run, version)[:_ROWS])


def _shown(state: str) -> str:
    """A state as the legend has it."""
    return state.lower().replace("_", "-")


def _steps(run: Run) -> Element | None:
    steps = run.record.steps
    if not steps:
        return element("p", "The breaker stayed closed.", class_="hint")
    rows = [
        (
            place(step.event, step.time),
            f"{_shown(step.before)} → {_shown(step.after)}",
            step.words,
            step.version or NOTHING,
        )
        for step in steps[:_ROWS]
    ]
    shown = table(
        "Steps of the breaker", ("event (time, UTC)", "step", "reason", "version"), rows, shown=True, stacked=True
    )
    left = len(steps) - len(rows)
    return element("div", shown, element("p", f"and {left:,} more", class_="hint") if left > 0 else None)


def _alarms(alarms: Sequence[Alarm]) -> Element | None:
    if not alarms:
        return element("p", "No alarm went off.", class_="hint")
    rows = [
        (place(each.event, each.time), "harm" if each.level == "page" else each.level, each.view, each.why)
        for each in alarms[:_ROWS]
    ]
    left = len(alarms) - len(rows)
    return details(
        f"All alarms in words ({len(alarms):,})",
        table("Alarms", ("event (time, UTC)", "level", "view", "why"), rows, stacked=True),
        element("p", f"and {left:,} more; the ledger has them all", class_="hint") if left > 0 else None,
    )
