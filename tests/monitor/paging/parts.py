"""A trip, its page, and a pager over a receiver of the test's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from monitor.observing import Observation, Trip
from monitor.paging.outbox import Patience
from monitor.paging.page import Kind, Links, Page, page_of
from monitor.paging.pager import Pager

__all__ = ["HASTY", "KEY", "LINKS", "TRIP", "Paging", "T", "page", "secret"]

KEY = "0123456789abcdef0123456789abcdef"
LINKS = Links("https://holdback.test/m", "https://docs.test/runbooks/")
HASTY = Patience(attempts=3, first=0.01, longest=0.02)
T = 1_767_225_600.0
TRIP = Trip(
    version="1",
    epoch=3,
    step=4,
    since=T,
    state="degraded",
    cause="harm",
    why="error: 31 errors in the last 80 labels (38.8 %), at most 5.6 % were to be expected; odds 10^6 to 1",
    moved="age above 61: 5.0 % of the reference, 18 % of the last 4,000 events; odds 10^9 to 1",
    harm=True,
    paged=True,
)


def page(kind: Kind = Kind.PAGE, **changes: Any) -> Page:
    """What there is to say of the trip."""
    return replace(page_of(kind, "m", TRIP, LINKS, T + 5), **changes)


def secret(folder: Path, text: str = KEY) -> str:
    """A file with a secret."""
    path = folder / "secret"
    path.write_text(text + "\n")
    return str(path)


class Paging:
    """A pager on a clock of the test's own, and what it says of pages that were lost."""

    def __init__(self, *senders: Any, patience: Patience = HASTY) -> None:
        self.now = T + 5
        self.lost: list[Observation] = []
        self.pager = Pager("m", senders, self.lost.append, LINKS, patience, clock=lambda: self.now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pager.close(10.0)
