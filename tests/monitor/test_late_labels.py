"""Labels that come late, out of order, twice or never, through the whole pipeline."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import numpy as np

from detectors.profile import Profile
from detectors.types import State
from monitor.config import Config
from monitor.judging.snapshots import unpacked
from tests.monitor.running import Run, broker
from tests.monitor.streams import configured, fitted, outcome, stream

N = 3_000
BATCH = 100
Arrivals = list[list[bytes]]


@cache
def told() -> tuple[Config, Profile, list[bytes], list[bytes]]:
    """A stream without a change, and its outcomes."""
    config = configured()
    predictions, truth = stream(N, 1)
    records = [msgspec.json.encode(each) for each in predictions]
    return config, fitted(config), records, [outcome(str(i), label) for i, label in enumerate(truth)]


def scattered(outcomes: list[bytes], seed: int) -> Arrivals:
    """Outcomes by the batch they come with: up to six batches late, one in twenty a batch before its prediction."""
    r = np.random.default_rng(seed)
    batches = N // BATCH
    at = np.arange(N) // BATCH + r.integers(0, 7, N)
    early = r.random(N) < 0.05
    at[early] = np.arange(N)[early] // BATCH - 1
    order = r.permutation(N)
    return [[outcomes[i] for i in order if min(max(at[i], 0), batches - 1) == batch] for batch in range(batches)]


def ran(arrivals: Arrivals, rebuilt: tuple[int, ...] = ()) -> Run:
    """All batches, with what comes with each; after the batches `rebuilt` the judge begins anew from the log."""
    config, profile, records, _ = told()
    run = Run(config, profile, broker(config))
    run.drain()
    for batch, come in enumerate(arrivals):
        run.feed(records[batch * BATCH : (batch + 1) * BATCH], come)
        if batch in rebuilt:
            run.parts.judging.forget()
    return run


def judged(run: Run) -> State:
    """What its judge remembers of the version."""
    return unpacked(run.judge.state()["versions"]["1"])


def same(one: State, other: State) -> bool:
    """Whether two states are the same to the bit."""
    return one.keys() == other.keys() and all(one[k].tobytes() == other[k].tobytes() for k in one)


def accepted(run: Run) -> list[float]:
    """Share that the model answers, by batch."""
    decisions: list[dict[str, Any]] = run.decisions()
    routes = np.array([each["route"] == "model" for each in decisions]).reshape(-1, BATCH)
    return [float(share) for share in routes.mean(axis=1)]


def test_labels_that_come_late_and_out_of_order_are_replayed_to_the_bit() -> None:
    """A judge that begins anew from the log, three times on the way, ends with the same state and ledger."""
    arrivals = scattered(told()[3], 0)
    whole, again = ran(arrivals), ran(arrivals, rebuilt=(5, 13, 22))
    assert same(judged(whole), judged(again))
    assert whole.ledger() == again.ledger()
    assert int(judged(whole)["selective.epoch_labels"]) > 100, "labels were heard"


def test_an_outcome_that_comes_again_changes_nothing() -> None:
    """Each comes twice, with its batch and a later one, where it even says the contrary: decisions and state stay."""
    outcomes = told()[3]
    once = scattered(outcomes, 1)
    contrary = {line: outcome(*_turned(line)) for line in outcomes}
    empty: list[bytes] = []
    twice = [
        [*come, *come, *(contrary[line] for line in before)] for come, before in zip(once, [empty, *once], strict=False)
    ]
    one, two = ran(once), ran(twice)
    assert same(judged(one), judged(two))
    assert [each["route"] for each in one.decisions()] == [each["route"] for each in two.decisions()]


def _turned(line: bytes) -> tuple[str, str]:
    found = msgspec.json.decode(line)
    return found["id"], str(1 - int(found["label"]))


def test_a_stop_of_labels_closes_and_their_coming_opens_again() -> None:
    """For 1,000 rows none comes: overdue ones count as errors until nothing passes; then all come, and it opens."""
    outcomes = told()[3]
    arrivals = [outcomes[at : at + BATCH] for at in range(0, N, BATCH)]
    for batch in range(10, 20):
        arrivals[20] = [*arrivals[20], *arrivals[batch]]
        arrivals[batch] = []
    passed = accepted(ran(arrivals))
    assert min(passed[5:10]) > 0.3
    assert max(passed[18:20]) <= 0.05
    assert min(passed[25:]) > 0.3
