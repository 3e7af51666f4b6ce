"""Whoever has to be woken is told by Holdback itself: from the judge's word, after it is in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from monitor.config import Config, read_secret
from monitor.observing import LedgerState, Observation, Observer, Paged, Role, Standing, Trip
from monitor.paging.alertmanager import AlertmanagerSender
from monitor.paging.outbox import Outbox, Patience
from monitor.paging.page import Kind, Links, Page, Sender, key_of, page_of
from monitor.paging.pagerduty import PagerDutySender
from monitor.paging.webhook import WebhookSender

__all__ = ["Pager", "pager_from", "senders_of"]

_REMEMBERED: Final = 3600.0
"""Seconds after its end in which a trip that another judge has paged for is taken back once more."""
_LOST: Final = 60.0
"""Seconds after which a page that was given up is tried again, if it is still true."""


@dataclass(slots=True)
class _Told:
    """A matter that receivers have been told of: the last page about it, and when each of them was sent one."""

    page: Page
    trip: Trip | None
    at: dict[str, float]


class Pager:
    """Observes how trips stand, and sends what has to be said. It never waits for a receiver.

    What it hears is the state of the matter, not its news: a new judge tells the same, so nothing is lost with the old
    one, and what is said twice has the same key.

    Parameters
    ----------
    model
        The model's name.
    senders
        The receivers.
    observe
        Is told of each page that could not be sent, from a thread of the receiver.
    links
        Where the page and the runbooks are.
    patience
        How long to try.
    clock
        Epoch seconds.
    """

    def __init__(
        self,
        model: str,
        senders: Sequence[Sender],
        observe: Observer,
        links: Links,
        patience: Patience,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._model, self._links, self._clock, self._observe = model, links, clock, observe
        self._repeat = {sender.name: sender.repeat for sender in senders}
        self._boxes = {sender.name: Outbox(sender, self._reporting(sender.name), patience) for sender in senders}
        self._told: dict[str, _Told] = {}
        self._trips: dict[tuple[str, str], str] = {}
        self._lost: dict[tuple[str, str], float] = {}

    def __call__(self, seen: Observation, /) -> None:
        """Take note of how a trip, the ledger or the judge's office stands."""
        match seen:
            case Standing(trip=Trip() as trip):
                self._stands(trip)
            case Role(judge=False) if self._trips:
                self._retire()
            case LedgerState():
                self._ledger(broken=seen.broken)
            case _:
                pass

    def close(self, seconds: float = 5.0) -> None:
        """Send what waits, for that long at most, and end the threads."""
        give_up = time.monotonic() + seconds
        for box in self._boxes.values():
            box.close(max(0.0, give_up - time.monotonic()))

    def _stands(self, trip: Trip) -> None:
        """Hold what has been told against how the trip stands; each breaker has one key at a time."""
        key = key_of(self._model, trip)
        breaker = (trip.version, trip.segment)
        before = self._told.get(self._trips.get(breaker, ""))
        if before is not None and before.page.key != key:
            if before.trip is not None and before.page.kind is not Kind.RESOLVE:
                # its end was not told, but another has begun
                self._say(replace(before.page, kind=Kind.RESOLVE, time=self._clock()), None)
            self._drop(before.page.key)
        self._trips[breaker] = key
        known = self._told.get(key)
        if kind := self._news(trip, known):
            self._say(page_of(kind, self._model, trip, self._links, self._clock()), trip)
        elif known is not None:
            known.trip = trip
            self._remind(known)

    def _news(self, trip: Trip, known: _Told | None) -> Kind | None:
        told = known.trip if known is not None else None
        if trip.ended is not None:
            recent = self._clock() - trip.ended < _REMEMBERED
            open_still = told is not None and told.ended is None
            return Kind.RESOLVE if open_still or (told is None and trip.paged and recent) else None
        if not trip.paged:
            return None
        if told is None:
            return Kind.PAGE
        return Kind.WORSE if (told.cause, told.why) != (trip.cause, trip.why) else None

    def _say(self, page: Page, trip: Trip | None) -> None:
        self._told[page.key] = _Told(page, trip, dict.fromkeys(self._boxes, self._clock()))
        for name, box in self._boxes.items():
            self._lost.pop((name, page.key), None)
            box.put(page)

    def _remind(self, known: _Told) -> None:
        """Tell again: of an open matter as often as a receiver asks for, of what was lost after a while."""
        now, key = self._clock(), known.page.key
        is_open = known.page.kind is not Kind.RESOLVE
        for name, box in self._boxes.items():
            lost = self._lost.get((name, key))
            if (is_open and now - known.at[name] >= self._repeat[name]) or (lost and now - lost >= _LOST):
                known.at[name] = now
                self._lost.pop((name, key), None)
                box.put(self._now(known, now))

    def _now(self, known: _Told, now: float) -> Page:
        kind = Kind.RESOLVE if known.page.kind is Kind.RESOLVE else Kind.PAGE
        if known.trip is None:
            return replace(known.page, kind=kind, time=now)
        return page_of(kind, self._model, known.trip, self._links, now)

    def _retire(self) -> None:
        """Whoever is the judge now goes on telling of trips."""
        for key in self._trips.values():
            self._drop(key)
            for box in self._boxes.values():
                box.forget(key)
        self._trips.clear()

    def _drop(self, key: str) -> None:
        self._told.pop(key, None)
        for name in self._boxes:
            self._lost.pop((name, key), None)

    def _ledger(self, *, broken: bool) -> None:
        key = f"{self._model}/ledger"
        known = self._told.get(key)
        was_broken = known is not None and known.page.kind is not Kind.RESOLVE
        if broken == was_broken:
            if known is not None:
                self._remind(known)
            return
        now = self._clock()
        said = "broken: a record does not follow from the one before, so what came after it can't be proven"
        page = Page(
            kind=Kind.PAGE if broken else Kind.RESOLVE,
            key=key,
            model=self._model,
            version="",
            time=now,
            since=now if known is None or broken else known.page.since,
            about="ledger",
            state="broken" if broken else "whole",
            summary=f"{self._model}: the ledger is {said if broken else 'whole again'}.",
            did="goes on judging and routing, on what it read before",
            moved="not known",
            first="holdback ledger verify; keep a copy of the topic before anything else writes to it",
            page_url=self._links.page or "",
            runbook_url=self._links.runbook("HoldbackLedgerBroken"),
        )
        self._say(page, None)

    def _reporting(self, receiver: str) -> Callable[[Page, str], None]:
        def report(page: Page, why: str) -> None:
            now = self._clock()
            self._lost[receiver, page.key] = now
            summary = f"could not be sent to {receiver} ({why}): {page.summary}"
            self._observe(Paged(time=now, summary=summary, sent=False, kind=page.kind, receiver=receiver))

        return report


def pager_from(config: Config, observe: Observer) -> Pager:
    """The pager that a configuration asks for; without receivers it tells nobody. Close it at the end.

    `observe` is told of pages that could not be sent; it must bear being called from other threads.

    Raises
    ------
    UsageError
        A secret can't be read: better now than when it is needed.
    """
    links = Links(config.paging.page_url, config.paging.runbook_url)
    return Pager(config.model, senders_of(config), observe, links, Patience())


def senders_of(config: Config) -> list[Sender]:
    """The receivers that are configured."""
    paging = config.paging
    for secret in (paging.pagerduty.routing_key_file, paging.webhook.token_file):
        if secret is not None:
            read_secret(secret)
    senders: list[Sender] = []
    if paging.alertmanager.url is not None:
        senders.append(AlertmanagerSender(paging.alertmanager.url))
    if paging.pagerduty.routing_key_file is not None:
        senders.append(PagerDutySender(paging.pagerduty.url, paging.pagerduty.routing_key_file))
    if paging.webhook.url is not None:
        senders.append(WebhookSender(paging.webhook.url, paging.webhook.token_file))
    return senders
