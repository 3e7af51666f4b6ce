"""Killed, stopped and continued at seeded moments, two replicas leave what an undisturbed one would have left."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from detectors.types import IntArray
from monitor.ledger.chain import verify
from monitor.packing import unpack
from monitor.summaries import labels_of
from tests.integration.replicas import Fleet
from tests.monitor.streams import stream
from tests.real.kafka import ApacheKafka

EVENTS, WORSE_AT, RATE, LATE = 20_000, 8_000, 1_000, 500
KILLS = 5
PROMISE = {"max_error": "45%", "false_pages": "1 per 100000 events", "audit": "10%"}
# while a replica is gone its partitions lag: what is known when the world changes would be another thing
MOMENTS = np.concatenate([np.arange(1_000, WORSE_AT, 1_000), np.arange(WORSE_AT + 1_500, EVENTS, 1_000)])
STOPPED_SECONDS = 9.0
"""Longer than a session of 6 s: the group goes on without the one that is stopped."""


def world() -> tuple[list[dict[str, Any]], list[str]]:
    """Predictions and truths: from one event on a third of the answers is wrong that were right."""
    rng = np.random.default_rng(3)
    predictions, truth = stream(EVENTS, 1)
    for i in (WORSE_AT + np.flatnonzero(rng.random(EVENTS - WORSE_AT) < 0.3)).tolist():
        truth[i] = str(1 - int(predictions[i]["output"]["label"]))
    return predictions, truth


def serve(fleet: Fleet, moments: dict[int, Callable[[], None]]) -> None:
    """Send the stream at its pace, outcomes late; call `moments` at their events; all is judged before the change."""
    predictions, truth = world()
    for each in predictions:
        each.pop("time")
        each["model"] = fleet.config.model
    outcomes = [(str(i), label) for i, label in enumerate(truth)]
    for first, end in ((0, WORSE_AT), (WORSE_AT, EVENTS)):
        began, sent = time.monotonic(), first
        while sent < end + LATE:
            due = min(first + int((time.monotonic() - began) * RATE), end + LATE)
            late = slice(max(sent - LATE, first), max(due - LATE, first))
            fleet.send(predictions[sent : min(due, end)], outcomes[late])
            for at in [at for at in moments if at < min(due, end)]:
                moments.pop(at)()
            sent = due
            time.sleep(0.02)
        go_on(fleet)
        fleet.wait_until_judged(end, 120)


def counted(fleet: Fleet) -> tuple[int, IntArray, IntArray]:
    """Events, the counts of all bins, and the labels (right and wrong by stake and cell) of all summaries."""
    versions = [version for each in fleet.records.summaries() for version in each.versions]
    counts = np.sum([unpack(version.counts) for version in versions], axis=0)
    labels = np.sum([each.counts.sum(axis=(0, 1)) for version in versions for each in labels_of(version)], axis=0)
    return sum(version.n for version in versions), counts, labels


def steps(fleet: Fleet) -> list[tuple[str, str]]:
    """The breaker's steps."""
    return [(each["from"], each["to"]) for each in fleet.records.decoded("ledger") if each["kind"] == "transition"]


def positions(fleet: Fleet) -> list[int]:
    """Outcomes that had been judged at each step.

    Not predictions: while a replica is gone its partitions lag, so how many of those were judged by then says nothing.
    """
    found, judged = [], 0
    for each in fleet.records.decoded("ledger"):
        judged += sum(r["last"] - r["first"] + 1 for r in each.get("judged", []) if r["topic"] == fleet.topics.outcomes)
        if each["kind"] == "transition":
            found.append(judged)
    return found


def test_two_replicas_that_are_killed_decide_everything_once(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    """20,000 predictions and late outcomes, five SIGKILLs and one stop longer than a session, at seeded moments.

    Each prediction has one committed decision, each outcome is joined once, the ledger verifies, the counts add up to
    those of an undisturbed run, and the breaker takes the same steps within two batches of it.
    """
    (tmp_path / "calm").mkdir()
    (tmp_path / "wild").mkdir()
    calm, wild = (Fleet(apache_kafka, tmp_path / name, name, promise=PROMISE) for name in ("calm", "wild"))
    try:
        calm.start()
        serve(calm, {})
        calm.close()
        rng = np.random.default_rng(7)
        moments: dict[int, Callable[[], None]] = {}
        for at in rng.choice(MOMENTS, KILLS + 1, replace=False).tolist():
            moments[int(at)] = partial(kill_one, wild, rng) if len(moments) < KILLS else partial(stop_one, wild)
        wild.start()
        wild.start()
        serve(wild, moments)
        assert len(wild.replicas) == KILLS + 2
        for kind in ("decisions", "joined"):
            ids = wild.records.ids(kind)
            assert (len(ids), set(ids.values())) == (EVENTS, {1}), kind
        lines = wild.records.of("ledger")
        assert verify(lines).records == len(lines)
        for one, other in zip(counted(calm), counted(wild), strict=True):
            np.testing.assert_array_equal(one, other)
        assert steps(wild) == steps(calm)
        assert steps(calm) == [("closed", "degraded")]
        np.testing.assert_allclose(positions(wild), positions(calm), atol=200)
    finally:
        calm.close()
        wild.close()


def kill_one(fleet: Fleet, rng: np.random.Generator) -> None:
    """Kill a replica, and start another."""
    alive = [each for each in fleet.replicas if each.poll() is None]
    alive[int(rng.integers(len(alive)))].kill()
    fleet.start()


def stop_one(fleet: Fleet) -> None:
    """Stop a replica in its tracks; `go_on` continues it."""
    next(each for each in fleet.replicas if each.poll() is None).send_signal(signal.SIGSTOP)
    fleet.stopped_at = time.monotonic()


def go_on(fleet: Fleet) -> None:
    """Continue whoever is stopped, once its session is over."""
    time.sleep(max(0.0, fleet.stopped_at + STOPPED_SECONDS - time.monotonic()))
    for each in fleet.replicas:
        if each.poll() is None:
            each.send_signal(signal.SIGCONT)
