"""`holdback doctor` over a real broker: what it creates, what it finds, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka.admin import ACLOperation, ConfigResource, ConfigResourceType, ResourceType

from tests.integration.stage import Stage, status_of
from tests.monitor.streams import outcome
from tests.real.kafka import ApacheKafka
from tests.real.secured_kafka import SecuredKafka

Checks = dict[str, dict[str, Any]]


def looked(stage: Stage, capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, Checks]:
    """Exit status, and what was found by check; of several with one name the last."""
    status = status_of("doctor", "-c", stage.path, "--json", "-", *args)
    return status, {each["check"]: each for each in json.loads(capsys.readouterr().out)["checks"]}


def states(found: Checks, *which: str) -> list[str]:
    return [found[each]["state"] for each in which]


@pytest.fixture
def stage(apache_kafka: ApacheKafka, tmp_path: Path) -> Stage:
    return Stage(apache_kafka, tmp_path, partitions=3, web={"port": 0})


def settings_of(kafka: ApacheKafka, topic: str) -> dict[str, str]:
    with kafka.admin() as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    return {name: entry["value"] for name, entry in found["topic"][topic].items()}


def test_fix_creates_what_is_missing_and_then_nothing_is_wrong(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """First every topic is missing; then each has its partitions and settings; a second time there is nothing to do."""
    topics = stage.topics
    status, found = looked(stage, capsys)
    assert (status, found[f"topic {topics.ledger}"]["state"]) == (3, "fail")
    assert "--fix" in found[f"topic {topics.ledger}"]["todo"]
    assert found[f"group {stage.scope}"]["what"] == "no replica runs; nothing was committed yet"

    status, found = looked(stage, capsys, "--fix")
    assert status == 0, [each for each in found.values() if each["state"] == "fail"]
    assert {each["state"] for each in found.values()} == {"ok"}
    assert "with 3 partitions, replication 1" in found[f"create {topics.outcomes}"]["what"]
    ledger = settings_of(stage.kafka, topics.ledger)
    assert (ledger["retention.ms"], ledger["cleanup.policy"]) == ("-1", "delete")
    assert settings_of(stage.kafka, topics.summaries)["retention.ms"] == str(7 * 86_400_000)
    with stage.kafka.admin() as admin:
        counts = {each["name"]: len(each["partitions"]) for each in admin.describe_topics(list(topics.partitions(3)))}
    assert counts == topics.partitions(3)

    status, found = looked(stage, capsys, "--fix")
    assert status == 0
    assert not [each for each in found if each.startswith("create")]


def test_what_is_there_is_judged_and_never_altered(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """New topics get the partitions of the predictions; unequal ones fail; settings stay as they are."""
    topics = stage.topics
    stage.kafka.create({topics.predictions: 2, topics.outcomes: 5, topics.ledger: 1, topics.summaries: 2})
    before = settings_of(stage.kafka, topics.ledger)
    status, found = looked(stage, capsys, "--fix")
    assert status == 3
    assert "with 2 partitions" in found[f"create {topics.decisions}"]["what"]
    assert f"{topics.outcomes} 5" in found["partitions"]["what"]
    assert states(found, "partitions", f"topic {topics.summaries}", f"topic {topics.ledger}") == [
        "fail",
        "fail",
        "warn",
    ]
    assert "exactly one" in found[f"topic {topics.summaries}"]["what"]
    assert settings_of(stage.kafka, topics.ledger) == before


def test_outcomes_that_will_never_meet_their_predictions_are_found(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """One pair in two partitions fails; records without a key are a warning; with the id as key all is well."""
    stage.create()
    kafka, topics = stage.kafka, stage.topics
    stage.feed(30)
    assert states(looked(stage, capsys)[1], "same partition") == ["ok"]
    kafka.append(topics.outcomes, [outcome("7", "1")], [b"7"], (ord("7") + 1) % 3)
    kafka.append(topics.predictions, [b'{"id": "bare"}'])
    status, found = looked(stage, capsys)
    assert status == 3
    assert "as that of '7'" in found["same partition"]["what"]
    assert states(found, "same partition", "keys of predictions") == ["fail", "warn"]


def test_the_group_is_shown_with_its_members_and_lag(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A replica that runs is counted; a stranger in its group is a fault."""
    stage.create()
    stage.feed(20)
    with stage.replica():
        stage.wait_for(stage.topics.decisions, 20)
        status, found = looked(stage, capsys)
        assert (status, found[f"group {stage.scope}"]["state"]) == (0, "ok")
        assert found[f"group {stage.scope}"]["what"].startswith("1 replica; ")
    stranger = KafkaConsumer(
        stage.topics.predictions, bootstrap_servers=stage.kafka.bootstrap, group_id=stage.scope, client_id="grafana"
    )
    while not stranger.assignment():
        stranger.poll(100)
    status, found = looked(stage, capsys)
    stranger.close()
    assert (status, "grafana" in found[f"group {stage.scope}"]["what"]) == (3, True)


