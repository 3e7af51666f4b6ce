"""A broker, loops over it as processes, and a reader of what they commit: for bench_kafka."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
from kafka import KafkaConsumer, TopicPartition

from benchmarks.kafka_load import PARTITIONS
from benchmarks.pipeline_stream import configured, reference
from monitor.config import load_config
from monitor.fit.fitting import fit_profile
from monitor.logs.kafka_topics import create_missing
from monitor.topics import Topics
from tests.real.kafka import ApacheKafka

__all__ = ["Bare", "Looping", "Ours", "Rig", "Served", "Usage", "rig"]

_PATIENCE = 120.0


@dataclass(frozen=True)
class Usage:
    """CPU seconds of a process so far, and megabytes that are resident."""

    cpu: float
    memory: float


@dataclass(frozen=True)
class Served:
    """Milliseconds from prediction to committed decision, and the share of a core that it took."""

    p50: float
    p99: float
    cpu: float


class _Decision(msgspec.Struct):
    id: str


class Rig:
    """What all loops share."""

    def __init__(self, kafka: ApacheKafka, folder: Path) -> None:
        self.kafka, self.folder = kafka, folder
        self.profile = folder / "bench.profile"
        self.profile.write_bytes(fit_profile(reference(), configured()).data)
        self.sent = 0

    def load(self, topic: str, n: int, rate: float) -> tuple[int, subprocess.Popen[str]]:
        """Start to write predictions; the number of the first."""
        first, self.sent = self.sent, self.sent + n
        arguments = [self.kafka.bootstrap, topic, str(first), str(n), str(rate)]
        command = [sys.executable, "-m", "benchmarks.kafka_load", *arguments]
        return first, subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    @contextmanager
    def reader(self, topic: str) -> Iterator[KafkaConsumer]:
        """Sees what is committed from now on."""
        with KafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, isolation_level="read_committed", retry_backoff_ms=10,
            enable_auto_commit=False, metrics_enabled=False,
        ) as consumer:  # fmt: skip
            places = [TopicPartition(topic, p) for p in range(PARTITIONS)]
            consumer.assign(places)
            consumer.seek_to_end()
            for place in places:
                consumer.position(place)
            yield consumer


class Looping(ABC):
    """A loop from `source` to `sink`, as a process."""

    def __init__(self, rig: Rig, name: str, delivery: str, source: str) -> None:
        self.rig, self.name, self.delivery, self.source = rig, name, delivery, source
        self.sink = f"{name}.decisions"
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Create what it needs."""

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """How it is started."""

    def __enter__(self) -> Self:
        with (self.rig.folder / f"{self.name}.log").open("wb") as log:
            self._process = subprocess.Popen([sys.executable, *self._command()], stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def usage(self) -> Usage:
        """What it has taken so far."""
        of_process = Path(f"/proc/{self._process.pid}")
        fields = (of_process / "stat").read_text().rsplit(")", 1)[1].split()
        pages = int((of_process / "statm").read_text().split()[1])
        ticks = int(fields[11]) + int(fields[12])
        return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1024**2)

    def serve(self, n: int, rate: float) -> Served:
        """Send `n` predictions at a pace, and see when their decisions can be read; a fifth is warming up."""
        with self.rig.reader(self.sink) as reader:
            before, began = self.usage(), time.monotonic()
            first, load = self.rig.load(self.source, n, rate)
            seen: list[tuple[float, list[bytes]]] = []
            count = 0
            while count < n:
                found = reader.poll(timeout_ms=200, max_records=10_000)
                now = time.time()
                values = [record.value for records in found.values() for record in records]
                seen.append((now, values))
                count += len(values)
                self._check(count, n, began)
            after, took = self.usage(), time.monotonic() - began
            stamps = json.loads(load.communicate()[0])
        decode = msgspec.json.Decoder(_Decision).decode
        latencies = np.full(n, np.nan)
        for now, values in seen:
            for value in values:
                at = int(decode(value).id) - first
                latencies[at] = now * 1000 - stamps[at]
        if np.isnan(latencies).any():
            raise SystemExit(f"{int(np.isnan(latencies).sum())} predictions without a decision by {self.name}")
        p50, p99 = np.percentile(latencies[n // 5 :], [50, 99])
        return Served(float(p50), float(p99), (after.cpu - before.cpu) / took)

    def catch_up(self, n: int) -> tuple[float, float]:
        """Start on a backlog: seconds to the first decision, and decisions a second of the first `n`."""
        with self.rig.reader(self.sink) as reader:
            began, count, first_seen, first = time.monotonic(), 0, 0.0, 0
            with self:
                while count < n:
                    found = reader.poll(timeout_ms=200, max_records=10_000)
                    count += sum(map(len, found.values()))
                    now = time.monotonic()
                    if count and not first_seen:
                        first_seen, first = now, count
                    self._check(count, n, began)
        return first_seen - began, (count - first) / (now - first_seen)

    def _check(self, count: int, n: int, began: float) -> None:
        if time.monotonic() - began > _PATIENCE or self._process.poll() is not None:
            log = (self.rig.folder / f"{self.name}.log").read_text()
            raise SystemExit(f"{count} of {n} decisions by {self.name}: {log[-1000:]}")


class Ours(Looping):
    """A replica: `holdback run`."""

    def _prepare(self) -> None:
        self._path = self.rig.folder / f"{self.name}.yaml"
        kafka: dict[str, object] = {each.name: f"{self.name}.{each.name}" for each in fields(Topics)}
        kafka |= {"bootstrap": self.rig.kafka.bootstrap, "group": self.name, "predictions": self.source}
        self._path.write_text(
            json.dumps(
                {
                    "model": "m",
                    "version": "1",
                    "promise": {"max_error": "10%", "false_pages": "1 per 90d"},
                    "kafka": kafka | {"partitions": PARTITIONS},
                    "delivery": self.delivery,
                    "web": {"port": 0},
                    "profile": str(self.rig.profile),
                }
            )
        )
        create_missing(load_config(self._path, {}), self.rig.kafka.bootstrap)

    def _command(self) -> Sequence[str]:
        return ["-c", "from monitor.cli import main; main()", "run", "-c", str(self._path)]


class Bare(Looping):
    """Poll, `json.loads`, `send`, commit."""

    def _prepare(self) -> None:
        self.rig.kafka.create({self.sink: PARTITIONS})
        with suppress(Exception):  # it is there where it is a backlog
            self.rig.kafka.create({self.source: PARTITIONS})

    def _command(self) -> Sequence[str]:
        arguments = (self.rig.kafka.bootstrap, self.name, self.source, self.sink, self.delivery)
        return ["-m", "benchmarks.kafka_bare", *arguments]


@contextmanager
def rig() -> Iterator[Rig]:
    """A broker of one's own."""
    with ApacheKafka() as kafka, tempfile.TemporaryDirectory(prefix="holdback-bench-") as folder:
        yield Rig(kafka, Path(folder))
