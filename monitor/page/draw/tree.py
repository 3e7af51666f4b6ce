"""The tree of breakers: versions, and their groups; why each stands so, what would close it, who overrules it."""

from __future__ import annotations

import re
from typing import Final

from monitor.events.times import parse_time
from monitor.page.draw.basics import (
    NOTHING,
    SHORT,
    TONES,
    age,
    badge,
    coded,
    count,
    empty,
    hint,
    moment,
    plain,
    share,
)
from monitor.page.html import Element, Node, element
from monitor.page.notes import CanaryNote
from monitor.page.picture import Status, Version
from monitor.page.segments import Between, Cause, GapNote, OverrideNote, SegmentNote

__all__ = ["canary", "gaps", "tree"]

_CALM: Final = ("closed", "")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_ORDERS: Final = {
    "open": "Hold open",
    "close": "Hold closed",
    "auto": "Release",
    "accept": "Accept the change",
}


def tree(status: Status) -> Node:
    """All of it; groups that are worst off come first, of very many only these."""
    if not status.versions:
        return empty("No verdict yet.")
    return [
        element("ul", [_version(status, each) for each in status.versions], class_="tree"),
        hint("Another replica is the judge. What it counts of each group is on its page.")
        if status.judging is False and (status.segments or status.segments_left)
        else None,
    ]


def _version(status: Status, version: Version) -> Element:
    blind = version.health == "blind"
    name = f"Version {version.version}" if version.version else "The model"
    facts = [
        badge({"fresh": "good", "stale": "watch"}.get(version.health, "bad"), _told(version)),
        badge("", f"guarantee: {version.guarantee}"),
        badge("", f"epoch {version.epoch}"),
    ]
    cause = Cause(version.since, version.reason, version.waits_for, version.override)
    doubt = f"the last verdict, {plain(version.state)}, is too old to be relied on" if blind else ""
    return element(
        "li",
        element(
            "div",
            _head(name, "unknown" if blind else version.state, version.since, status.now),
            _acts(name, version.state, cause.override, version.version, "") if status.operable else None,
            class_="twig-top",
        ),
        element("div", facts, class_="badges"),
        _why(version.state, cause, version.would_have, status.now, doubt),
        _groups(status, version.version),
        class_="twig",
        data_key=f"version {version.version}",
        data_tone="unknown" if blind else TONES.get(version.state, "unknown"),
    )


def _told(version: Version) -> str:
    return f"{version.health}, verdict {age(version.age)} old"


def _groups(status: Status, version: str) -> Element | None:
    """Those of one version."""
    listed = [each for each in status.segments if each.version == version]
    left = status.segments_left.get(version, {})
    rows: list[Node] = [_group(status, each) for each in listed]
    if left:
        states = ", ".join(f"{count(n)} {SHORT.get(state, plain(state))}" for state, n in sorted(left.items()))
        more = coded(
            f"and {count(sum(left.values()))} more: {states}; `holdback breaker status` lists those not closed"
        )
        rows.append(element("li", more, class_="hint more", data_key="more"))
    return element("ul", rows) if rows else None


def _group(status: Status, note: SegmentNote) -> Element:
    cause = note.cause
    return element(
        "li",
        element(
            "div",
            _head(note.segment, note.state, cause.since if note.state != "closed" else None, status.now),
            _acts(note.segment, note.state, cause.override, note.version, note.segment) if status.operable else None,
            class_="twig-top",
        ),
        _numbers(note),
        _why(note.state, cause, "", status.now) if (note.state, cause.waits_for) != _CALM else None,
        class_="twig group",
        data_key=f"{note.version} {note.segment}",
        data_tone=TONES.get(note.state, "unknown"),
    )


def _head(name: str, state: str, since: float | None, now: float) -> Element:
    return element(
        "p",
        badge(TONES.get(state, "unknown"), SHORT.get(state, plain(state))),
        element("b", name),
        element("span", f"since {moment(since, now)} UTC", class_="hint") if since is not None else None,
        class_="twig-name",
    )


def _numbers(note: SegmentNote) -> Element | None:
    if note.n == 0:
        return None if note.state != "closed" else hint("no request counted yet")
    told = [
        f"{count(note.n)} requests",
        _rate("wrong of what passed", note.error),
        _rate("covered", note.coverage),
        _rate("answered by the model", note.acceptance),
        f"bar +{note.offset:.2f}" if note.followed else "bar of the version",
    ]
    return element("ul", [element("li", each) for each in told if each], class_="facts")


def _rate(what: str, found: Between) -> list[Node] | None:
    if found.rate is None:
        return [element("b", NOTHING), f" {what}"]
    within = f" ({share(found.low)} to {share(found.high)})"
    return [element("b", share(found.rate)), f" {what}", element("span", within, class_="hint")]


def _why(state: str, cause: Cause, would_have: str, now: float, doubt: str = "") -> Element | None:
    held = cause.override
    without = plain(would_have) if held is not None and would_have and would_have != state else ""
    rows = (
        ("In doubt", _sentence(doubt)),
        ("Held by", "" if held is None else f"{held.actor}, until {moment(held.until, now)} UTC: {held.reason}"),
        ("Why", _sentence(plain(cause.reason))),
        ("Without that", _sentence(without)),
    )
    told = [element("div", element("dt", name), element("dd", words)) for name, words in rows if words]
    if cause.waits_for:
        # only this is our own text: what somebody else wrote has no code in it
        sentence = _MOMENT.sub(lambda found: f"{moment(parse_time(found.group()), now)} UTC", cause.waits_for)
        told.append(element("div", element("dt", "What would close it"), element("dd", coded(_sentence(sentence)))))
    return element("dl", told, class_="why") if told else None


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}".rstrip(".") + "." if words else ""


def _acts(name: str, state: str, held: OverrideNote | None, version: str, segment: str) -> Element:
    """Buttons for what can be ordered now; without a script they are not shown, as they would do nothing."""
    orders = ["open", "close"] if held is None else []
    if held is not None or state != "closed":
        orders.append("auto")
    if state != "closed" and not segment:
        orders.append("accept")
    buttons = [
        element(
            "button",
            f"{_ORDERS[order]}\N{HORIZONTAL ELLIPSIS}",
            type="button",
            class_="act",
            aria_label=f"{_ORDERS[order]}: {name}",
            data_order=order,
            data_version=version,
            data_segment=segment,
        )
        for order in orders
    ]
    return element("p", buttons, class_="acts")


def canary(note: CanaryNote | None, now: float) -> Node:
    """What is known of a candidate beside its baseline."""
    if note is None:
        return None
    tone = {"safe": "good", "worse": "bad"}.get(note.verdict, "unknown")
    words = f" {note.why}; {count(note.compared)} labels compared, {moment(note.time, now)} UTC."
    return element("p", badge(tone, f"canary: {note.verdict}"), words, class_="because")


def gaps(notes: list[GapNote]) -> Node:
    """The greatest differences between groups of one name."""
    if not notes:
        return None
    rows = [
        element(
            "li",
            element("b", each.name),
            [_gap(what, found) for what, found in _kinds(each) if found.rate is not None],
        )
        for each in notes
    ]
    return [
        hint("Greatest difference between two groups of a name, with its 95 % band:"),
        element("ul", rows, class_="gaps"),
    ]


def _gap(what: str, found: Between) -> Element:
    within = f" ({share(found.low)} to {share(found.high)})"
    return element("span", f"{what} {share(found.rate)}", element("span", within, class_="hint"))


def _kinds(note: GapNote) -> tuple[tuple[str, Between], ...]:
    return ("in errors", note.error), ("in coverage", note.coverage), ("in answers", note.acceptance)
