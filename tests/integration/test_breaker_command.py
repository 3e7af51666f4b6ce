"""`holdback breaker` and `holdback ledger` beside a replica that judges, over a real broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import Stage, status_of
from tests.real.kafka import ApacheKafka


@pytest.fixture
def stage(apache_kafka: ApacheKafka, tmp_path: Path) -> Stage:
    made = Stage(apache_kafka, tmp_path)
    made.create()
    return made


def said(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, Any, str]:
    """Exit status, JSON of standard output, and standard error."""
    status = status_of(*args)
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else None, err


def test_orders_go_through_the_judge_and_come_back(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Open, refused, status, auto: each is in the ledger with its actor, and routers obey the verdict that follows."""
    config = ("-c", stage.path, "--json", "-")
    with stage.replica():
        stage.feed(100)
        assert all(each["breaker"] == "closed" for each in stage.wait_for(stage.topics.decisions, 100))
        reason = ("--reason", "bad release", "--actor", "ada")
        status, heard, _ = said(capsys, "breaker", "open", *config, *reason, "--for", "30m", "--model", "m")
        assert (status, heard["refused"], heard["versions"]) == (0, None, {"1": "forced_open"})
        (step,) = heard["transitions"]
        assert (step["from"], step["to"], step["override"]["actor"]) == ("closed", "forced_open", "ada")
        stage.feed(50, first=100)
        decisions = stage.wait_for(stage.topics.decisions, 150)[100:]
        assert {(each["breaker"], each["reason"]) for each in decisions} == {("forced_open", "forced_open")}

        status, heard, err = said(capsys, "breaker", "open", *config, *reason, "--for", "8d")
        assert (status, "at most 7 d" in heard["refused"], "the judge refused `open`" in err) == (1, True, True)
        status, heard, err = said(capsys, "breaker", "auto", *config, "--version", "7")
        assert (status, "no version 7" in err) == (1, True)

        _, found, _ = said(capsys, "breaker", "status", *config)
        (one,) = found["versions"]
        assert (one["state"], one["would_have"], one["health"]) == ("forced_open", "closed", "fresh")
        assert (one["override"]["actor"], one["override"]["reason"]) == ("ada", "bad release")
        status, heard, _ = said(capsys, "breaker", "auto", *config)
        assert (status, heard["versions"], heard["transitions"][0]["to"]) == (0, {"1": "half_open"}, "half_open")
        status, heard, _ = said(capsys, "breaker", "auto", *config)
        assert (status, heard["transitions"]) == (0, [])

    assert status_of("breaker", "status", "-c", stage.path, "--version", "1") == 0
    told = capsys.readouterr().out
    assert told.startswith("m 1: HALF_OPEN since ")
    assert "waits for" in told
    assert status_of("breaker", "status", "-c", stage.path, "--version", "2") == 2
    assert "versions: 1" in capsys.readouterr().err


def test_without_a_judge_an_order_says_what_to_do(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1 after the wait; the order is not lost: a judge that comes later finds it."""
    order = ("breaker", "open", "-c", stage.path, "--reason", "x", "--for", "30m", "--wait", "200ms")
    assert status_of(*order) == 1
    err = capsys.readouterr().err
    assert "nobody judged the order within 0.2 s" in err
    assert "`holdback doctor`" in err
    assert status_of("breaker", "status", "-c", stage.path) == 1
    assert "nobody has judged yet" in capsys.readouterr().err
    stage.feed(20)
    with stage.replica():
        stage.wait_for(stage.topics.decisions, 20)
        (first,) = [each for each in stage.wait_for(stage.topics.ledger, 4) if each["kind"] == "order"]
    assert "nothing has been counted yet" in first["refused"]


def test_the_ledger_is_read_from_its_topic(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """It verifies, shows, and is derived again from the summaries, whose offsets have gaps; a forged line is found."""
    with stage.replica():
        stage.feed(100)
        stage.wait_for(stage.topics.decisions, 100)
        order = ("breaker", "open", "-c", stage.path, "--reason", "x", "--for", "30m")
        assert status_of(*order) == 0
        stage.feed(50, first=100)
        stage.wait_for(stage.topics.decisions, 150)
    capsys.readouterr()
    config = ("-c", stage.path, "--json", "-")
    _, verified, _ = said(capsys, "ledger", "verify", *config)
    lines = stage.all(stage.topics.ledger)
    assert verified == {"ok": True, "records": len(lines), "head": lines[-1]["hash"]}
    _, shown, _ = said(capsys, "ledger", "show", *config, "--kind", "order")
    assert [each["actor"] for each in shown] != []
    assert said(capsys, "ledger", "show", *config, "--from", "2100-01-01")[1] == []
    status, told, err = said(capsys, "ledger", "why", *config, "--again")
    assert err == ""
    assert (status, told["again"]["records"]) == (0, len(lines))
    (explained,) = told["transitions"]
    seq = explained["transition"]["seq"]
    assert said(capsys, "ledger", "why", *config, "--seq", str(seq), "--again")[1]["again"]["records"] == seq + 1

    copy = stage.folder / "copy.ledger"
    assert status_of("ledger", "save", copy, "-c", stage.path) == 0
    assert status_of("ledger", "save", copy, "-c", stage.path) == 2
    assert "is already there" in capsys.readouterr().err
    assert said(capsys, "ledger", "verify", copy, "--json", "-")[1] == verified

    stage.kafka.append(stage.topics.ledger, [b'{"kind":"verdict","forged":true}'])
    status, broken, err = said(capsys, "ledger", "verify", *config)
    assert (status, broken["line"], "broken at line" in err) == (3, len(lines) + 1, True)
