"""Apache Kafka as tests need it: one node of its own, on a free port, in a temporary folder."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

from tests.tools import require

__all__ = ["ApacheKafka", "free_port"]

_UP_SECONDS = 60.0
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.flush.interval.messages=100000
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ApacheKafka:
    """A broker; `with` starts and stops it."""

    def __init__(self, extra: str = "") -> None:
        jars = require("kafka", "kafka")
        java = require("java")
        self._folder = Path(tempfile.mkdtemp(prefix="holdback-kafka-"))
        self.port, controller = free_port(), free_port()
        config = self._folder / "server.properties"
        config.write_text(_PROPERTIES.format(port=self.port, controller=controller, folder=self._folder) + extra)
        self._java = [str(java), "-Xmx384m", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"]
        self._config = str(config)
        format_it = [
            *self._java,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "-c",
            self._config,
        ]
        subprocess.run(format_it, check=True, capture_output=True, timeout=60)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            command = [*self._java, "kafka.Kafka", self._config]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        give_up = time.monotonic() + _UP_SECONDS
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                break
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                break
            time.sleep(0.1)
        while self._process.poll() is None and time.monotonic() < give_up:
            # it listens before it knows itself as a broker
            with suppress(KafkaError), self.admin() as admin:
                if admin.describe_cluster()["brokers"]:
                    return self
            time.sleep(0.1)
        raise RuntimeError(f"Kafka did not start: {(self._folder / 'log').read_text()[-2000:]}")

    def signal(self, number: signal.Signals) -> None:
        """Stop it in its tracks, or let it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, *, kill: bool = False) -> None:
        """Stop it; its data stay until `remove`."""
        self._forget_producer()
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
            self._process.kill() if kill else self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def remove(self) -> None:
        """Remove its data."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def admin(self) -> KafkaAdminClient:
        """An administrator."""
        return KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=2000, retry_backoff_ms=20)

    def create(self, topics: Mapping[str, int]) -> None:
        """Create topics of so many partitions each."""
        with self.admin() as admin:
            admin.create_topics([NewTopic(name, n, 1) for name, n in topics.items()])

    def append(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None = None,
        partition: int = 0,
        time: float = 0.0,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Write as a producer outside of all groups; visible when this returns."""
        producer = self._producer_kept()
        for value, key in zip(values, keys or [None] * len(values), strict=True):
            producer.send(topic, value, key, headers, partition, int(time * 1000))
        producer.flush(30)

    def all(self, topic: str, partition: int = 0, *, committed: bool = True, start: int = 0) -> list[Any]:
        """Every record of a partition that a reader sees now, from the offset `start` on."""
        where = TopicPartition(topic, partition)
        with KafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed" if committed else "read_uncommitted",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
        ) as consumer:
            consumer.assign([where])
            end, found = consumer.end_offsets([where])[where], []
            if start:
                consumer.seek(where, start)
            while consumer.position(where) < end:
                found += consumer.poll(timeout_ms=500, max_records=10_000).get(where, [])
            return found

    def _producer_kept(self) -> KafkaProducer:
        if not hasattr(self, "_producer"):
            self._producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", metrics_enabled=False)
        return self._producer

    def _forget_producer(self) -> None:
        """Close it: while its broker is gone it tries again and again, and leaves a socket open each time."""
        if hasattr(self, "_producer"):
            with suppress(KafkaError):
                self._producer.close(timeout=1)
            del self._producer

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop(kill=True)
        self.remove()
