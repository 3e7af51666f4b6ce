"""Streams whose events have segments, for the tests of groups."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from detectors.profile import Profile
from monitor.config import Config
from monitor.fit.fitting import fit_profile
from monitor.logs import MemoryBroker
from monitor.tables import RawBatch
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, outcome, prediction

__all__ = ["REGIONS", "Stream", "fitted", "modest", "replay", "stream"]

REGIONS = tuple(f"r{i}" for i in range(10))
Stream = tuple[list[dict[str, Any]], list[str]]


def modest(**changes: Any) -> Config:
    """Two per cent may be wrong at first, five are promised, and groups are ruled on from the start."""
    usual = {
        "promise": {"max_error": "5%", "false_pages": "1 per 10000 events"},
        "breaker": {"backoff": "60s", "close_hold": "60s", "warning_hold": "10s", "min_volume": 100},
    }
    return configured(**usual | changes)


def stream(n: int, seed: int, bad: tuple[str, ...] = (), bad_from: int = 0, error: float = 0.3) -> Stream:
    """A model that is wrong 2 % of the time, a little less where it is surer; `error` in the bad regions later on."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    region = rng.integers(0, len(REGIONS), n)
    age = np.where(rng.random(n) < 0.3, "old", "young")
    sure = rng.random(n)
    rate = 0.04 * (1 - sure)
    turned = np.isin(np.array(REGIONS)[region], bad) & (np.arange(n) >= bad_from)
    wrong = rng.random(n) < np.where(turned, error, rate)
    p = np.where(x[:, 0] > 0, 0.8 + 0.19 * sure, 0.2 - 0.19 * sure)
    truth = (p > 0.5) ^ wrong
    events = []
    for i in range(n):
        event = prediction(str(i), {"a": float(x[i, 0]), "b": float(x[i, 1])}, float(p[i]), FIRST + i)
        events.append(event | {"segment": {"region": REGIONS[region[i]], "age": str(age[i])}})
    return events, [str(int(t)) for t in truth]


def fitted(config: Config, made: Stream) -> Profile:
    """A profile of a stream."""
    events, truth = made
    times = FIRST + np.arange(len(events), dtype=float)
    encoded = [msgspec.json.encode(each) for each in events]
    ids = [str(each["id"]) for each in events]
    outcomes: list[bytes | None] = [outcome(name, label) for name, label in zip(ids, truth, strict=True)]
    return fit_profile([RawBatch(0, encoded, [*ids], times, outcomes, list(truth), 1.0)], config).profile


def replay(config: Config, profile: Profile, made: Stream, delay: int = 0, log: MemoryBroker | None = None) -> Run:
    """Run a stream, a hundred rows at a time, outcomes `delay` rows late."""
    events, truth = made
    run = Run(config, profile, log or broker(config))
    run.drain()
    outcomes = [outcome(str(event["id"]), label) for event, label in zip(events, truth, strict=True)]
    for start in range(0, len(events), 100):
        known = outcomes[max(start - delay, 0) : max(start - delay + 100, 0)]
        run.feed([msgspec.json.encode(each) for each in events[start : start + 100]], known)
    return run
