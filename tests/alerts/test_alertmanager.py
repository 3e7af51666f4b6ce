"""The documented Alertmanager: where each alert goes, and that a trip is one incident however it moves."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.real.pagerduty import Receiver
from tests.real.prometheus import EXAMPLE, RULES, alertmanager, example
from tests.tools import require

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
GOES_TO = {"page": "pager", "ticket": "tickets", "none": "watchdog"}


def alerts() -> list[dict[str, Any]]:
    """The rules that alert."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_amtool_reads_the_example() -> None:
    """It is a configuration that Alertmanager takes as it stands."""
    done = subprocess.run([require("amtool"), "check-config", EXAMPLE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_each_alert_goes_where_its_severity_says(rule: dict[str, Any]) -> None:
    """Pages to who is on call, tickets to tickets, and the watchdog to its switch; never to two of them."""
    labels = [f"{name}={value}" for name, value in {**rule["labels"], "alertname": rule["alert"], "model": "m"}.items()]
    command = [str(require("amtool")), "config", "routes", "test", f"--config.file={EXAMPLE}", *labels]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == [GOES_TO[rule["labels"]["severity"]]]


class Alerts:
    """Posts alerts as Prometheus would."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, name: str, severity: str = "page", about: str = "trip", *, over: bool = False) -> None:
        """Say that it fires, or that it is over."""
        now = time.time()
        self._post(
            {
                "labels": {"alertname": name, "severity": severity, "about": about, "model": "m", "version": "1"},
                "annotations": {
                    "summary": f"{name} says so",
                    "description": "Since: now",
                    "page_url": "https://holdback.test/m",
                    "runbook_url": f"docs/runbooks/{name}.md",
                },
                "startsAt": _moment(now - 60),
                "endsAt": _moment(now - 1 if over else now + 3600),
            }
        )

    def shown(self) -> dict[str, str]:
        """State of each alert, by name and severity."""
        found = httpx.get(f"{self._url}/api/v2/alerts").raise_for_status().json()
        labels = [(each["labels"], each["status"]["state"]) for each in found]
        return {f"{name['alertname']} {name['severity']}": state for name, state in labels}

    def _post(self, alert: dict[str, Any]) -> None:
        httpx.post(f"{self._url}/api/v2/alerts", json=[alert]).raise_for_status()


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def test_a_trip_that_moves_is_one_incident(tmp_path: Path) -> None:
    """DEGRADED, OPEN, DEGRADED again and CLOSED: one incident, updated, then resolved; a later trip is another."""
    with Receiver() as receiver:
        config = example(tmp_path, receiver.url, ROUTING_KEY)
        # the same timers, on another scale
        config["route"] |= {"group_wait": "100ms", "group_interval": "200ms"}
        with alertmanager(tmp_path, config) as url:
            alert = Alerts(url)
            alert("HoldbackBreakerDegraded", "ticket")
            assert receiver.wait(lambda: any(path == "/tickets" for path, _ in receiver.others))
            assert receiver.incidents == []
            alert("HoldbackBreakerDegraded", "ticket", over=True)
            alert("HoldbackBreakerDegraded")
            assert receiver.wait(lambda: len(receiver.incidents) == 1)
            (incident,) = receiver.incidents

            alert("HoldbackBreakerOpen")
            alert("HoldbackPromiseBroken")
            assert receiver.wait(lambda: "HoldbackBreakerOpen says so" in incident.text)
            inhibited = {
                "HoldbackBreakerDegraded page": "suppressed",
                "HoldbackPromiseBroken page": "suppressed",
                "HoldbackBreakerOpen page": "active",
            }
            assert receiver.wait(lambda: alert.shown() == inhibited)
            alert("HoldbackPromiseBroken", over=True)
            alert("HoldbackBreakerOpen", over=True)
            n = len(incident.events)
            assert receiver.wait(lambda: len(incident.events) > n)
            assert incident.resolved is None

            alert("HoldbackBreakerDegraded", over=True)
            assert receiver.wait(lambda: incident.resolved is not None)
            alert("HoldbackBreakerOpen")
            assert receiver.wait(lambda: len(receiver.incidents) == 2)
    assert receiver.refused == []
    assert {event["event_action"] for event in incident.events[:-1]} == {"trigger"}


def test_matters_of_their_own_are_incidents_of_their_own(tmp_path: Path) -> None:
    """That nobody knows, and that the ledger is broken, is not part of a trip; while nobody knows, lag is no ticket."""
    with Receiver() as receiver:
        config = example(tmp_path, receiver.url, ROUTING_KEY)
        config["route"] |= {"group_wait": "100ms", "group_interval": "200ms"}
        with alertmanager(tmp_path, config) as url:
            alert = Alerts(url)
            alert("HoldbackBreakerOpen")
            alert("HoldbackMonitorBlind", about="monitor")
            alert("HoldbackLedgerBroken", about="ledger")
            assert receiver.wait(lambda: len(receiver.incidents) == 3)
            alert("HoldbackLagHigh", "ticket", about="operation")
            assert receiver.wait(lambda: alert.shown()["HoldbackLagHigh ticket"] == "suppressed")
