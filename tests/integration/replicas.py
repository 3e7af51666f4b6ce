"""Replicas as processes of their own, a producer beside them, and what they left on the broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from detectors.profile_bytes import dump
from monitor.config import Config, load_config
from monitor.logs.kafka_topics import create_missing
from monitor.summaries import Summary, decode_summaries
from monitor.topics import Topics
from tests.monitor.streams import configured, fitted
from tests.real.kafka import ApacheKafka

__all__ = ["PARTITIONS", "Fleet", "Records"]

PARTITIONS = 4
_COMMAND = [sys.executable, "-c", "from monitor.cli import main; main()", "run", "-c"]


class Records:
    """Everything that a model's topics hold."""

    def __init__(self, kafka: ApacheKafka, topics: Topics) -> None:
        self._kafka, self._topics = kafka, topics

    def of(self, kind: str) -> list[bytes]:
        """Committed records of a topic, partition by partition."""
        topic = getattr(self._topics, kind)
        single = kind in {"summaries", "ledger"}
        return [r.value for p in range(1 if single else PARTITIONS) for r in self._kafka.all(topic, p)]

    def decoded(self, kind: str) -> list[dict[str, Any]]:
        """The same, as JSON."""
        return [json.loads(value) for value in self.of(kind)]

    def summaries(self) -> list[Summary]:
        """All that was counted."""
        return [each for each in decode_summaries(self.of("summaries")) if isinstance(each, Summary)]

    def ids(self, kind: str) -> Counter[str]:
        """How often each id was decided, or joined."""
        return Counter(each["id"] for each in self.decoded(kind) if each.get("what", "joined") == "joined")


class Fleet:
    """Replicas of one model over one broker; `model` keeps the topics of tests apart."""

    def __init__(
        self,
        kafka: ApacheKafka,
        folder: Path,
        model: str,
        *,
        create: bool = True,
        reference: int = 2_000,
        **changes: Any,
    ) -> None:
        self._kafka, self._folder = kafka, folder
        raw: dict[str, Any] = {
            "model": model,
            "version": "1",
            "promise": {"max_error": "20%", "false_pages": "1 per 10000 events", "audit": "10%"},
            "kafka": {"bootstrap": kafka.bootstrap, "session_timeout": "6s", "partitions": PARTITIONS},
            "breaker": {"warning_hold": "1h", "backoff": "1h", "close_hold": "1h"},
            "web": {"port": 0},
            "profile": str(folder / "m.profile"),
        }
        profile = fitted(configured(model=model), reference)
        (folder / "m.profile").write_bytes(dump(profile)[0])
        self.profile = profile
        self._path = folder / f"{model}.yaml"
        self._path.write_text(json.dumps(raw | changes))
        self.config: Config = load_config(self._path, {})
        self.topics = Topics.of(self.config)
        if create:
            self.create()
        self.records = Records(kafka, self.topics)
        self.replicas: list[subprocess.Popen[bytes]] = []
        self._logs: list[Path] = []
        self.stopped_at = 0.0

    @property
    def path(self) -> Path:
        """The configuration's file."""
        return self._path

    def create(self) -> None:
        """Create the topics that are missing."""
        create_missing(self.config, self._kafka.bootstrap)

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """One more replica."""
        self._logs.append(self._folder / f"replica-{len(self._logs)}.log")
        with self._logs[-1].open("wb") as log:
            process = subprocess.Popen([*_COMMAND, str(self._path)], stderr=log, env={**os.environ, **environment})
        self.replicas.append(process)
        return process

    def send(self, predictions: Sequence[dict[str, Any]], outcomes: Sequence[tuple[str, str]] = ()) -> None:
        """Write predictions and outcomes, by id to their partition."""
        for topic, records in (
            (self.topics.predictions, [(each["id"], msgspec.json.encode(each)) for each in predictions]),
            (
                self.topics.outcomes,
                [(key, msgspec.json.encode({"id": key, "label": label})) for key, label in outcomes],
            ),
        ):
            for partition in range(PARTITIONS):
                mine = [(key, value) for key, value in records if int(key) % PARTITIONS == partition]
                if mine:
                    keys = [key.encode() for key, _ in mine]
                    self._kafka.append(topic, [value for _, value in mine], keys, partition, time.time())

    def decided(self) -> int:
        """Committed decisions; an upper bound, for markers of transactions take offsets too."""
        return sum(len(self._kafka.all(self.topics.decisions, p)) for p in range(PARTITIONS))

    def wait_until_judged(self, n: int, seconds: float) -> None:
        """Wait until the ledger says that so many predictions were judged."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            done = sum(
                each["last"] - each["first"] + 1
                for record in self.records.decoded("ledger")
                for each in record.get("judged", [])
                if each["topic"] == self.topics.predictions
            )
            # the labels of the last ones are judged with or after them
            if done >= n and len(self.records.ids("joined")) >= n:
                time.sleep(1.0)
                return
            time.sleep(0.5)
        raise AssertionError(f"{done} of {n} predictions judged after {seconds:.0f} s:\n{self.told()}")

    def until(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until something holds; fails with what the replicas said if it does not in that time."""
        give_up = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < give_up, f"not within {seconds:.0f} s: {what}\n{self.told()}"
            time.sleep(0.2)

    def told(self) -> str:
        """The ends of the replicas' logs."""
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in self._logs)

    def close(self) -> None:
        """Stop all replicas."""
        for process in self.replicas:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.replicas:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
