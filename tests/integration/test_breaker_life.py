"""A whole life of a breaker over a real broker: it trips, probes, recovers, is overruled, and that runs out."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.integration.replicas import PARTITIONS, Fleet
from tests.integration.stage import status_of
from tests.integration.worlds import World
from tests.real.kafka import ApacheKafka, free_port

RATE, LATE, CALM = 200, 40, 1_500
PATIENCE = 90.0
"""Seconds for each step; alone on two cores none takes more than fifteen."""
SHOWN = re.compile(r"holdback_breaker_state\{(?=[^}]*holdback_breaker_state=\"(\w+)\")[^}]*\} 1\.0")
ORDER = ("--actor", "ada", "--reason", "bad release")


class Replica:
    """A process of the fleet, seen from outside: by its page and its metrics."""

    def __init__(self, fleet: Fleet) -> None:
        self._port = free_port()
        self.process = fleet.start(HOLDBACK_WEB__PORT=str(self._port))

    def status(self) -> dict[str, Any]:
        """What its page shows of the one version; nothing before it has heard a verdict."""
        versions = json.loads(self._read("api/v1/status") or "{}").get("versions", [])
        return versions[0] if versions else {}

    def shows(self, state: str) -> bool:
        """Whether its page and its metrics are of one mind."""
        return (self.status().get("state"), SHOWN.findall(self._read("metrics"))) == (state, [state])

    def judges(self) -> bool:
        """Whether it is the judge."""
        return re.search(r"^holdback_judge\{.*\} 1\.0$", self._read("metrics"), re.MULTILINE) is not None

    def _read(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""


class Decisions:
    """Decisions as they come, partition by partition."""

    def __init__(self, fleet: Fleet, kafka: ApacheKafka) -> None:
        self._fleet, self._kafka = fleet, kafka
        self._next = [0] * PARTITIONS
        self.of: list[list[dict[str, Any]]] = [[] for _ in range(PARTITIONS)]

    def read(self) -> None:
        """Read on."""
        for partition, found in enumerate(self.of):
            records = self._kafka.all(self._fleet.topics.decisions, partition, start=self._next[partition])
            found += [msgspec.json.decode(each.value) for each in records]
            self._next[partition] = records[-1].offset + 1 if records else self._next[partition]

    def last(self) -> set[str]:
        """The breaker by which the last decision of each partition was made."""
        self.read()
        return {found[-1]["breaker"] for found in self.of if found}

    def paths(self) -> list[list[str]]:
        """The breaker's states in each partition, one after the other."""
        return [[state for state, _ in groupby(each["breaker"] for each in found)] for found in self.of]


@pytest.fixture
def fleet(apache_kafka: ApacheKafka, tmp_path: Path) -> Iterator[Fleet]:
    """A model of its own, with timers of seconds."""
    made = Fleet(
        apache_kafka,
        tmp_path,
        "life",
        promise={"max_error": "20%", "false_pages": "1 per 90d"},
        breaker={
            "backoff": "6s", "max_backoff": "8s", "close_hold": "4s", "warning_hold": "2s", "ramp_hold": "2s",
            "flaps": 30, "probes": 400,
        },
    )  # fmt: skip
    yield made
    made.close()


def steps(fleet: Fleet) -> list[dict[str, Any]]:
    """The breaker's steps."""
    return [each for each in fleet.records.decoded("ledger") if each["kind"] == "transition"]


