from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.config import config_from
from monitor.errors import ConfigError, UsageError
from monitor.observing import Everyone, LedgerState, Observation, Paged, Role, Ruled, Standing, Trip
from monitor.paging.page import Kind, Page
from monitor.paging.pager import pager_from
from monitor.paging.webhook import WebhookSender
from tests.monitor.paging.parts import KEY, TRIP, Paging, T, secret
from tests.monitor.running import Run, broker
from tests.monitor.streams import configured, fitted, outcome, stream
from tests.real.pagerduty import Receiver

MINIMAL: dict[str, Any] = {"model": "m", "promise": {"max_error": "2%", "false_pages": "1 per 90d"}}


class Kept:
    """A receiver that takes all."""

    def __init__(self, name: str = "kept", repeat: float = float("inf")) -> None:
        self.name, self.repeat = name, repeat
        self.pages: list[Page] = []

    def send(self, page: Page, /) -> None:
        """Take it."""
        self.pages.append(page)

    def close(self) -> None:
        """Nothing is open."""


def told(*trips: Trip | None, receiver: Kept | None = None) -> list[tuple[str, Kind]]:
    """(key, kind) of what a receiver gets when a version's trip stands so, one after the other."""
    receiver = receiver or Kept()
    with Paging(receiver) as paging:
        for trip in trips:
            paging.pager(Standing(version="1", trip=trip))
            settle(paging)
    return [(page.key, page.kind) for page in receiver.pages]


def settle(paging: Paging) -> None:
    """Wait until all that was put has been sent or given up."""
    for box in paging.pager._boxes.values():
        assert box.settled(30.0)


def test_one_trip_is_one_page_however_often_it_is_told() -> None:
    """A verdict a second repeats how the trip stands: one page, and one word when it is over."""
    over = replace(TRIP, state="closed", ended=T + 60)
    assert told(None, TRIP, TRIP, TRIP, over, over) == [("m/1/3.4", Kind.PAGE), ("m/1/3.4", Kind.RESOLVE)]


def test_a_warning_alone_pages_nobody() -> None:
    """A trip without a page is told of neither when it begins nor when it is over; harm in it is."""
    warned = replace(TRIP, paged=False, harm=False)
    assert told(warned, replace(warned, state="closed", ended=T + 60)) == []
    assert told(warned, TRIP) == [("m/1/3.4", Kind.PAGE)]


def test_worse_is_said_once_and_probing_is_not() -> None:
    """OPEN by a new reason is worse; HALF_OPEN and OPEN again with the same reason are not."""
    opened = replace(TRIP, state="open", cause="promise", why="accepted error")
    half = replace(opened, state="half_open")
    kinds = [kind for _, kind in told(TRIP, opened, half, opened, half)]
    assert kinds == [Kind.PAGE, Kind.WORSE]


def test_the_next_trip_is_another_page() -> None:
    """Another key; one whose end was never told is taken back first."""
    another = replace(TRIP, step=9, since=T + 100)
    assert told(TRIP, another) == [("m/1/3.4", Kind.PAGE), ("m/1/3.4", Kind.RESOLVE), ("m/1/3.9", Kind.PAGE)]


def test_a_new_judge_says_what_the_one_before_may_not_have_said() -> None:
    """An open trip is told again under its key, a trip that has just ended is taken back; an old one is left alone."""
    just, old = replace(TRIP, ended=T), replace(TRIP, ended=T - 7200)
    assert told(TRIP) == [("m/1/3.4", Kind.PAGE)]
    assert told(just) == [("m/1/3.4", Kind.RESOLVE)]
    assert told(old) == []


def test_who_is_no_longer_the_judge_says_nothing_more() -> None:
    """The trip goes on, told by another replica: it is neither repeated nor resolved here."""
    receiver = Kept(repeat=60.0)
    with Paging(receiver) as paging:
        paging.pager(Standing(version="1", trip=TRIP))
        settle(paging)
        paging.pager(Role(judge=False))
        paging.now += 3600
        paging.pager(Role(judge=False))
    assert [page.kind for page in receiver.pages] == [Kind.PAGE]


def test_receivers_that_need_it_are_told_again() -> None:
    """Alertmanager ends what it has not heard of for a while; PagerDuty is told once."""
    often, once = Kept("often", repeat=60.0), Kept("once")
    with Paging(often, once) as paging:
        for _ in range(13):
            paging.pager(Standing(version="1", trip=TRIP))
            settle(paging)
            paging.now += 10
        paging.pager(Standing(version="1", trip=replace(TRIP, ended=paging.now)))
        for _ in range(20):
            settle(paging)
            paging.now += 10
            paging.pager(Standing(version="1", trip=replace(TRIP, ended=paging.now)))
    assert [page.kind for page in often.pages] == [Kind.PAGE, Kind.PAGE, Kind.PAGE, Kind.RESOLVE]
    assert [page.kind for page in once.pages] == [Kind.PAGE, Kind.RESOLVE]


def test_a_page_that_is_lost_is_counted_and_tried_again_while_it_is_true(tmp_path: Path) -> None:
    """Each round of attempts that fails is told as a page not sent; when the receiver is back, it gets the page."""
    with Receiver(answers=[503] * 6) as receiver, Paging(WebhookSender(f"{receiver.url}/hook")) as paging:
        for _ in range(3):
            paging.pager(Standing(version="1", trip=TRIP))
            settle(paging)
            paging.now += 61
        assert [body["kind"] for body in receiver.sent_to("/hook")] == ["page"]
    lost = [seen for seen in paging.lost if isinstance(seen, Paged)]
    assert [(seen.sent, seen.kind, seen.receiver) for seen in lost] == [(False, "page", "webhook")] * 2
    assert "answered 503" in lost[0].summary


