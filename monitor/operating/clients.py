"""Connections of the commands to the broker: opened for a moment, and told plainly when they can't be."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from monitor.config import Config
from monitor.errors import RunError, UsageError
from monitor.topics import Topics

if TYPE_CHECKING:
    from kafka import KafkaProducer

    from monitor.logs.kafka_writer import ExactlyOnce
    from monitor.operating.topic_reader import TopicReader

__all__ = [
    "EMBEDDED",
    "LastWords",
    "broker_errors",
    "no_way_to",
    "producer",
    "reader",
    "require",
    "settings_of",
    "transactions",
]

EMBEDDED = "embedded"
_AWAY = "the broker does not answer"
_CLOSE_SECONDS = 2.0
_TCP_SECONDS = 5.0
_USUAL_PORT = "9092"
_FAILED = re.compile(r"Bootstrap (?:connection|attempt) to .*? failed: (.*?)(?: \(backoff .*\))?", re.DOTALL)


class LastWords(logging.Handler):
    """Keeps what the client said last, instead of printing it: why a connection fails is in its log alone."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take note."""
        self.words.append(record.getMessage())

    def why(self) -> str:
        """The most telling reason for which a connection failed; empty if none was told."""
        told = [found[1].strip() for each in self.words if (found := _FAILED.fullmatch(each))]
        telling = [each for each in told if "disconnected" not in each and "timed out" not in each]
        return (telling or told or [""])[-1]


def settings_of(config: Config, name: str) -> dict[str, Any]:
    """Settings of any client; raises UsageError where there is no broker to go to, or a secret can't be read."""
    from monitor.logs.kafka_clients import connection

    if config.kafka.bootstrap == EMBEDDED:
        raise UsageError(
            "kafka.bootstrap is `embedded`: that broker lives inside `holdback run` or `holdback demo`, on an address "
            "that they print. While one runs, set HOLDBACK_KAFKA__BOOTSTRAP to it; else name a broker there"
        )
    return connection(config.kafka, config.kafka.bootstrap, f"holdback-{name}")


def no_way_to(bootstrap: str) -> list[str]:
    """Why no connection can be made, for each of the servers; empty as soon as one takes them."""
    faults = []
    for server in bootstrap.split(","):
        fault = _connect(server.strip())
        if not fault:
            return []
        faults.append(fault)
    return faults


def _connect(server: str) -> str:
    host, _, port = server.rpartition(":") if ":" in server else (server, ":", _USUAL_PORT)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_TCP_SECONDS).close()
    except ValueError:
        return f"{server!r} is not host:port"
    except OSError as error:
        return f"{server} cannot be reached: {error.strerror or error}"
    return ""


@contextmanager
def broker_errors(config: Config) -> Iterator[None]:
    """Errors of the client, as what they mean to a person; its log stays out of the terminal."""
    from kafka.errors import AuthorizationError, KafkaError

    # the client would try again and again; whoever waits at a terminal learns it at once
    if faults := no_way_to(config.kafka.bootstrap):
        raise RunError(f"{_AWAY}: {'; '.join(faults)}. `holdback doctor` looks closer")
    words, log = LastWords(), logging.getLogger("kafka")
    log.addHandler(words)
    before, log.propagate = log.propagate, False
    try:
        yield
    except AuthorizationError as error:
        raise RunError(f"the broker forbids it: {error}; `holdback doctor` says which rights are missing") from error
    except KafkaError as error:
        why = words.why() or f"{type(error).__name__}: {error}"
        raise RunError(f"{_AWAY}: {config.kafka.bootstrap}: {why}. `holdback doctor` looks closer") from error
    finally:
        log.propagate = before
        log.removeHandler(words)


@contextmanager
def reader(config: Config, name: str) -> Iterator[TopicReader]:
    """Reads what is committed, of any topic."""
    settings = settings_of(config, name)
    from monitor.operating.topic_reader import TopicReader

    with broker_errors(config), closing(TopicReader(settings)) as opened:
        yield opened


@contextmanager
def producer(config: Config, name: str) -> Iterator[KafkaProducer]:
    """Writes each record once, outside of transactions."""
    settings = settings_of(config, name)
    from kafka import KafkaProducer

    from monitor.logs.kafka_writer import producer_settings

    with broker_errors(config):
        made = KafkaProducer(**producer_settings(settings), enable_idempotence=True)
        try:
            yield made
        finally:
            # whoever writes has flushed; with the broker away a close without an end would wait for ever
            made.close(timeout=_CLOSE_SECONDS)


@contextmanager
def transactions(config: Config, name: str, kinds: Mapping[str, str]) -> Iterator[ExactlyOnce]:
    """Writes several records at once or not at all; `kinds` as in `Topics.written`."""
    settings = settings_of(config, name)
    from monitor.logs.kafka_writer import ExactlyOnce

    with broker_errors(config), closing(ExactlyOnce(settings, None, config.kafka.transaction_timeout, kinds)) as made:
        yield made


def require(opened: TopicReader, config: Config, *kinds: str) -> dict[str, int]:
    """Partitions of the topics of these kinds, by kind; raises UsageError if one is not there."""
    names = {kind: getattr(Topics.of(config), kind) for kind in kinds}
    counts = {kind: opened.partitions(name) for kind, name in names.items()}
    missing = [names[kind] for kind, n in counts.items() if n == 0]
    if missing:
        raise UsageError(
            f"there is no topic {', '.join(missing)}, or no right to see it; `holdback doctor --fix` creates topics"
        )
    return counts