def test_a_breaker_lives_its_life_and_a_second_replica_follows(
    fleet: Fleet, apache_kafka: ApacheKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every partition's decisions, and both replicas' pages and metrics, go through the same states.

    The judge is killed while it waits for the probes; the other one goes on in its place. In the end the ledger is
    whole, and each of its steps comes out of the summaries again.
    """
    world, decisions = World(fleet, RATE, LATE), Decisions(fleet, apache_kafka)
    replicas = [Replica(fleet), Replica(fleet)]

    def all_at(state: str) -> None:
        fleet.until(lambda: all(each.shows(state) for each in replicas), PATIENCE, f"all replicas show {state}")
        fleet.until(lambda: decisions.last() == {state}, PATIENCE, f"all partitions are decided by {state}")

    world.start()
    try:
        fleet.until(lambda: fleet.decided() > CALM, PATIENCE, "calm events are decided")
        all_at("closed")
        assert steps(fleet) == []

        world.changed = True
        all_at("open")
        assert any(each["page"] == "page" for each in steps(fleet))

        world.mend(silently=True)
        all_at("half_open")
        (judge,) = [each for each in replicas if each.judges()]
        (heir,) = [each for each in replicas if each is not judge]
        judge.process.kill()
        fleet.until(heir.judges, PATIENCE, "the other one judges")
        assert heir.shows("half_open")
        # a newcomer may be given the summaries, and be the third judge
        replicas = [heir, Replica(fleet)]
        all_at("half_open")
        fleet.until(lambda: sum(each.judges() for each in replicas) == 1, PATIENCE, "one of them judges")
        assert steps(fleet)[-1]["to"] == "half_open"

        world.tell()
        all_at("closed")
        assert [each["from"] for each in steps(fleet)][-1] in ("half_open", "degraded")
        fleet.until(lambda: all(each.status()["ramp"] == 1.0 for each in replicas), PATIENCE, "all traffic is back")

        assert status_of("breaker", "open", "-c", fleet.path, *ORDER, "--for", "1h") == 0
        all_at("forced_open")
        for each in replicas:
            told = each.status()
            assert (told["override"]["actor"], told["override"]["reason"]) == ("ada", "bad release")
            assert told["would_have"] == "closed"
        # a later order takes the place of the one before, its end included
        assert status_of("breaker", "open", "-c", fleet.path, *ORDER, "--for", "3s") == 0
        fleet.until(lambda: steps(fleet)[-1]["to"] == "closed", PATIENCE, "the order runs out, and probes go well")
        all_at("closed")
        assert all(each.status()["override"] is None for each in replicas)
    finally:
        world.stop()

    fleet.until(lambda: len(fleet.records.ids("decisions")) == world.sent, PATIENCE, "all is decided")
    assert_followed(fleet, decisions)
    # even in a silence a replica says that it is there, and the judge writes
    fleet.close()
    assert_derived_again(fleet, capsys)


def assert_followed(fleet: Fleet, decisions: Decisions) -> None:
    """All decided once; the ledger's steps lead from each to the next; each partition was decided by all of them."""
    assert set(fleet.records.ids("decisions").values()) == {1}
    done = steps(fleet)
    assert [each["from"] for each in done[1:]] == [each["to"] for each in done[:-1]]
    after = done[next(place for place, each in enumerate(done) if each["cause"] == "override") :]
    assert [(each["from"], each["to"], each["cause"]) for each in after] == [
        ("closed", "forced_open", "override"),
        ("forced_open", "forced_open", "override"),
        ("forced_open", "half_open", "expired"),
        ("half_open", "closed", "recovered"),
    ]
    decisions.read()
    for path in decisions.paths():
        rest = iter(path)
        wanted = ("closed", "open", "half_open", "closed", "forced_open", "closed")
        assert all(state in rest for state in wanted), path
    reasons = {each["reason"] for found in decisions.of for each in found}
    assert {"breaker_open", "breaker_half_open", "ramp", "forced_open"} <= reasons


def assert_derived_again(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    """The chain holds, and every step is judged again from the summaries to the same bytes."""
    assert status_of("ledger", "verify", "-c", fleet.path) == 0
    capsys.readouterr()
    status = status_of("ledger", "why", "-c", fleet.path, "--again", "--json", "-")
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert [each["transition"] for each in told["transitions"]] == steps(fleet)
    assert (told["again"]["base"], told["again"]["records"]) == (0, len(fleet.records.of("ledger")))
