"""One page a trip, from a real run over Prometheus and Alertmanager to a receiver that speaks PagerDuty's format."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.replicas import Fleet
from tests.integration.worlds import World
from tests.real.kafka import ApacheKafka, free_port
from tests.real.pagerduty import Receiver
from tests.real.prometheus import alertmanager, example, prometheus

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
RATE, LATE, CALM = 300, 60, 3_000
"""Predictions a second, how many predictions late their outcomes come, and how many pass before the change."""
WRONG_SECONDS = 8.0
TO_PAGE = 60.0
TO_RECOVER = 120.0
"""Seconds; a run takes about half a minute to the breaker's recovery, and as much again to the page's."""


@pytest.fixture
def fleet(apache_kafka: ApacheKafka, tmp_path: Path) -> Iterator[Fleet]:
    """A model of its own, with timers of seconds."""
    made = Fleet(
        apache_kafka,
        tmp_path,
        "paged",
        reference=2000,
        promise={"max_error": "20%", "false_pages": "1 per 90d"},
        views={"joint": False, "pairs": 0},
        breaker={"backoff": "10s", "max_backoff": "20s", "close_hold": "5s", "warning_hold": "2s"},
        paging={"page_url": "https://holdback.test/m", "runbook_url": "https://docs.test/runbooks"},
        web={"port": free_port()},
    )
    yield made
    made.close()


def steps(fleet: Fleet) -> list[dict[str, Any]]:
    """The breaker's steps."""
    return [each for each in fleet.records.decoded("ledger") if each["kind"] == "transition"]


def seconds(record: dict[str, Any]) -> float:
    """When a line of the ledger was written."""
    return datetime.fromisoformat(record["time"]).timestamp()


def test_a_trip_is_one_page_within_a_minute_and_is_taken_back_after_it(fleet: Fleet, tmp_path: Path) -> None:
    """No page before the change; one within 60 s of the trip, that says what is wrong; resolved after the recovery."""
    world = World(fleet, RATE, LATE)
    with Receiver() as receiver:
        config = example(tmp_path, receiver.url, ROUTING_KEY)
        # as shipped, but for how soon a page is updated: that is a matter of noise, and here of the test's length
        config["route"]["group_interval"] = "5s"
        fleet.start()
        target = f"127.0.0.1:{fleet.config.web.port}"
        with alertmanager(tmp_path, config) as pager, prometheus(tmp_path, [target], pager):
            world.start()
            fleet.until(lambda: bool(receiver.sent_to("/watchdog")), 90.0, "the way from rules to receivers is open")
            fleet.until(lambda: fleet.decided() > CALM, 60.0, "calm events are decided")
            assert not receiver.incidents
            assert not steps(fleet)

            world.changed = True
            fleet.until(lambda: any(each["page"] for each in steps(fleet)), 60.0, "the breaker trips")
            time.sleep(WRONG_SECONDS)
            world.mend()
            trip = next(each for each in steps(fleet) if each["page"])
            tripped = seconds(trip)
            fleet.until(lambda: bool(receiver.incidents), TO_PAGE - (time.time() - tripped), "the page arrives")
            incident = receiver.incidents[0]
            assert incident.opened - tripped < TO_PAGE

            fleet.until(lambda: steps(fleet)[-1]["to"] == "closed", TO_RECOVER, "the breaker closes")
            fleet.until(lambda: incident.resolved is not None, TO_RECOVER, "the page is taken back")
            world.stop()

    # the trip went through several states, and was still one page
    assert {"degraded", "open", "half_open"} <= {each["to"] for each in steps(fleet)}
    assert receiver.refused == []
    assert len(receiver.incidents) == 1
    assert_says_what_a_page_must(incident.events[0], seconds(steps(fleet)[0]))
    assert incident.events[-1]["event_action"] == "resolve"


def assert_says_what_a_page_must(event: dict[str, object], since: float) -> None:
    """What is wrong with numbers, since when, what was done, what moved most, what to do first, and both links."""
    payload = event["payload"]
    assert isinstance(payload, dict)
    assert payload["severity"] == "critical"
    assert payload["summary"].startswith("paged version 1: the breaker is ")
    assert " % " in payload["summary"]
    assert "errors in the last" in payload["summary"] or "misses in the last" in payload["summary"]
    told = payload["custom_details"]["firing"]
    assert f"Since: {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(since))} UTC" in told
    assert "Holdback: " in told
    assert "Moved most: f3 " in told
    assert "First: look at what moved" in told
    assert "no value" not in str(event)
    assert event["client_url"] == "https://holdback.test/m"
    links = event["links"]
    assert isinstance(links, list)
    assert links[0]["href"] == "https://holdback.test/m"
    assert links[1]["href"].startswith("https://docs.test/runbooks/HoldbackBreaker")
