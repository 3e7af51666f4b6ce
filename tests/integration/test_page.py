"""One page a trip, from a real run over Prometheus and Alertmanager to a receiver that speaks PagerDuty's format."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectors.profile import Profile
from monitor.answering import Recorded
from monitor.building import build
from monitor.config import Config
from monitor.logs import MemoryBroker
from monitor.metrics import Metrics
from monitor.observing import Everyone, Observation, Paged, Role, Transition
from monitor.status import Board
from monitor.topics import Topics
from monitor.web.app import build_app
from monitor.web.server import WebServer
from tests.monitor.streams import FEATURES, configured, fitted, outcome, prediction
from tests.real.pagerduty import Receiver
from tests.real.prometheus import alertmanager, example, prometheus

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
RATE, LATE = 300, 60
"""Predictions a second, and how many predictions late their outcomes come."""
TO_PAGE = 60.0
TO_RECOVER = 240.0
"""Seconds; a run takes about half a minute to the breaker's recovery, and as much again to the page's."""


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An episode of evidence is over after seconds, not after ten minutes."""
    for module in ("evidence", "harm"):
        monkeypatch.setattr(f"detectors.{module}.QUIET_SECONDS", 6.0)
        monkeypatch.setattr(f"detectors.{module}.QUIET_EVENTS", 300)


class Live:
    """A replica on wall time with a web server, and a model beside it whose world can change."""

    def __init__(self, config: Config, profile: Profile) -> None:
        topics = Topics.of(config)
        self.pages: list[Paged] = []
        self.steps: list[Transition] = []
        registry = CollectorRegistry()
        metrics = Metrics(
            registry,
            model=config.model,
            max_error=config.promise.max_error,
            page_url="https://holdback.test/m",
            runbook_url="https://docs.test/runbooks",
        )
        board = Board(model=config.model, max_error=config.promise.max_error)
        self._broker, self._topics = MemoryBroker(topics.partitions(1)), topics
        log = self._broker.member("g", topics.consumed)
        observe = Everyone(board, metrics, self._note)
        self._parts = build(config, {"1": profile}, log, Recorded(config), observe, clock=time.time)
        observe(Role(judge=True))
        self.web = WebServer(build_app(board, registry, lambda: (True, "ready")), port=0)
        self._rng = np.random.default_rng(5)
        self._began, self._sent = time.time(), 0
        self._outcomes: deque[bytes] = deque()
        self.changed = False

    def turn(self) -> None:
        """Serve what is due by now, and let Holdback take its turn."""
        due = int((time.time() - self._began) * RATE)
        if due > self._sent:
            records = [self._predict(i) for i in range(self._sent, due)]
            self._broker.append(self._topics.predictions, records, time=time.time())
        self._sent = max(self._sent, due)
        known = [self._outcomes.popleft() for _ in range(len(self._outcomes) - LATE)]
        if known:
            self._broker.append(self._topics.outcomes, known, time=time.time())
        while self._parts.loop.step():
            pass
        time.sleep(0.05)

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Go on until something holds; False if it does not in that time."""
        give_up = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > give_up:
                return False
            self.turn()
        return True

    def close(self) -> None:
        """Stop it."""
        self.web.stop()
        self._parts.close()

    def _predict(self, i: int) -> bytes:
        x = self._rng.normal(size=FEATURES)
        p = 1 / (1 + np.exp(-2 * (x[0] + x[1])))
        truth = int(self._rng.random() < p)
        if self.changed:
            x[3] += 1.5
            truth = 1 - int(p > 0.5) if self._rng.random() < 0.6 else truth
        features = {f"f{k}": float(x[k]) for k in range(FEATURES)}
        self._outcomes.append(outcome(str(i), str(truth)))
        return msgspec.json.encode(prediction(str(i), features, float(p), self._began + i / RATE))

    def _note(self, seen: Observation, /) -> None:
        if isinstance(seen, Paged):
            self.pages.append(seen)
        if isinstance(seen, Transition):
            self.steps.append(seen)


@pytest.fixture
def live(hasty: None) -> Iterator[Live]:
    """A replica that has just been started, with timers of seconds."""
    config = configured(
        promise={"max_error": "20%", "false_pages": "1 per 90d"},
        views={"joint": False, "pairs": 0},
        breaker={"backoff": "15s", "max_backoff": "30s", "close_hold": "5s", "warning_hold": "2s"},
    )
    live = Live(config, fitted(config))
    live.web.start()
    yield live
    live.close()


def test_a_trip_is_one_page_within_a_minute_and_is_taken_back_after_it(live: Live, tmp_path: Path) -> None:
    """No page before the change; one within 60 s of the trip, that says what is wrong; resolved after the recovery."""
    target = live.web.url.removeprefix("http://").rstrip("/")
    with Receiver() as receiver:
        config = example(tmp_path, receiver.url, ROUTING_KEY)
        # as shipped, but for how soon a page is updated: that is a matter of noise, and here of the test's length
        config["route"]["group_interval"] = "5s"
        with alertmanager(tmp_path, config) as pager, prometheus(tmp_path, [target], pager):
            assert live.until(lambda: bool(receiver.sent_to("/watchdog")), 90.0), (
                "the way from rules to receivers is open"
            )
            assert not live.pages
            assert not receiver.incidents

            live.changed = True
            assert live.until(lambda: bool(live.pages), 60.0), "the breaker trips"
            tripped = time.time()
            live.until(lambda: time.time() > tripped + 8.0, 30.0)
            live.changed = False
            assert live.until(lambda: bool(receiver.incidents), TO_PAGE - (time.time() - tripped)), "the page arrives"
            assert receiver.incidents[0].opened - tripped < TO_PAGE

            assert live.until(lambda: live.steps[-1].after == "closed", TO_RECOVER), live.steps
            incident = receiver.incidents[0]
            assert live.until(lambda: incident.resolved is not None, TO_RECOVER), incident.text

    # the trip went through several states, and was still one page
    assert {"degraded", "open", "half_open"} <= {step.after for step in live.steps}
    assert len(live.pages) == 1
    assert receiver.refused == []
    assert len(receiver.incidents) == 1
    assert_says_what_a_page_must(incident.events[0], live.pages[0])
    assert incident.events[-1]["event_action"] == "resolve"


def assert_says_what_a_page_must(event: dict[str, object], page: Paged) -> None:
    """What is wrong with numbers, since when, what was done, what moved most, what to do first, and both links."""
    payload, trip = event["payload"], page.trip
    assert isinstance(payload, dict)
    assert trip is not None
    assert payload["severity"] == "critical"
    assert payload["summary"].startswith("m version 1: the breaker is ")
    assert " % " in payload["summary"]
    assert "errors in the last" in payload["summary"] or "misses in the last" in payload["summary"]
    told = payload["custom_details"]["firing"]
    assert f"Since: {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(trip.since))} UTC" in told
    assert "Holdback: " in told
    assert "Moved most: f3 " in told
    assert "First: look at what moved" in told
    assert "no value" not in str(event)
    assert event["client_url"] == "https://holdback.test/m"
    links = event["links"]
    assert isinstance(links, list)
    assert links[0]["href"] == "https://holdback.test/m"
    assert links[1]["href"].startswith("https://docs.test/runbooks/HoldbackBreaker")
