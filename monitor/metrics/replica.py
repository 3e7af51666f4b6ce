"""Metrics of the replica itself: how far it is behind, its queue, its broker, its role, what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Gauge, Info, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from monitor import __version__
from monitor.observing import Broker, KillState, Lag, LedgerState, Queue, Role

__all__ = ["Own", "ReplicaMetrics"]

Own = Lag | Queue | Broker | Role | LedgerState | KillState
"""What a replica tells of itself."""
_M = TypeVar("_M", bound=MetricWrapperBase)


class ReplicaMetrics:
    """Observes how the replica is."""

    def __init__(
        self, registry: CollectorRegistry, model: str, clock: Callable[[], float], page_url: str, runbook_url: str
    ) -> None:
        self._registry, self._model, self._clock = registry, model, clock
        self.lag = self._gauge("lag_records", "Records that lie in the log and are not committed yet.")
        self.behind = self._gauge("lag_seconds", "Age of the oldest record that is not committed yet.")
        words = "When this replica committed last; 0 before it has."
        self.commit = self._gauge("last_commit_timestamp_seconds", words)
        self.depth = self._gauge("review_queue_depth", "Requests that wait for a person.")
        self.limit = self._gauge("review_queue_limit", "Requests that may wait for a person.")
        self.connected = self._gauge("broker_connected", "Whether the broker answers.")
        self.killed = self._gauge("kill_switch", "Whether the kill switch is on: the model answers nothing here.")
        self.judge = self._gauge("judge", "Whether this replica is the judge.")
        self.broken = self._gauge("ledger_broken", "Whether a record of the ledger does not follow from the last.")
        self._gauge("started_timestamp_seconds", "When this process began to watch.").set(clock())
        self._info("build", "What is running.", {"version": __version__})
        words = "Where the status page and the runbooks are, for the pages' texts."
        self._info("links", words, {"page": page_url, "runbooks": runbook_url.rstrip("/")})
        ProcessCollector(registry=registry)

    def __call__(self, seen: Own, /) -> None:
        """Take note of it."""
        match seen:
            case Lag():
                self.lag.set(seen.records)
                self.behind.set(seen.seconds)
            case Queue():
                self.depth.set(seen.depth)
                self.limit.set(seen.limit)
            case Broker():
                self.connected.set(seen.connected)
            case Role():
                self.judge.set(seen.judge)
            case KillState():
                self.killed.set(seen.on)
            case LedgerState():
                self.broken.set(seen.broken)

    def committed(self) -> None:
        """A turn was committed just now."""
        self.commit.set(self._clock())

    def _gauge(self, name: str, words: str) -> Gauge:
        return self._metric(Gauge, name, words).labels(self._model)

    def _info(self, name: str, words: str, labels: dict[str, str]) -> None:
        self._metric(Info, name, words).labels(self._model).info(labels)

    def _metric(self, kind: type[_M], name: str, words: str) -> _M:
        return kind(f"holdback_{name}", words, ("model",), registry=self._registry)