def test_a_broken_ledger_pages_once_and_is_taken_back_when_it_is_whole() -> None:
    """Told of once a second, by each replica, it is one matter."""
    receiver = Kept()
    with Paging(receiver) as paging:
        for broken in (False, True, True, False, False):
            paging.pager(LedgerState(broken=broken))
            settle(paging)
            # that a replica is not the judge is no reason to say nothing of the ledger
            paging.pager(Role(judge=False))
    assert [(page.key, page.kind) for page in receiver.pages] == [("m/ledger", Kind.PAGE), ("m/ledger", Kind.RESOLVE)]
    assert "the ledger is broken" in receiver.pages[0].summary


def test_other_observations_are_no_matter_of_pages() -> None:
    """What batches bring is passed over."""
    receiver = Kept()
    with Paging(receiver) as paging:
        paging.pager(Paged(time=T, summary="s"))
    assert receiver.pages == []


def configured_for(**paging: Any) -> Any:
    """A configuration with receivers."""
    return config_from(MINIMAL | {"paging": paging}, {})


def test_the_configuration_names_the_receivers(tmp_path: Path) -> None:
    """None by default; each by its own key, and a secret that can't be read is an error at the start."""
    assert pager_from(config_from(MINIMAL, {}), lambda _seen: None)._boxes == {}
    config = configured_for(
        alertmanager={"url": "http://127.0.0.1:9"},
        pagerduty={"routing_key_file": secret(tmp_path), "url": "http://127.0.0.1:9/v2/enqueue"},
        webhook={"url": "http://127.0.0.1:9"},
        page_url="https://holdback.test",
    )
    pager = pager_from(config, lambda _seen: None)
    assert list(pager._boxes) == ["alertmanager", "pagerduty", "webhook"]
    pager.close(0.0)
    with pytest.raises(UsageError, match="missing"):
        pager_from(configured_for(pagerduty={"routing_key_file": str(tmp_path / "missing")}), lambda _seen: None)


def test_faults_of_the_configuration_are_named() -> None:
    """An address that is none, and a key that is of no use without another."""
    for paging, path in (
        ({"webhook": {"url": "hooks.test"}}, "paging.webhook.url"),
        ({"webhook": {"token_file": "t"}}, "paging.webhook.url"),
        ({"pagerduty": {"url": "https://eu.test/v2/enqueue"}}, "paging.pagerduty.routing_key_file"),
        ({"page_url": "holdback"}, "paging.page_url"),
        ({"pager": {}}, "paging.pager"),
    ):
        with pytest.raises(ConfigError) as caught:
            configured_for(**paging)
        assert [fault[0] for fault in caught.value.faults] == [path]


def test_secrets_are_in_no_message_and_no_observation(tmp_path: Path) -> None:
    """The key is read from its file, and goes to the receiver alone."""
    seen: list[Observation] = []
    with Receiver(answers=[400]) as receiver:
        receiver.reply = f"no such key: {KEY}"
        config = configured_for(
            pagerduty={"routing_key_file": secret(tmp_path), "url": f"{receiver.url}/v2/enqueue"},
        )
        pager = pager_from(config, seen.append)
        pager(Standing(version="1", trip=replace(TRIP, since=time.time())))
        pager.close(30.0)
    (lost,) = seen
    assert isinstance(lost, Paged)
    assert "answered 400" in lost.summary
    assert KEY not in str(seen) + str(config)


def test_over_the_production_loop_a_trip_is_one_incident_and_only_after_its_commit(tmp_path: Path) -> None:
    """The judge's word pages over HTTP: as many incidents as the breaker paged, with the numbers of the alarm."""
    config = configured()
    predictions, truth = stream(3000, 1, 1500)
    records = [msgspec.json.encode(each) for each in predictions]
    outcomes = [outcome(str(i), label) for i, label in enumerate(truth)]
    with Receiver() as receiver:
        paged = configured(
            paging={"pagerduty": {"routing_key_file": secret(tmp_path), "url": f"{receiver.url}/v2/enqueue"}}
        )
        run = Run(config, fitted(config), broker(config))
        pager = pager_from(paged, lambda _seen: None)
        run.parts.judging._observe = Everyone(run.seen.append, pager)
        run.drain()
        for start in range(0, 3000, 100):
            committed = len(run.ledger())
            run.feed(records[start : start + 100], outcomes[max(start - 200, 0) : max(start - 100, 0)])
            assert len(run.ledger()) >= committed
        pager.close(30.0)
    pages = [seen for seen in run.seen if isinstance(seen, Paged)]
    assert len(pages) >= 1
    assert receiver.refused == []
    assert [each.key for each in receiver.incidents][: len(pages)] == [
        f"m/1/{page.trip.epoch}.{page.trip.step}" for page in pages if page.trip is not None
    ]
    assert "errors in the last" in receiver.incidents[0].text or "misses in the last" in receiver.incidents[0].text
    assert any(isinstance(seen, Ruled) for seen in run.seen)
