"""All parts of the page, by the id of the element that they stand in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from monitor.page.draw import lists
from monitor.page.draw.diagram import bar, diagram
from monitor.page.draw.moved import moved
from monitor.page.draw.tree import canary, gaps, tree
from monitor.page.html import Node, markup
from monitor.page.picture import Status, Version
from monitor.page.words import SEVERITY

__all__ = ["PARTS", "parts", "worst"]

_DRAWN: Final[dict[str, Callable[[Status], Node]]] = {
    "figures": lists.figures,
    "diagram": lambda status: None if (of := worst(status)) is None else diagram(of, status.steps),
    "bar": lambda status: None if (of := worst(status)) is None else bar(of),
    "tree": tree,
    "canary": lambda status: canary(status.canary, status.now),
    "gaps": lambda status: gaps(status.gaps),
    "queue": lambda status: lists.queue(status.queue),
    "reasons": lambda status: lists.reasons(status.reasons),
    "answerers": lambda status: lists.answerers(status.answerers),
    "moved": moved,
    "history": lambda status: lists.history(status.steps, status.now),
    "decisions": lambda status: lists.decisions(status.decisions, status.now),
    "counts": lists.counts,
}
PARTS: Final = tuple(_DRAWN)


def parts(status: Status) -> dict[str, str]:
    """Each part as HTML, every text in it escaped."""
    return {name: markup(draw(status)) for name, draw in _DRAWN.items()}


def worst(status: Status) -> Version | None:
    """The version that is worst off: the one that headline and picture are about."""
    return max(status.versions, key=lambda v: (v.health == "blind", SEVERITY.get(v.state, 9)), default=None)