@pytest.fixture(scope="module")
def secured() -> Iterator[SecuredKafka]:
    """A broker where nobody may do anything until it is allowed."""
    with SecuredKafka(ann="secret") as broker:
        yield broker


def test_missing_rights_are_named_one_by_one(
    secured: SecuredKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing may be seen; then read, but not written; then all but transactions; then nothing is missing."""
    password = tmp_path / "password"
    password.write_text("secret\n")
    sasl = {"mechanism": "PLAIN", "username": "ann", "password_file": str(password)}
    stage = Stage(secured, tmp_path, partitions=2, web={"port": 0})
    stage.reconfigure(kafka={"bootstrap": secured.secured, "sasl": sasl})
    stage.create()
    topics, group = stage.topics, f"group {stage.scope}"
    read = [*topics.consumed, topics.decisions, topics.joined, topics.reviews, topics.ledger]

    _, found = looked(stage, capsys, "--fix")
    assert "may not see it" in found[f"topic {topics.decisions}"]["what"]
    assert "Allow CREATE" in found[f"create {topics.decisions}"]["todo"]
    assert states(found, "broker", "login", group, "transactions") == ["ok", "warn", "fail", "fail"]

    for topic in read:
        secured.allow("ann", ResourceType.TOPIC, topic, ACLOperation.READ)
    secured.allow("ann", ResourceType.TOPIC, topics.dead_letters, ACLOperation.DESCRIBE)
    _, found = looked(stage, capsys)
    assert states(found, f"topic {topics.predictions}", f"topic {topics.decisions}", "read") == ["ok", "fail", "ok"]
    assert found[f"topic {topics.dead_letters}"]["todo"] == f"Allow WRITE on topic {topics.dead_letters}"

    for topic in topics.written:
        secured.allow("ann", ResourceType.TOPIC, topic, ACLOperation.WRITE)
    secured.allow("ann", ResourceType.GROUP, stage.scope, ACLOperation.READ)
    status, found = looked(stage, capsys)
    assert (status, [each["check"] for each in found.values() if each["state"] == "fail"]) == (3, ["transactions"])
    assert "holdback-*" in found["transactions"]["todo"]

    secured.allow_prefixed("ann", ResourceType.TRANSACTIONAL_ID, "holdback-", ACLOperation.WRITE, ACLOperation.DESCRIBE)
    status, found = looked(stage, capsys)
    assert status == 0, [each for each in found.values() if each["state"] == "fail"]


def test_a_login_that_is_refused_is_told_as_that(
    secured: SecuredKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as a broker that is away; the password is shown nowhere."""
    monkeypatch.setattr("monitor.logs.kafka_clients.CONNECT_SECONDS", 2.0)
    password = tmp_path / "password"
    password.write_text("guessed-wrong\n")
    sasl = {"mechanism": "PLAIN", "username": "ann", "password_file": str(password)}
    stage = Stage(secured, tmp_path)
    stage.reconfigure(kafka={"bootstrap": secured.secured, "sasl": sasl})
    status, found = looked(stage, capsys)
    assert (status, "the login is refused" in found["broker"]["what"]) == (3, True)
    assert "guessed-wrong" not in json.dumps(found)
