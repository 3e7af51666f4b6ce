"""The shipped rules: each alert fires, does not fire and resolves, has a runbook, and names metrics that exist."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from fallback.types import BreakerState, Health
from monitor.metrics.metrics import Metrics
from tests.sources import ROOT
from tests.tools import require

RULES = ROOT / "helm/holdback/rules/holdback.rules.yaml"
RUNBOOKS = ROOT / "docs/runbooks"
CASES = sorted(Path(__file__).parent.glob("*.test.yaml"))
NEEDS_A_PERSON = {"HoldbackBreakerOpen", "HoldbackBreakerDegraded", "HoldbackPromiseBroken", "HoldbackMonitorBlind",
                  "HoldbackLedgerBroken"}  # fmt: skip


def rules() -> list[dict[str, Any]]:
    """Every rule, in its order."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """The rules that alert."""
    return [rule for rule in rules() if "alert" in rule]


NAMES = sorted({rule["alert"] for rule in alerts()})


def run(*command: str | Path) -> str:
    """What a tool says; it must find nothing wrong."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_reads_the_rules() -> None:
    """They parse, and promtool's linter has nothing to say."""
    assert "SUCCESS" in run(require("promtool"), "check", "rules", "--lint-fatal", RULES)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_an_alert_does_what_its_cases_say(case: Path) -> None:
    """In Prometheus' own evaluation: when it fires, with which labels and words, when it does not, and when it ends."""
    assert "SUCCESS" in run(require("promtool"), "test", "rules", case)


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_has_cases_in_which_it_fires_does_not_fire_and_resolves(name: str) -> None:
    """For each there is a moment with and one without it, and one without it after one with it."""
    cases = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES]
    stories = [
        [bool(each["exp_alerts"]) for each in test["alert_rule_test"] if each["alertname"] == name]
        for case in cases
        for test in case["tests"]
    ]
    assert any(True in story for story in stories)
    if name == "HoldbackWatchdog":
        return
    assert any(story and True not in story for story in stories) or any(story[:1] == [False] for story in stories)
    assert any((True, False) in pairwise(story) for story in stories)


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_has_a_runbook(name: str) -> None:
    """Its page says what the alert means, what it does to callers, how to find out, and what to do; and is linked."""
    page = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {name}\n")
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    for rule in alerts():
        if rule["alert"] == name:
            assert rule["annotations"]["runbook_url"].endswith(f"/{name}.md")


def test_no_runbook_is_left_over() -> None:
    """A page for an alert that is gone would be read in vain."""
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == NAMES


def test_every_metric_in_a_rule_exists() -> None:
    """What expressions and texts ask for is a metric of the code, or a recorded one."""
    registry = CollectorRegistry()
    Metrics(registry, model="m", max_error=0.05)
    families = {family.name for family in registry.collect()}
    known = families | {f"{name}_total" for name in families} | {f"{name}_info" for name in families}
    known |= {rule["record"] for rule in rules() if "record" in rule}
    text = "\n".join(text for rule in rules() for text in (rule["expr"], *rule.get("annotations", {}).values()))
    named = set(re.findall(r"\bholdback[_:][\w:]+(?=[\[{\s)]|$)", text, re.MULTILINE))
    assert named - known == set()
    assert named >= {"holdback_breaker_state", "holdback_health", "holdback_page_open", "holdback:episode_info:last5m"}


def test_states_in_rules_are_states_of_the_code() -> None:
    """A state that is spelt otherwise than in the code would never be seen."""
    registry = CollectorRegistry()
    Metrics(registry, model="m", max_error=0.05)
    text = "\n".join(rule["expr"] for rule in rules())
    for name, states in (("holdback_breaker_state", BreakerState), ("holdback_health", Health)):
        used = {state for found in re.findall(rf'{name}=~?"([^"]+)"', text) for state in found.split("|")}
        assert used
        assert used <= {state.value for state in states}


def test_only_harm_and_not_knowing_page() -> None:
    """The rest is a ticket; and whoever is paged finds all that a page has to say."""
    for rule in alerts():
        severity = rule["labels"]["severity"]
        assert severity in {"page", "ticket", "none"}
        if severity == "page":
            assert rule["alert"] in NEEDS_A_PERSON
        if severity != "none":
            assert {"summary", "description", "page_url", "runbook_url"} == set(rule["annotations"])
    assert {rule["alert"] for rule in alerts() if rule["labels"]["severity"] == "page"} == NEEDS_A_PERSON


def test_a_page_for_harm_waits_for_nothing() -> None:
    """With scrapes and evaluations 15 s apart there is time for no `for` within a minute of the trip."""
    for rule in alerts():
        if rule["labels"]["severity"] == "page" and rule["labels"]["about"] in {"trip", "ledger"}:
            assert "for" not in rule


def test_no_text_is_left_without_a_value() -> None:
    """What Prometheus rendered in the cases, word for word, has no gap in it."""
    for case in CASES:
        text = case.read_text(encoding="utf-8")
        assert "no value" not in text
        assert "%!" not in text
        assert "error expanding" not in text
