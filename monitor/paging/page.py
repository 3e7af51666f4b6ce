"""A page: what it says, and which of them belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from fallback.records import Page as Kind
from monitor.errors import HoldbackError
from monitor.judging.trip_words import RUNBOOKS, did, first, moved, plain
from monitor.observing import Trip

__all__ = ["Kind", "Links", "NotSent", "Page", "Sender", "key_of", "page_of"]

_STATES: Final = {
    "open": "the breaker is open, the model answers nothing",
    "half_open": "the breaker is half-open, the model answers nothing yet",
    "forced_open": "an operator holds the breaker open",
    "forced_closed": "an operator holds the breaker closed",
    "closed": "the breaker is closed",
}
_OPEN: Final = frozenset({"open", "half_open", "forced_open"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a receiver is sent. Pages of one key are one matter: PAGE opens it, WORSE adds to it, RESOLVE closes it.

    Times are epoch seconds, texts one line each; addresses may be empty.
    """

    kind: Kind
    key: str
    model: str
    version: str
    time: float
    since: float
    about: str
    """As the label of the rules: `trip` or `ledger`."""
    state: str
    summary: str
    did: str
    moved: str
    first: str
    page_url: str
    runbook_url: str
    examples: tuple[str, ...] = ()
    """Ids of a few events that fell into the bins that gained."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where the status page is, and the runbooks."""

    page: str | None = None
    runbooks: str | None = None

    def runbook(self, alert: str) -> str:
        """The runbook of an alert."""
        return f"{(self.runbooks or RUNBOOKS).rstrip('/')}/{alert}.md"


class NotSent(HoldbackError):
    """A receiver did not take a page; `again` says whether it may the next time. The message holds no secret."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


class Sender(Protocol):
    """A receiver of pages, reached in one call that may take seconds."""

    name: str
    repeat: float
    """Seconds after which it is told again of a matter that is still open; infinite if it needs no telling."""

    def send(self, page: Page, /) -> None:
        """Hand over a page.

        Raises
        ------
        NotSent
            It was not taken.
        """
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


def key_of(model: str, trip: Trip) -> str:
    """Name the trip: model, version, group, and the breaker's epoch and step when it began. One trip, one key."""
    where = f"/{plain(trip.segment)}" if trip.segment else ""
    return f"{model}/{trip.version}{where}/{trip.epoch}.{trip.step}"


def page_of(kind: Kind, model: str, trip: Trip, links: Links, time: float) -> Page:
    """What there is to say of a trip."""
    what = _STATES.get(trip.state, f"the breaker is {trip.state}")
    said = "it is over" if kind is Kind.RESOLVE else what
    where = f", {plain(trip.segment)}" if trip.segment else ""
    return Page(
        kind=kind,
        key=key_of(model, trip),
        model=model,
        version=trip.version,
        time=time,
        since=trip.since,
        about="trip",
        state=trip.state,
        summary=f"{model} version {plain(trip.version)}{where}: {said}: {plain(trip.why)}.",
        did=did(trip),
        moved=moved(trip),
        examples=tuple(plain(each) for each in trip.examples),
        first=first(trip),
        page_url=links.page or "",
        runbook_url=links.runbook("HoldbackBreakerOpen" if trip.state in _OPEN else "HoldbackBreakerDegraded"),
    )
