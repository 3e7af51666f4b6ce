"""What a replica does when the broker, the topics or the events are not as they should be."""

from __future__ import annotations

import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger.chain import verify
from tests.integration.replicas import PARTITIONS, Fleet
from tests.monitor.streams import stream
from tests.real.kafka import ApacheKafka, free_port

STOPPED_SECONDS = 20.0
RATE, BURST = 200, 10_000
_COME_BACK = 60.0
"""Seconds until a replica is at work again: its waits between attempts grow to half a minute."""


@pytest.fixture(scope="module")
def broker() -> Iterator[ApacheKafka]:
    """A broker that may be harmed."""
    with ApacheKafka() as kafka:
        yield kafka


@contextmanager
def fleet(kafka: ApacheKafka, folder: Path, model: str, **changes: Any) -> Iterator[Fleet]:
    """Replicas that are stopped at the end."""
    made = Fleet(kafka, folder, model, **changes)
    try:
        yield made
    finally:
        made.close()


def events(model: str, first: int, n: int) -> list[dict[str, Any]]:
    """Predictions of now, with numbers from `first` on."""
    predictions, _ = stream(n, seed=first + 1)
    for i, each in enumerate(predictions, first):
        each.pop("time")
        each |= {"model": model, "id": str(i)}
    return predictions


def decided(fleet: Fleet, n: int) -> bool:
    """Whether there are decisions on so many predictions."""
    return len(fleet.records.ids("decisions")) >= n


