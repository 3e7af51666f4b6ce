"""`holdback reviews` beside a replica, over a real broker: from the topic to a person, and back into the topics."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import RunError
from monitor.operating.clients import reader
from monitor.operating.review_desk import ReviewDesk
from monitor.operating.reviewing import PeoplesQueue
from tests.integration.stage import Stage, status_of
from tests.real.kafka import ApacheKafka


@pytest.fixture
def stage(apache_kafka: ApacheKafka, tmp_path: Path) -> Stage:
    # nothing but people in the chain, so whatever is held back waits for one
    made = Stage(apache_kafka, tmp_path, partitions=2, route={"chain": ["human"]})
    made.create()
    return made


def said(capsys: pytest.CaptureFixture[str], *args: object) -> Any:
    """JSON of a command that does not fail."""
    assert status_of("reviews", *args, "--json", "-") == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str]:
    """Exit status and standard error."""
    status = status_of("reviews", *args)
    return status, capsys.readouterr().err


def test_a_person_answers_and_both_caller_and_judge_learn_of_it(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Claimed, answered once, in answers and outcomes in the partition of its review, joined, and gone for others."""
    config, topics = ("-c", stage.path), stage.topics
    with stage.replica():
        stage.feed(10)
        stage.wait_for(topics.decisions, 10)
        order = ("breaker", "open", *config, "--reason", "all to people", "--for", "1h")
        assert status_of(*order) == 0
        capsys.readouterr()
        predictions = stage.unlabelled(20, first=100)
        waiting = said(capsys, "list", *config)
        assert {each["id"] for each in waiting["reviews"]} >= set(predictions)
        assert waiting["n"] == len(waiting["reviews"])

        (mine,) = said(capsys, "claim", *config, "--reviewer", "ada")
        assert mine["id"] == waiting["reviews"][0]["id"]
        assert set(mine["review"]["features"]) == {"f0", "f1", "f2", "f3"}
        answer = ("answer", mine["decision_id"], *config, "--answer")
        assert "held by 'ada', not 'bob'" in refused(capsys, *answer, "1", "--reviewer", "bob")[1]
        assert refused(capsys, *answer, "cat", "--reviewer", "ada")[0] == 2
        first = said(capsys, *answer, "1", "--reviewer", "ada")
        assert (first["answer"], first["answered_by"], first["new"]) == ("1", "ada", True)
        assert said(capsys, *answer, "0", "--reviewer", "bob") == first | {"new": False}

        (told,) = [each for each in stage.wait_for(topics.answers, 1) if not each["expired"]]
        assert (told["decision_id"], told["answer"], told["answered_by"]) == (mine["decision_id"], "1", "ada")
        (truth,) = [each for each in stage.wait_for(topics.outcomes, 11) if each.get("source") == "review"]
        assert (truth["id"], truth["label"], truth["by"], truth["model"]) == (mine["id"], "1", "ada", "m")
        partition = stage.partition_of(mine["id"])
        assert mine["id"] in [each["id"] for each in stage.all(topics.outcomes, partition)]
        assert mine["id"] in [each["id"] for each in stage.wait_for(topics.joined, 11)]

        elsewhere = said(capsys, "list", *config, "--store", stage.folder / "other.sqlite")
        assert mine["id"] not in [each["id"] for each in elsewhere["reviews"]]
        assert elsewhere["n"] == waiting["n"] - 1

        # the same file, as a replica serves it over HTTP
        desk = ReviewDesk(stage.config, stage.folder / "reviews.sqlite", time.time)
        (other,) = desk.claim("eve", 1)["reviews"]
        assert other["id"] != mine["id"]
        assert desk.answer(other["decision_id"], "eve", "0", unlisted=False)[1]
        by = {each["answered_by"] for each in stage.wait_for(topics.answers, 2)}
        assert by >= {"ada", "eve"}
        desk.close()
    assert status_of("reviews", "claim", *config, "--reviewer", "bob") == 0
    sheet = capsys.readouterr().out
    assert "the model says:" in sheet
    assert "holdback reviews answer" in sheet


def test_an_answer_that_cannot_be_sent_is_kept_and_sent_later(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the broker away it stays in the file, and the next command sends it; what was sent is not sent again."""
    path = stage.folder / "reviews.sqlite"
    with stage.replica():
        stage.feed(2)
        stage.wait_for(stage.topics.decisions, 2)
        assert status_of("breaker", "open", "-c", stage.path, "--reason", "x", "--for", "1h") == 0
        stage.unlabelled(3, first=100)
        queue = PeoplesQueue(stage.config, path, time.time)
        with reader(stage.config, "test") as opened:
            queue.sync(opened)
        (item,) = queue.claim("ada", 1)
        queue.answer(item.decision_id, "ada", "1")
        stage.reconfigure(kafka={"bootstrap": "127.0.0.1:1"})
        away = PeoplesQueue(stage.config, path, time.time)
        with pytest.raises(RunError, match=r"not sent yet: 1\. They are kept in"):
            away.send()
        assert stage.all(stage.topics.answers, item.origin) == []
        stage.reconfigure(kafka={"bootstrap": stage.kafka.bootstrap})
        capsys.readouterr()
        said(capsys, "list", "-c", stage.path, "--store", path)
        said(capsys, "list", "-c", stage.path, "--store", path)
        sent = [each["id"] for each in stage.wait_for(stage.topics.answers, 1)]
        assert sent == [item.request_id]
        queue.close()
        away.close()
