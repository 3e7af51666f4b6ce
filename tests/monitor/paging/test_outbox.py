from __future__ import annotations

import threading

import pytest

from monitor.paging.outbox import Outbox, Patience
from monitor.paging.page import Kind, NotSent, Page
from tests.monitor.paging.parts import HASTY, page

WAIT = 30.0
"""Seconds after which a test gives up; none waits that long unless it fails."""


class Scripted:
    """A receiver that fails as it is told to, and stops where it is told to."""

    name = "scripted"
    repeat = float("inf")

    def __init__(self, *errors: Exception | None, held: bool = False) -> None:
        self.errors = list(errors)
        self.sent: list[Page] = []
        self.tried: list[Page] = []
        self.entered, self.go = threading.Semaphore(0), threading.Event()
        self.closed = False
        if not held:
            self.go.set()

    def send(self, page: Page, /) -> None:
        """Take it, or fail."""
        self.tried.append(page)
        self.entered.release()
        assert self.go.wait(WAIT)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.sent.append(page)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class Reports:
    """What was given up."""

    def __init__(self) -> None:
        self.seen: list[tuple[Page, str]] = []

    def __call__(self, page: Page, why: str) -> None:
        """Keep it."""
        self.seen.append((page, why))


def away(*, again: bool = True) -> NotSent:
    return NotSent("it is away", again=again)


def test_what_fails_is_tried_again_until_it_is_taken() -> None:
    """Two failures and a success: sent once, and nothing is reported."""
    sender, reports = Scripted(away(), away()), Reports()
    box = Outbox(sender, reports, HASTY)
    box.put(page())
    box.close(WAIT)
    assert (len(sender.tried), len(sender.sent), reports.seen) == (3, 1, [])
    assert sender.closed


def test_it_is_given_up_after_its_attempts_and_reported() -> None:
    """So many attempts as allowed, then the next page has its turn."""
    sender, reports = Scripted(*[away() for _ in range(HASTY.attempts)]), Reports()
    box = Outbox(sender, reports, HASTY)
    box.put(page())
    box.put(page(key="other"))
    box.close(WAIT)
    assert [each.key for each in sender.tried] == ["m/1/3.4"] * HASTY.attempts + ["other"]
    assert [(each.key, why) for each, why in reports.seen] == [("m/1/3.4", "it is away")]


@pytest.mark.parametrize("error", [away(again=False), ZeroDivisionError("a bug")])
def test_what_will_never_be_taken_is_reported_at_once(error: Exception) -> None:
    """A refusal, or a fault of the program, costs one page, and no other."""
    sender, reports = Scripted(error), Reports()
    box = Outbox(sender, reports, HASTY)
    box.put(page())
    box.put(page(key="other"))
    box.close(WAIT)
    assert [each.key for each in sender.sent] == ["other"]
    assert len(reports.seen) == 1


def test_putting_never_waits_and_of_one_matter_the_newest_is_sent() -> None:
    """While the receiver hangs anything can be put; what is then sent is what is true by then."""
    sender, reports = Scripted(held=True), Reports()
    box = Outbox(sender, reports, HASTY)
    box.put(page(key="first"))
    assert sender.entered.acquire(timeout=WAIT)
    for kind in (Kind.PAGE, Kind.WORSE, Kind.RESOLVE):
        box.put(page(kind))
    sender.go.set()
    box.close(WAIT)
    assert [(each.key, each.kind) for each in sender.sent] == [("first", Kind.PAGE), ("m/1/3.4", Kind.RESOLVE)]


def test_a_retry_sends_what_is_true_by_then() -> None:
    """The trip is over before its page could be sent: nobody is woken for it."""
    sender, reports = Scripted(away(), held=True), Reports()
    box = Outbox(sender, reports, HASTY)
    box.put(page())
    assert sender.entered.acquire(timeout=WAIT)
    box.put(page(Kind.RESOLVE))
    sender.go.set()
    box.close(WAIT)
    assert [each.kind for each in sender.sent] == [Kind.RESOLVE]


def test_what_is_forgotten_is_not_tried_again() -> None:
    """Another replica is the judge: neither what waits nor what is being retried is sent, and that is no failure."""
    sender, reports = Scripted(away(), held=True), Reports()
    box = Outbox(sender, reports, HASTY)
    box.put(page())
    assert sender.entered.acquire(timeout=WAIT)
    box.put(page(key="waits"))
    box.forget("m/1/3.4")
    box.forget("waits")
    sender.go.set()
    box.close(WAIT)
    assert (len(sender.tried), sender.sent, reports.seen) == (1, [], [])


def test_memory_is_bounded_and_what_finds_no_room_is_reported() -> None:
    """Of a thousand matters the newest wait; every other one is accounted for, or the count would never end."""
    sender, reports = Scripted(held=True), Reports()
    box = Outbox(sender, reports, Patience(most=10))
    box.put(page(key="first"))
    assert sender.entered.acquire(timeout=WAIT)
    for k in range(15):
        box.put(page(key=str(k)))
    sender.go.set()
    box.close(WAIT)
    assert [each.key for each in sender.sent] == ["first", *(str(k) for k in range(5, 15))]
    assert [(each.key, why) for each, why in reports.seen] == [(str(k), "too many pages wait") for k in range(5)]


def test_closing_does_not_wait_for_a_receiver_that_hangs() -> None:
    """The process can end: what can't be sent in time is lost with it, and the thread is a daemon."""
    sender = Scripted(held=True)
    box = Outbox(sender, Reports(), HASTY)
    box.put(page())
    assert sender.entered.acquire(timeout=WAIT)
    box.close(0.01)
    assert not sender.sent
    sender.go.set()


def test_waits_double_up_to_the_longest_and_are_shortened_by_chance() -> None:
    """0.5, 1, 2, 4 ... 30 s, each up to a half shorter."""
    patience = Patience()
    assert [patience.wait(k, 0.0) for k in (1, 2, 3, 7, 20)] == [0.5, 1.0, 2.0, 30.0, 30.0]
    assert patience.wait(2, 0.999) == pytest.approx(0.5, abs=0.01)