def answer_of(url: str) -> tuple[int, str]:
    """What is answered over HTTP; 0 if nobody listens yet."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except OSError:
        return 0, ""


def connected(port: int) -> str:
    """What the metrics say about the broker."""
    lines = answer_of(f"http://127.0.0.1:{port}/metrics")[1].splitlines()
    return next((line.split()[-1] for line in lines if line.startswith("holdback_broker_connected")), "")


def assert_all_decided_once(fleet: Fleet, n: int) -> None:
    """Every prediction has one committed decision, the ledger verifies, nobody has died."""
    ids = fleet.records.ids("decisions")
    assert (len(ids), set(ids.values())) == (n, {1})
    lines = fleet.records.of("ledger")
    assert verify(lines).records == len(lines)
    assert [each.poll() for each in fleet.replicas] == [None] * len(fleet.replicas), fleet.told()


class Traffic(threading.Thread):
    """Sends predictions at a pace until stopped, whether the broker answers or not: a producer tries again."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(daemon=True)
        self._fleet, self._over, self.sent = fleet, threading.Event(), 0

    def run(self) -> None:
        """Send."""
        while not self._over.wait(0.1):
            some = events(self._fleet.config.model, self.sent, RATE // 10)
            self._fleet.send(some)
            self.sent += len(some)

    def stop(self) -> None:
        """Send no more; waits for what is under way."""
        self._over.set()
        self.join(_COME_BACK)
        assert not self.is_alive(), "the broker takes what is sent"


def test_a_broker_that_is_away_at_the_start_is_waited_for(broker: ApacheKafka, tmp_path: Path) -> None:
    """The process stays up, alive and ready, its metrics say that the broker is away, and it joins when that comes."""
    port = free_port()
    with fleet(broker, tmp_path, "away", web={"port": port}) as one:
        broker.stop(kill=True)
        replica = one.start()
        one.until(lambda: "broker_lost" in one.told(), 30, "it says that the broker is lost")
        for path in ("livez", "readyz"):
            assert answer_of(f"http://127.0.0.1:{port}/{path}")[0] == 200
        assert connected(port) == "0.0"
        broker.start()
        one.send(events("away", 0, 100))
        one.until(lambda: decided(one, 100), _COME_BACK, "it decides")
        one.until(lambda: connected(port) == "1.0", 5, "it says so")
        assert replica.poll() is None
        assert_all_decided_once(one, 100)


@pytest.mark.parametrize("trouble", ["stopped", "killed"])
def test_a_broker_that_fails_in_the_middle_loses_and_repeats_nothing(
    broker: ApacheKafka, tmp_path: Path, trouble: str
) -> None:
    """Stopped for 20 s and continued, or killed and started again on its data: all is decided once."""
    with fleet(broker, tmp_path, trouble) as some:
        some.start()
        some.start()
        traffic = Traffic(some)
        traffic.start()
        some.until(lambda: decided(some, 200), _COME_BACK, "they decide")
        if trouble == "stopped":
            broker.signal(signal.SIGSTOP)
            time.sleep(STOPPED_SECONDS)
            broker.signal(signal.SIGCONT)
            time.sleep(1.0)
            traffic.stop()
            sent = traffic.sent
        else:
            traffic.stop()
            sent = traffic.sent + BURST
            some.send(events(trouble, traffic.sent, BURST))
            broker.stop(kill=True)
            broker.start()
        some.until(lambda: decided(some, sent), _COME_BACK, "all is decided")
        assert_all_decided_once(some, sent)


def test_missing_topics_are_named_and_waited_for(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    """Without topics a replica says which and what to do; once they are there it goes on by itself."""
    with fleet(apache_kafka, tmp_path, "topicless", create=False) as one:
        replica = one.start()
        one.until(lambda: "there is no topic topicless.predictions" in one.told(), 30, "it names a topic")
        assert "holdback doctor --fix" in one.told()
        one.create()
        one.send(events("topicless", 0, 100))
        one.until(lambda: decided(one, 100), _COME_BACK, "it decides")
        assert replica.poll() is None


def test_unequal_partitions_are_named_and_waited_for(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    """Outcomes in fewer partitions than predictions: a replica says so; once there are as many it goes on by itself."""
    with fleet(apache_kafka, tmp_path, "uneven", create=False) as one:
        apache_kafka.create({one.topics.outcomes: PARTITIONS - 1})
        one.create()
        replica = one.start()
        told = f"{one.topics.predictions} has {PARTITIONS}, {one.topics.outcomes} has {PARTITIONS - 1}"
        one.until(lambda: told in one.told(), 30, "it names both counts")
        with apache_kafka.admin() as admin:
            admin.create_partitions({one.topics.outcomes: PARTITIONS})
        one.send(events("uneven", 0, 100))
        one.until(lambda: decided(one, 100), _COME_BACK, "it decides")
        assert replica.poll() is None


def test_sigterm_ends_in_good_time_and_leaves_the_group(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    """Under load a replica ends with status 0 within its grace period, and the group has forgotten it by then."""
    with fleet(apache_kafka, tmp_path, "ending") as one:
        replica = one.start()
        traffic = Traffic(one)
        traffic.start()
        one.until(lambda: decided(one, 200), _COME_BACK, "it decides")
        replica.send_signal(signal.SIGTERM)
        assert replica.wait(25) == 0, one.told()
        with apache_kafka.admin() as admin:
            group = admin.describe_groups(["holdback-ending"])["holdback-ending"]
        assert group["members"] == []
        traffic.stop()
        ids = one.records.ids("decisions")
        assert set(ids.values()) == {1}


def test_events_that_the_profile_does_not_know_are_held_back(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    """Other features than the profile's: every request is decided, none by the model, and the breaker opens."""
    with fleet(apache_kafka, tmp_path, "strange") as one:
        one.start()
        predictions = events("strange", 0, 600)
        for each in predictions:
            each["features"] = {f"other_{name}": value for name, value in each["features"].items()}
        one.send(predictions)
        one.until(lambda: decided(one, 600), _COME_BACK, "it decides")
        assert_all_decided_once(one, 600)
        decisions = one.records.decoded("decisions")
        assert "model" not in {each["route"] for each in decisions}
        assert {each["reason"] for each in decisions} <= {"invalid_features", "breaker_open"}
        one.until(lambda: "schema" in causes(one), 20, "the breaker opens")


def causes(fleet: Fleet) -> list[str]:
    """Why the breaker took its steps."""
    steps = [each for each in fleet.records.decoded("ledger") if each["kind"] == "transition"]
    return [each["cause"] for each in steps]
