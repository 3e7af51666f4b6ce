"""What goes over the wire, to a receiver that speaks HTTP."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
import yaml

from monitor.paging.alertmanager import AlertmanagerSender
from monitor.paging.page import Kind, NotSent
from monitor.paging.pagerduty import PagerDutySender
from monitor.paging.webhook import WebhookSender
from tests.monitor.paging.parts import KEY, page, secret
from tests.real.kafka import free_port
from tests.real.pagerduty import Receiver
from tests.real.prometheus import alertmanager
from tests.tools import require


def test_pagerduty_takes_all_three_kinds_as_one_incident(tmp_path: Path) -> None:
    """Each event is one that PagerDuty accepts; trigger and worse share the incident that resolve closes."""
    with Receiver() as receiver:
        sender = PagerDutySender(f"{receiver.url}/v2/enqueue", secret(tmp_path))
        for kind in (Kind.PAGE, Kind.WORSE, Kind.RESOLVE):
            sender.send(page(kind))
        sender.close()
    assert receiver.refused == []
    (incident,) = receiver.incidents
    assert [event["event_action"] for event in incident.events] == ["trigger", "trigger", "resolve"]
    assert incident.key == "m/1/3.4"
    assert incident.resolved is not None
    payload = incident.events[0]["payload"]
    assert payload["summary"].startswith("m version 1: the breaker is degraded: error: 31 errors in the last 80 labels")
    assert payload["custom_details"] | {"since": ""} == {
        "state": "degraded",
        "since": "",
        "holdback": "raised the bar: the model answers only what it is surest of, the rest goes down route.chain",
        "moved_most": "age above 61: 5.0 % of the reference, 18 % of the last 4,000 events; odds 10^9 to 1",
        "first": "look at what moved: a fault in the data goes back to its source, a changed world needs a new model",
        "runbook": "https://docs.test/runbooks/HoldbackBreakerDegraded.md",
    }
    assert [link["href"] for link in incident.events[0]["links"]] == [
        "https://holdback.test/m",
        "https://docs.test/runbooks/HoldbackBreakerDegraded.md",
    ]


def test_pagerduty_takes_what_is_too_long_and_links_that_are_none(tmp_path: Path) -> None:
    """A hostile feature name, a long version and a runbook without an address are no reason to lose a page."""
    with Receiver() as receiver:
        sender = PagerDutySender(f"{receiver.url}/v2/enqueue", secret(tmp_path))
        sender.send(page(key="k" * 500, summary="s" * 5000, page_url="", runbook_url="docs/runbooks/x.md"))
        sender.close()
    assert receiver.refused == []
    assert receiver.incidents[0].events[0]["links"] == []


def test_a_webhook_gets_every_field_and_the_token(tmp_path: Path) -> None:
    """The token is in the header alone."""
    with Receiver() as receiver:
        sender = WebhookSender(f"{receiver.url}/hook", secret(tmp_path))
        sender.send(page())
        sender.close()
    (body,) = receiver.sent_to("/hook")
    assert (body["kind"], body["key"], body["version"], body["state"]) == ("page", "m/1/3.4", "1", "degraded")
    assert body["since"] == "2026-01-01T00:00:00Z"
    assert receiver.headers[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(body)


@pytest.mark.parametrize(("status", "again"), [(429, True), (500, True), (503, True), (400, False), (403, False)])
def test_an_answer_says_whether_it_is_worth_trying_again(status: int, again: bool, tmp_path: Path) -> None:
    """A receiver that is overloaded may take it later; one that refuses the page will refuse it again."""
    with Receiver(answers=[status]) as receiver:
        sender = WebhookSender(f"{receiver.url}/secret-path", secret(tmp_path))
        with pytest.raises(NotSent, match=rf"webhook at http://127\.0\.0\.1:\d+ answered {status}") as caught:
            sender.send(page())
        sender.close()
    assert caught.value.again is again
    assert "secret-path" not in str(caught.value)


def test_a_receiver_that_is_away_may_be_back_later(tmp_path: Path) -> None:
    """A refused connection is worth trying again, and the error names neither path nor secret."""
    sender = PagerDutySender(f"http://127.0.0.1:{free_port()}/secret-path", secret(tmp_path))
    with pytest.raises(NotSent, match="could not be reached: ConnectError") as caught:
        sender.send(page())
    sender.close()
    assert caught.value.again
    assert "secret-path" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_no_secret_is_in_an_error_even_if_the_receiver_repeats_it(tmp_path: Path) -> None:
    """What is read back of an answer has the secret blotted out."""
    with Receiver() as receiver:
        receiver.reply = f"no service has the key {KEY}"
        sender = PagerDutySender(f"{receiver.url}/v2/enqueue", secret(tmp_path))
        receiver.answers.append(403)
        with pytest.raises(NotSent, match="no service has the key …") as caught:
            sender.send(page())
        sender.close()
    assert KEY not in str(caught.value)


def test_a_secret_that_can_not_be_read_is_named_by_its_file_and_worth_another_try(tmp_path: Path) -> None:
    """It may be mounted a moment later."""
    sender = PagerDutySender("http://127.0.0.1:1/", str(tmp_path / "missing"))
    with pytest.raises(NotSent, match="missing") as caught:
        sender.send(page())
    sender.close()
    assert caught.value.again


def test_a_real_alertmanager_takes_and_ends_it(tmp_path: Path) -> None:
    """It shows one alert under the labels of the shipped rules, and none after the resolve; so says amtool."""
    amtool = require("amtool")
    config = {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}

    def shown(url: str) -> list[dict[str, object]]:
        command = [str(amtool), "--alertmanager.url", url, "--output", "json", "alert", "query", "about=trip"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found: list[dict[str, object]] = yaml.safe_load(said)
        return found

    with alertmanager(tmp_path, config) as url:
        sender = AlertmanagerSender(url + "/")
        now = time.time()
        for kind in (Kind.PAGE, Kind.WORSE):
            sender.send(page(kind, time=now, since=now - 5))
        (alert,) = shown(url)
        assert alert["labels"] == {
            "alertname": "HoldbackTrip",
            "about": "trip",
            "model": "m",
            "severity": "page",
            "version": "1",
        }
        assert "Moved most: age above 61" in str(alert["annotations"])
        sender.send(page(Kind.RESOLVE, time=now, since=now - 5))
        assert shown(url) == []
        sender.close()
