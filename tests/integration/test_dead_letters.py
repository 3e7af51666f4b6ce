"""`holdback dead-letters` over a real broker: what could not be taken, and how it is taken in again."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.events import DeadLetter, DeadLetterReason, Source, encode_many, utc
from tests.integration.stage import Stage, status_of
from tests.monitor.streams import stream
from tests.real.kafka import ApacheKafka

NOW = time.time() - 600


@pytest.fixture
def stage(apache_kafka: ApacheKafka, tmp_path: Path) -> Stage:
    made = Stage(apache_kafka, tmp_path, partitions=2)
    made.create()
    return made


def said(capsys: pytest.CaptureFixture[str], *args: object) -> Any:
    """JSON of a command that does not fail."""
    assert status_of("dead-letters", *args, "--json", "-") == 0
    return json.loads(capsys.readouterr().out)


def bury(stage: Stage, *letters: tuple[str, bytes, Source]) -> None:
    """Write dead letters: reason, bytes, and where they were read."""
    records = [
        DeadLetter(reason=DeadLetterReason(reason), detail="x\x1b[31m", source=source, payload=payload, time=utc(NOW))
        for reason, payload, source in letters
    ]
    stage.kafka.append(stage.topics.dead_letters, encode_many(records), partition=1, time=NOW + 60)


def test_what_was_refused_is_listed_and_taken_in_once_the_fault_is_gone(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record that does not fit the schema is a dead letter; replayed it goes the same way as before."""
    config = ("-c", stage.path)
    assert said(capsys, "list", *config) == {"n": 0, "reasons": {}, "letters": []}
    good = msgspec.json.encode(stream(1, 3)[0][0] | {"id": "late"})
    with stage.replica():
        stage.write(stage.topics.predictions, [good[:-1] + b', "version": 7}', b"\x1b[31m"], ["late", "x"])
        stage.wait_for(stage.topics.dead_letters, 2)
        found = said(capsys, "list", *config)
        assert found["reasons"] == {"schema": 1, "unreadable": 1}
        (bad,) = [each for each in found["letters"] if each["reason"] == "schema"]
        assert (bad["id"], bad["source"]["topic"], bad["size"]) == ("late", stage.topics.predictions, len(good) + 14)

        assert said(capsys, "replay", *config, "--dry-run")["written"] == {stage.topics.predictions: 2}
        assert said(capsys, "replay", *config, "--id", "late")["written"] == {stage.topics.predictions: 1}
        again = stage.wait_for(stage.topics.dead_letters, 3)
    assert [each["source"]["partition"] for each in again if each["reason"] == "schema"] == [
        bad["source"]["partition"]
    ] * 2
    assert said(capsys, "list", *config, "--limit", "1")["letters"][0]["id"] == "late"
    assert status_of("dead-letters", "list", *config) == 0
    told = capsys.readouterr().out
    assert "3 in all: schema 2, unreadable 1" in told
    assert "\x1b" not in told


def test_only_what_is_meant_is_written_back_to_where_it_came_from(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same partition, bytes and time, the id as key; duplicates only on demand; other topics never."""
    config, topics = ("-c", stage.path), stage.topics
    packed = msgspec.msgpack.encode({"id": "m"})
    bury(
        stage,
        ("schema", b'{"id": "a"}', Source(topics.outcomes, 1, 5)),
        ("duplicate", b'{"id": "b"}', Source(topics.predictions, 0, 6)),
        ("schema", packed, Source(topics.predictions, 1, 7)),
        ("unmatched", b'{"id": "u", "label": "1"}', Source(topics.outcomes, 0, -1)),
        ("schema", b"{", Source("somebody.elses", 0, 8)),
        ("unreadable", b"", Source(topics.predictions, 0, 9)),
    )
    result = said(capsys, "replay", *config)
    assert result["written"] == {topics.outcomes: 2, topics.predictions: 1}
    assert (result["elsewhere"], result["empty"]) == ({"somebody.elses": 1}, 1)
    (record,) = stage.kafka.all(topics.predictions, 1)
    assert (record.value, record.key, record.timestamp) == (packed, b"m", int(NOW * 1000))
    assert dict(record.headers)["content-type"] == b"application/msgpack"
    assert stage.kafka.all(topics.predictions, 0) == []
    outcomes = [each.value for partition in (0, 1) for each in stage.kafka.all(topics.outcomes, partition)]
    assert sorted(outcomes) == [b'{"id": "a"}', b'{"id": "u", "label": "1"}']
    assert b'{"id": "a"}' in [each.value for each in stage.kafka.all(topics.outcomes, 1)]

    assert said(capsys, "replay", *config, "--reason", "duplicate")["written"] == {topics.predictions: 1}
    assert [each.value for each in stage.kafka.all(topics.predictions, 0)] == [b'{"id": "b"}']
    (place,) = [each["at"] for each in said(capsys, "list", *config, "--reason", "duplicate")["letters"]]
    assert said(capsys, "replay", *config, "--at", place, "--dry-run")["written"] == {topics.predictions: 1}
    assert said(capsys, "list", *config, "--since", "2100-01-01")["n"] == 0
    assert said(capsys, "list", *config, "--since", "2h")["n"] == 6


def test_the_longest_record_fits_into_a_dead_letter(
    apache_kafka: ApacheKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a topic that `doctor --fix` made: its bytes grow by a third in base64, and do not compress."""
    stage = Stage(apache_kafka, tmp_path, web={"port": 0})
    assert status_of("doctor", "-c", stage.path, "--fix") == 0
    capsys.readouterr()
    longest = random.Random(0).randbytes(1_048_000)
    with stage.replica():
        stage.write(stage.topics.predictions, [longest], ["x"])
        stage.feed(10)
        stage.wait_for(stage.topics.decisions, 10)
    (found,) = said(capsys, "list", "-c", stage.path)["letters"]
    assert (found["reason"], found["size"]) == ("too_large", len(longest))


def test_what_is_no_dead_letter_is_named(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody else writes to the topic: it is said where."""
    stage.kafka.append(stage.topics.dead_letters, [b"hello"], partition=1)
    assert status_of("dead-letters", "list", "-c", stage.path) == 1
    assert f"record 1:0 of {stage.topics.dead_letters} is no dead letter" in capsys.readouterr().err
