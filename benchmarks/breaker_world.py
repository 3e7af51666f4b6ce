"""A replica over a log in memory, a request a second, and a world that can change under it."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import msgspec
import numpy as np

from detectors.profile import Profile
from monitor.answering import Recorded
from monitor.building import build
from monitor.config import Config, config_from
from monitor.events import format_time
from monitor.fit.fitting import fit_profile
from monitor.logs import MemoryBroker
from monitor.observing import Observation, Transition
from monitor.tables import RawBatch
from monitor.topics import Topics

__all__ = ["BATCH", "FIRST", "Known", "World"]

Known = Literal["all", "asked", "accepted"]
"""Whose outcome comes: of all requests, of those held back or audited, of audited ones alone."""
FIRST = 1_767_225_600.0
BATCH = 100


class World:
    """A replica over a log in memory, a request a second, and a world that can change under it."""

    def __init__(self, known: Known, seed: int = 0) -> None:
        self._known, self._rng = known, np.random.default_rng(seed)
        self.config = _config(known)
        self._topics = Topics.of(self.config)
        self._broker = MemoryBroker(self._topics.partitions(1), clock=lambda: FIRST)
        self.steps: list[Transition] = []
        profile = _profile(self.config)
        log = self._broker.member("g", self._topics.consumed)
        answering = Recorded(self.config)
        self._parts = build(self.config, {"1": profile}, log, answering, self._hear, start=FIRST)
        self.rows = 0
        self.accepted = self.wrong = 0

    def live(self, seconds: int, *, changed: bool) -> Counter[str]:
        """Serve for a while; how many requests took which route."""
        routes: Counter[str] = Counter()
        for _ in range(seconds // BATCH):
            predictions, truth = _rows(self._rng, self.rows, BATCH, changed=changed)
            self._broker.append(self._topics.predictions, predictions, time=FIRST)
            self._work()
            decisions = self._decisions()
            routes.update(each["route"] for each in decisions)
            passed = [each for each in decisions if each["route"] == "model"]
            self.accepted += len(passed)
            self.wrong += sum(each["answer"] != truth[int(each["id"]) - self.rows] for each in passed)
            now = format_time(FIRST + self.rows + BATCH)
            told = [
                msgspec.json.encode({"id": each["id"], "label": truth[int(each["id"]) - self.rows], "time": now})
                for each in decisions
                if self._is_known(each)
            ]
            if told:
                self._broker.append(self._topics.outcomes, told, time=FIRST)
            self.rows += BATCH
            self._work()
        return routes

    def state(self) -> str:
        """Where the breaker stands."""
        return self.steps[-1].after if self.steps else "closed"

    def _is_known(self, decision: dict[str, Any]) -> bool:
        if self._known == "all":
            return True
        held = decision["route"] != "model"
        return decision["audit"] or (held and self._known == "asked")

    def _hear(self, seen: Observation) -> None:
        if isinstance(seen, Transition):
            self.steps.append(seen)

    def _work(self) -> None:
        while self._parts.loop.step():
            pass

    def _decisions(self) -> list[dict[str, Any]]:
        topic = self._topics.decisions
        end = self._broker.end(topic, 0)
        lines = self._broker.read(topic, 0, end - BATCH, BATCH).values
        for each in (topic, self._topics.predictions, self._topics.joined, self._topics.reviews):
            self._broker.trim(each, 0, self._broker.end(each, 0))
        return [msgspec.json.decode(line) for line in lines]


def _config(known: Known) -> Config:
    promise = {"max_error": "10%", "false_pages": "1 per 90d", "audit": "10%"}
    outcomes = {"known": "all" if known == "all" else "asked"}
    return config_from({"model": "m", "version": "1", "promise": promise, "outcomes": outcomes}, {})


def _profile(config: Config) -> Profile:
    n = 5000
    predictions, truth = _rows(np.random.default_rng(99), 0, n, changed=False)
    outcomes = [msgspec.json.encode({"id": str(i), "label": label}) for i, label in enumerate(truth)]
    times = FIRST - n + np.arange(n, dtype=float)
    raw = RawBatch(0, predictions, [str(i) for i in range(n)], times, [*outcomes], [*truth], 1.0)
    return fit_profile([raw], config).profile


def _rows(rng: np.random.Generator, first: int, n: int, *, changed: bool) -> tuple[list[bytes], list[str]]:
    """A calibrated classifier; in the changed world two answers of five are turned, however sure it is."""
    x = rng.normal(size=(n, 4))
    p = 1 / (1 + np.exp(-3 * (x[:, 0] + x[:, 1])))
    truth = (rng.random(n) < p).astype(int)
    if changed:
        x[:, 3] += 1.5
        truth = np.where(rng.random(n) < 0.4, 1 - (p > 0.5), truth)
    lines = [
        msgspec.json.encode(
            {
                "id": str(first + i),
                "time": format_time(FIRST + first + i),
                "features": {f"f{k}": float(value) for k, value in enumerate(x[i])},
                "output": {"label": str(int(p[i] > 0.5)), "probabilities": {"0": float(1 - p[i]), "1": float(p[i])}},
            }
        )
        for i in range(n)
    ]
    return lines, [str(each) for each in truth]
