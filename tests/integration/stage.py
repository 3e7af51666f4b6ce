"""A model on a real broker, for tests of the commands: topics, configuration, profile, and a replica in a thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import yaml

from detectors.profile import Profile
from detectors.profile_bytes import dump, load
from fallback.memory_reviews import MemoryReviews
from fallback.reviews import OnExpiry, ReviewPolicy
from monitor.answering import Live
from monitor.building import build
from monitor.cli import main
from monitor.config import Config, config_from
from monitor.events import format_time
from monitor.logs.kafka import KafkaLog
from monitor.topics import Topics
from tests.monitor.streams import fitted, outcome, stream
from tests.real.kafka import ApacheKafka

__all__ = ["Stage", "status_of"]

_KINDS = ("predictions", "outcomes", "decisions", "answers", "reviews", "joined", "summaries", "ledger", "dead_letters")
_PATIENCE = 30.0
_profiles: dict[str, tuple[Profile, bytes]] = {}


class Stage:
    """A model of its own: its topics have a random word before them."""

    def __init__(self, kafka: ApacheKafka, folder: Path, partitions: int = 1, **changes: Any) -> None:
        self.kafka, self.folder = kafka, folder
        self.scope = f"t{uuid4().hex[:8]}"
        names = {kind: f"{self.scope}.{kind.replace('_', '-')}" for kind in _KINDS}
        self.raw: dict[str, Any] = {
            "model": "m",
            "version": "1",
            "promise": {"max_error": "20%", "false_pages": "1 per 10000 events", "audit": "10%"},
            "profile": str(folder / "m.profile"),
            "state_dir": str(folder / "state"),
            "kafka": {"bootstrap": kafka.bootstrap, "group": self.scope, "partitions": partitions, **names},
        } | changes
        self.path = folder / "cfg.yaml"
        self.path.write_text(yaml.safe_dump(self.raw))
        self.config: Config = config_from(self.raw, {})
        self.topics = Topics.of(self.config)
        if "m" not in _profiles:
            data = dump(fitted(self.config))[0]
            # what a process reads is what counts
            _profiles["m"] = load(data), data
        self.profile, data = _profiles["m"]
        (folder / "m.profile").write_bytes(data)

    def reconfigure(self, **changes: dict[str, Any]) -> None:
        """Change sections of the configuration."""
        for section, values in changes.items():
            self.raw[section] = self.raw.get(section, {}) | values
        self.path.write_text(yaml.safe_dump(self.raw))
        self.config = config_from(self.raw, {})

    def create(self) -> None:
        """Create the topics."""
        self.kafka.create(self.topics.partitions(self.config.kafka.partitions))

    def feed(self, n: int = 100, seed: int = 1, first: int = 0) -> None:
        """Write predictions of this moment, and what turned out to be true."""
        predictions, truth = stream(n, seed)
        now = time.time()
        for i, each in enumerate(predictions):
            each |= {"id": str(first + i), "time": format_time(now)}
        ids = [str(each["id"]) for each in predictions]
        self.write(self.topics.predictions, [msgspec.json.encode(each) for each in predictions], ids)
        self.write(self.topics.outcomes, [outcome(*pair) for pair in zip(ids, truth, strict=True)], ids)

    def unlabelled(self, n: int, first: int) -> list[str]:
        """Write predictions without outcomes, wait until they are decided, and give their ids."""
        before = len(self.wait_for(self.topics.decisions, 0))
        predictions, _ = stream(n, first)
        ids = [str(first + i) for i in range(n)]
        records = [
            msgspec.json.encode(each | {"id": id_, "time": format_time(time.time())})
            for each, id_ in zip(predictions, ids, strict=True)
        ]
        self.write(self.topics.predictions, records, ids)
        self.wait_for(self.topics.decisions, before + n)
        return ids

    def partition_of(self, id_: str) -> int:
        """Where records of an id are written."""
        return sum(id_.encode()) % self.config.kafka.partitions

    def write(self, topic: str, values: Sequence[bytes], ids: Sequence[str]) -> None:
        """Write records with their ids as keys, each to the partition of its id."""
        for partition in range(self.config.kafka.partitions):
            mine = [(v, i.encode()) for v, i in zip(values, ids, strict=True) if self.partition_of(i) == partition]
            if mine:
                self.kafka.append(topic, [v for v, _ in mine], [k for _, k in mine], partition, time.time())

    def all(self, topic: str, partition: int = 0) -> list[dict[str, Any]]:
        """Every committed record of a partition."""
        return [json.loads(each.value) for each in self.kafka.all(topic, partition)]

    def wait_for(self, topic: str, n: int) -> list[dict[str, Any]]:
        """Records of all partitions, once there are so many."""
        give_up = time.monotonic() + _PATIENCE
        while True:
            found = [each for p in range(self._partitions(topic)) for each in self.all(topic, p)]
            if len(found) >= n or time.monotonic() > give_up:
                return found
            time.sleep(0.1)

    @contextmanager
    def replica(self) -> Iterator[None]:
        """A replica that runs meanwhile, as `holdback run` does."""
        stop, log = threading.Event(), self._log()
        reviews = self.config.reviews
        policy = ReviewPolicy(depth=reviews.depth, max_age=reviews.expire, rate=1e3, burst=1e6)
        people = Live(self.config, MemoryReviews(policy))
        assert policy.on_expiry is OnExpiry.FALLBACK
        parts = build(
            self.config, {"1": self.profile}, log, people, lambda _seen, /: None, replica="r", clock=time.time
        )

        def turn() -> None:
            while not stop.is_set():
                parts.loop.step(0.05)

        thread = threading.Thread(target=turn, name="replica")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_PATIENCE)
            parts.close()
            people.close()
            log.close()

    def _log(self) -> KafkaLog:
        topics = self.topics
        return KafkaLog(
            self.config.kafka, self.kafka.bootstrap, self.scope, topics.consumed, topics.written,
            guarded=(topics.summaries,),
        )  # fmt: skip

    def _partitions(self, topic: str) -> int:
        return self.topics.partitions(self.config.kafka.partitions)[topic]


def status_of(*args: object) -> int:
    """Exit status of `holdback ...`."""
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in args])
    return int(ended.value.code or 0)
