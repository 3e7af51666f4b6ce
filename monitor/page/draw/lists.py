"""Figures, routes, the queue of people, history, decisions and counts."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.page.draw.basics import NAMES, NOTHING, SHORT, TONES, age, count, empty, moment, plain, share, table
from monitor.page.html import Element, Node, element
from monitor.page.notes import Answerer, Decision, QueueNote, Reason, Step
from monitor.page.picture import Rate, Status
from monitor.page.words import chosen

__all__ = ["answerers", "counts", "decisions", "figures", "history", "queue", "reasons"]


def figures(status: Status) -> list[Node]:
    """The four numbers on top."""
    ok, alone, got = status.accepted_lately, status.alone_lately, status.answered_lately
    over = ok.low is not None and ok.low > status.max_error
    pages = status.counts.pages
    promise = f"Accepted answers that were wrong (promise: at most {chosen(status.max_error)})"
    return [
        _figure(promise, share(ok.rate), _range(ok, status.accepted), over=over),
        _figure("The model alone, always answering, would be wrong", share(alone.rate), _range(alone, status.alone)),
        _figure("Callers got wrong answers, whoever gave them", share(got.rate), _range(got, status.answered)),
        _figure(
            "Requests that the model answered",
            share(status.shares.model, 0) if status.shares.n else NOTHING,
            f"of the last {count(status.shares.n)}; {count(pages)} page{'' if pages == 1 else 's'} sent so far",
        ),
    ]


def _figure(name: str, big: str, small: str, *, over: bool = False) -> Element:
    above = " \N{MIDDLE DOT} above the promise" if over else ""
    return element(
        "div",
        element("dt", name),
        element("dd", big, class_="big over" if over else "big"),
        element("dd", small + above, class_="small"),
    )


def _range(lately: Rate, ever: Rate) -> str:
    if lately.rate is not None:
        return f"{share(lately.low)} to {share(lately.high)}, of {count(lately.n)} known"
    return "no outcome known yet" if ever.rate is None else f"none lately; {share(ever.rate)} since the start"


def reasons(found: Sequence[Reason]) -> Node:
    """Why the last requests were routed so."""
    whole = sum(each.n for each in found)
    if whole == 0:
        return element("li", "No requests so far.", class_="empty")
    return [_bar(plain(each.reason), NAMES.get(each.route, each.route), each.route, each.n / whole) for each in found]


def answerers(found: Sequence[Answerer]) -> Node:
    """Who answered the last requests, by name."""
    whole = sum(each.n for each in found)
    if whole == 0:
        return element("li", "No requests so far.", class_="empty")
    waits = {"human": "asked, may still answer", "refuse": "nobody"}
    return [
        _bar(each.name or waits.get(each.route, NOTHING), NAMES.get(each.route, each.route), each.route, each.n / whole)
        for each in found
    ]


def _bar(name: str, to: str, route: str, part: float) -> Element:
    bar = element("rect", class_="fill", width=f"{100 * part:.2f}", height=6)
    picture = element(
        "svg", bar, class_=f"c-{route}", viewBox="0 0 100 6", preserveAspectRatio="none", aria_hidden="true"
    )
    where = element("span", f" \N{RIGHTWARDS ARROW} {to}", class_="to")
    return element("li", element("span", name, where, class_="name"), element("span", share(part)), picture)


def queue(note: QueueNote | None) -> Node:
    """How the queue of people stands: its depth, its oldest, its budget, and what became of the rest."""
    if note is None:
        return empty("Nothing is known of a queue here.")
    full = min(note.depth / max(note.limit, 1), 1.0)
    look = "c-bad" if full >= 0.9 else "c-watch" if full >= 0.5 else "c-human"
    fill = element("rect", class_="fill", width=f"{100 * full:.2f}", height=6)
    depth = element("svg", fill, class_=look, viewBox="0 0 100 6", preserveAspectRatio="none", aria_hidden="true")
    rows = (
        ("oldest", _oldest(note)),
        ("budget left", _budget(note)),
        ("offered", count(note.offered)),
        ("answered", count(note.answered)),
        ("shed to others", count(note.shed)),
        ("expired", count(note.expired)),
    )
    return [
        element(
            "p",
            element("b", count(note.depth), class_="big"),
            f" wait for a person, of {count(note.limit)} at most",
            class_="waiting",
        ),
        element("div", depth, class_="meter"),
        element("dl", [_counted(*row) for row in rows], class_="counts"),
    ]


def _oldest(note: QueueNote) -> str:
    if note.depth == 0:
        return "nobody waits"
    return age(note.oldest) + ("" if note.longest is None else f" of {age(note.longest)}")


def _budget(note: QueueNote) -> str:
    if note.budget is None:
        return "none set"
    return f"{note.budget:,.0f}, {count(note.per_hour or 0)} an hour"


def _counted(name: str, text: str) -> Element:
    return element("div", element("dt", name), element("dd", text))


def history(steps: Sequence[Step], now: float) -> Node:
    """Steps of the breakers, the newest first."""
    if not steps:
        return empty("No transition so far.")
    several = len({each.version for each in steps}) > 1
    rows: list[tuple[Node, ...]] = [
        (
            moment(each.time, now),
            [
                f"{_state(each.before)} \N{RIGHTWARDS ARROW} ",
                element("b", _state(each.after), class_=f"c-{TONES.get(each.after, 'unknown')}"),
            ],
            [plain(each.reason), element("span", f" \N{MIDDLE DOT} version {each.version}", class_="hint")]
            if several
            else plain(each.reason),
        )
        for each in steps
    ]
    return table(("Time", "Step", "Why"), rows, "Steps of the breakers")


def _state(state: str) -> str:
    return SHORT.get(state, plain(state))


def decisions(found: Sequence[Decision], now: float) -> Node:
    """The last ones."""
    if not found:
        return empty("None so far.")
    rows = [
        (
            element("span", moment(each.time, now), title=each.id),
            element("span", NAMES.get(each.route, each.route), class_=f"who c-{each.route}"),
            plain(each.reason),
            NOTHING if each.answer is None else each.answer,
            NOTHING if each.confidence is None else f"{each.confidence:.2f}",
        )
        for each in found
    ]
    return table(("Time", "Answered by", "Why", "~Answer", "#Rank"), rows, "Last decisions")


def counts(status: Status) -> list[Node]:
    """All that is counted since the process began."""
    found = status.counts
    rows = [
        ("predictions decided", found.events),
        ("outcomes joined", found.joined),
        ("outcomes without prediction", found.unmatched),
        ("outcomes that expired", found.expired),
        ("repeated ids", found.duplicates),
        ("time running backwards", found.backwards),
        ("missing features", found.features_missing),
        ("unknown features", found.features_new),
        ("of other models", found.skipped),
        ("pages sent", found.pages),
        ("pages not sent", found.pages_failed),
        *((f"alarms: {'harm' if level == 'page' else level}", n) for level, n in found.alarms.items()),
        *((f"dead letters: {plain(reason)}", n) for reason, n in found.dead_letters.items()),
    ]
    told = [_counted(name, count(n)) for name, n in rows]
    if (last := status.patched) is not None:
        told.append(_counted(f"last episode, from its first {last.first} to its end ({last.how})", age(last.seconds)))
    return list(told)
