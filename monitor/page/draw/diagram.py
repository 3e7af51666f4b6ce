"""The breaker's states as a picture, the one that holds lit, and the ranks of confidence that pass under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monitor.page.draw.basics import TONES, plain, share
from monitor.page.html import Element, Node, element
from monitor.page.notes import Step
from monitor.page.picture import Version

__all__ = ["bar", "diagram"]

_NODES: Final = {
    "closed": (60, 96, "CLOSED"),
    "degraded": (200, 26, "DEGRADED"),
    "open": (340, 96, "OPEN"),
    "half_open": (200, 166, "HALF-OPEN"),
    "forced_closed": (60, 200, "HELD CLOSED"),
    "forced_open": (340, 200, "HELD OPEN"),
}
_EDGES: Final = {
    "closed degraded": "M70 76Q82 42 142 30",
    "degraded closed": "M142 18Q56 22 50 76",
    "degraded open": "M258 26Q318 34 334 76",
    "closed open": "M114 96H286",
    "open half_open": "M346 116Q340 156 258 168",
    "half_open open": "M258 158Q302 150 322 116",
    "half_open closed": "M142 168Q66 158 56 116",
    "half_open degraded": "M200 146V46",
}


def diagram(version: Version, steps: Sequence[Step]) -> Element:
    """All states and the ways between them; the last way that was taken stands out."""
    last = next((each for each in steps if each.version == version.version and not each.segment), None)
    took = "" if last is None else f"{last.before} {last.after}"
    edges = [
        element(
            "path",
            class_=f"edge {'took' if name == took else ''}".strip(),
            d=d,
            marker_end="url(#tip-took)" if name == took else "url(#tip)",
        )
        for name, d in _EDGES.items()
    ]
    name = f" of version {version.version}" if version.version else ""
    deep = 216 if version.state.startswith("forced") else 190
    return element(
        "svg",
        element("defs", _arrow("tip", ""), _arrow("tip-took", "took")),
        edges,
        [_node(state, version) for state in _NODES],
        viewBox=f"0 0 400 {deep}",
        role="img",
        aria_label=f"Breaker{name}: {plain(version.state)}",
        data_state=version.state,
    )


def _arrow(name: str, look: str) -> Element:
    head = element("path", class_=f"tip {look}".strip(), d="M0 0L8 4L0 8Z")
    return element(
        "marker",
        head,
        id=name,
        viewBox="0 0 8 8",
        refX=7,
        refY=4,
        markerWidth=7,
        markerHeight=7,
        orient="auto",
        markerUnits="userSpaceOnUse",
    )


def _node(state: str, version: Version) -> Element | None:
    x, y, name = _NODES[state]
    lit = state == version.state and version.health != "blind"
    held = state.startswith("forced")
    if held and not lit:
        return None
    wide, tall = (92, 26) if held else (112, 38)

    def box(grow: int, look: str | None = None) -> Element:
        return element(
            "rect",
            x=x - wide / 2 - grow,
            y=y - tall / 2 - grow,
            width=wide + 2 * grow,
            height=tall + 2 * grow,
            rx=tall / 2 + grow,
            class_=look,
        )

    look = " ".join(["node", *(["lit"] if lit else []), *(["held"] if held else [])])
    inside = (box(4, "halo"), box(0), element("text", name, x=x, y=y + 4.5))
    return element("g", inside, class_=look, data_tone=TONES[state], data_node=state)


def bar(version: Version) -> list[Node]:
    """Which ranks of confidence pass: the threshold, what suspicion adds, and from where answers are certified."""
    least = version.threshold + version.suspicion
    shut = version.state in ("open", "forced_open")
    name = "Nothing passes; once closed, confidence ranks" if shut else "Confidence ranks that pass"
    notes = [
        f"suspicion adds {version.suspicion:.2f}" if version.suspicion > 0 else "",
        f"certified from {version.certified_from:.2f}" if version.certified_from <= 1 else "",
        f"ramp: {share(version.ramp, 0)} of requests" if version.ramp < 1 else "",
    ]
    return [
        element(
            "p",
            element("span", name),
            element("b", "none yet" if least > 1 else f"from {least:.2f}"),
            class_="gate-name",
        ),
        _gate(version.threshold, least, version.certified_from, shut=shut),
        element(
            "p",
            element("span", "0, least sure"),
            element("span", " \N{MIDDLE DOT} ".join(filter(None, notes))),
            element("span", "1, surest"),
            class_="gate-ends",
        ),
    ]


def _gate(threshold: float, least: float, certified: float, *, shut: bool) -> Element:
    start, end = (100 * min(max(rank, 0.0), 1.0) for rank in (threshold, least))

    def piece(look: str, x: float, width: float) -> Element:
        return element("rect", class_=look, x=f"{x:.2f}", width=f"{width:.2f}", height=14)

    return element(
        "svg",
        piece("all", 0, 100),
        piece("doubt", start, end - start),
        piece("shut" if shut else "pass", end, 100 - end),
        piece("sure", 100 * certified, 0.6) if certified <= 1 else None,
        class_="gate-bar",
        viewBox="0 0 100 14",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
