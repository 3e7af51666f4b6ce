"""A canary in a replica: the candidate is judged beside its baseline, and taken out alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.profile import Profile
from monitor.answering import Recorded
from monitor.building import breaker_policy, build
from monitor.config import Config, config_from
from monitor.errors import UsageError
from monitor.judging.judge import Judge
from monitor.judging.why import judge_again
from monitor.ledger.chain import verify
from monitor.logs import MemoryBroker
from monitor.observing import Compared, Observation
from monitor.summaries import OperatorOrder, decode_summaries
from monitor.topics import Topics
from tests.monitor.streams import FIRST, configured, fitted, outcome, stream

CANARY = {"baseline": "1", "candidate": "2"}
BASE = {"model": "m", "promise": {"max_error": "20%", "false_pages": "1 per 10000 events"}}


@cache
def prepared() -> tuple[Config, dict[str, Profile]]:
    promise = {"max_error": "45%", "false_pages": "1 per 10000 events"}
    config = configured(canary=CANARY, version=None, promise=promise, breaker={"warning_hold": "1h"})
    return config, {version: fitted(configured(version=version), seed=seed) for seed, version in enumerate(("1", "2"))}


class Both:
    """A replica that watches two versions, fed 100 rows at a time, a fifth of them the candidate's."""

    def __init__(self, wrong: float, seed: int = 3) -> None:
        self.config, self.profiles = prepared()
        self.topics = Topics.of(self.config)
        self.broker = MemoryBroker(self.topics.partitions(1), clock=lambda: FIRST)
        self.seen: list[Observation] = []
        self.parts = build(
            self.config, self.profiles, self.broker.member("g", self.topics.consumed), Recorded(self.config),
            self.seen.append, start=FIRST, snapshot_every=2,
        )  # fmt: skip
        self.rng, self.seed, self.wrong = np.random.default_rng(seed), seed, wrong
        self.rows = 0

    def feed(self, batches: int) -> None:
        """Some batches with their outcomes; `wrong` of the candidate's answers are turned."""
        predictions, truth = stream(100 * batches, self.seed + self.rows)
        for k, (each, label) in enumerate(zip(predictions, truth, strict=True)):
            new = self.rng.random() < 0.2
            said = each["output"]["label"]
            turned = new and self.rng.random() < self.wrong
            truth[k] = ("0" if said == "1" else "1") if turned else label
            each |= {"id": f"{self.rows + k}", "version": "2" if new else "1"}
        for start in range(0, len(predictions), 100):
            some = predictions[start : start + 100]
            self.broker.append(self.topics.predictions, [msgspec.json.encode(each) for each in some], time=FIRST)
            records = [outcome(each["id"], label) for each, label in zip(some, truth[start:], strict=False)]
            self.broker.append(self.topics.outcomes, records, time=FIRST)
            self.drain()
        self.rows += len(predictions)

    def drain(self) -> None:
        """Work until there is nothing to do."""
        while self.parts.loop.step():
            pass

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The ledger's records of a kind."""
        return [r for line in self.ledger() if (r := msgspec.json.decode(line))["kind"] == kind]

    def ledger(self) -> list[bytes]:
        """All lines of the ledger."""
        return self.broker.read(self.topics.ledger, 0, 0, 1_000_000).values


def test_a_worse_candidate_is_taken_out_alone() -> None:
    """The ledger says so with the numbers, its breaker opens and pages, and the baseline goes on."""
    run = Both(wrong=0.35)
    run.feed(16)
    (said,) = run.records("canary")
    assert (said["verdict"], said["candidate"]) == ("worse", "2")
    assert "version 2 is worse than version 1" in said["why"]
    opened = [each for each in run.records("transition") if each["cause"] == "canary"]
    assert [(each["version"], each["to"], each["page"]) for each in opened] in (
        [("2", "open", "page")],
        [("2", "open", "worse")],
    )
    assert all(each["version"] == "2" for each in run.records("transition") if each["to"] == "open")
    assert [each.verdict for each in run.seen if isinstance(each, Compared)] == ["worse"]
    verify(run.ledger())
    run.parts.close()


def test_a_good_candidate_becomes_safe() -> None:
    """Without a difference it is called safe, once, and nothing opens."""
    run = Both(wrong=0.0)
    run.feed(25)
    assert [each["verdict"] for each in run.records("canary")] == ["safe"]
    assert not [each for each in run.records("transition") if each["cause"] == "canary"]
    run.parts.close()


def test_it_is_judged_the_same_however_the_summaries_were_polled() -> None:
    """One by one or all at once, and restored from a snapshot: the same ledger, to the byte."""
    run = Both(wrong=0.35)
    run.feed(16)
    read = run.broker.read(run.topics.summaries, 0, 0, 1_000_000)
    lines = []
    for step in (1, 5, 1000):
        judge = Judge(run.config, run.profiles, breaker_policy(run.config), lambda _seen, /: None, 2)
        found = judge.begin(FIRST)
        for start in range(0, len(read.values), step):
            some = slice(start, start + step)
            found += judge.judge(decode_summaries(read.values[some]), read.offsets[some], run.topics.summaries)
        lines.append(found)
    assert lines[0] == lines[1] == lines[2]
    run.parts.close()


def test_an_operators_word_begins_it_again() -> None:
    """`accept` on the candidate ends the trip's hold, and the comparison starts from nothing."""
    run = Both(wrong=0.35)
    run.feed(16)
    order = OperatorOrder(id="1", order="accept", actor="ada", reason="meant to be so", version="2")
    run.broker.append(run.topics.summaries, [msgspec.json.encode(order)], time=FIRST)
    run.drain()
    judge = run.parts.judging.judge_now
    assert judge is not None
    assert judge._canary is not None
    assert judge._canary.is_open
    assert judge._canary.told()["compared"] == 0
    run.parts.close()


def test_a_transition_by_the_canary_can_be_derived_again() -> None:
    """Whoever judges the summaries again, from the start or from a snapshot, writes the same ledger."""
    run = Both(wrong=0.35)
    run.feed(16)
    opened = [each["seq"] for each in run.records("transition") if each["cause"] == "canary"]
    summaries = run.broker.read(run.topics.summaries, 0, 0, 1_000_000).values

    def new_judge() -> Judge:
        return Judge(run.config, run.profiles, breaker_policy(run.config), lambda _seen, /: None, 2)

    def since(first: int) -> Iterator[tuple[int, bytes]]:
        return enumerate(summaries[first:], first)

    assert len(opened) == 1
    assert any(each["seq"] < opened[0] for each in run.records("snapshot"))
    for seq in (None, opened[0]):
        # it raises where a record differs by a byte
        assert judge_again(run.ledger(), since, run.topics.summaries, new_judge, seq).summaries > 0
    run.parts.close()


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"canary": {"baseline": "1", "candidate": "1"}}, "canary.candidate"),
        ({"canary": CANARY, "profile": {"1": "a"}}, "canary.candidate"),
        ({"canary": {"baseline": "1"}}, "canary.candidate"),
        ({"canary": CANARY | {"margin": "0%"}}, "canary.margin"),
    ],
)
def test_a_canary_that_cannot_be_is_refused(more: dict[str, Any], path: str) -> None:
    """With the key that is wrong."""
    with pytest.raises(UsageError) as refused:
        config_from(BASE | more, {})
    assert path in str(refused.value)
