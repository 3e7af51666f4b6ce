"""Whoever judges the summaries again gets the same bits."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.profile import Profile
from monitor.building import breaker_policy
from monitor.config import Config
from monitor.judging.judge import Judge
from monitor.judging.snapshots import unpacked
from monitor.ledger.chain import verify
from monitor.logs import MemoryBroker
from monitor.observing import Alarm, Paged, Transition
from monitor.summaries import Damaged, Told, decode_summaries
from monitor.topics import Topics
from tests.monitor.running import SNAPSHOT_EVERY, Run, broker
from tests.monitor.streams import FIRST, configured, fitted, outcome, stream

N = 4000
DRIFT_AT = 1500
DELAY = 200


@cache
def told() -> tuple[Config, Profile, list[bytes], list[bytes]]:
    """A stream in which much happens, with its records."""
    config = configured()
    predictions, truth = stream(N, 1, DRIFT_AT)
    records = [msgspec.json.encode(each) for each in predictions]
    return config, fitted(config), records, [outcome(str(i), label) for i, label in enumerate(truth)]


def feed_all(run: Run, records: list[bytes], outcomes: list[bytes], first: int = 0) -> None:
    """Feed the rest of the stream from row `first` on, outcomes late."""
    for start in range(first, len(records), 100):
        run.feed(records[start : start + 100], outcomes[max(start - DELAY, 0) : max(start - DELAY + 100, 0)])


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two states are the same to the bit."""
    plain = {name: value for name, value in one.items() if name != "versions"}
    if plain != {name: value for name, value in other.items() if name != "versions"}:
        return False
    for version, text in one["versions"].items():
        a, b = unpacked(text), unpacked(other["versions"][version])
        if a.keys() != b.keys() or any(a[k].tobytes() != b[k].tobytes() for k in a):
            return False
    return True


def test_much_happens_in_the_stream() -> None:
    """The stream that the other tests cut has alarms, a page, epochs, transitions and snapshots."""
    config, profile, records, outcomes = told()
    run = Run(config, profile, broker(config))
    run.drain()
    feed_all(run, records, outcomes)
    kinds = [msgspec.json.decode(line)["kind"] for line in run.ledger()]
    assert {"start", "verdict", "alarm", "transition", "snapshot", "epoch"} <= set(kinds)
    assert verify(run.ledger()).head == run.judge.head


def test_a_judge_restored_at_any_point_has_the_same_bits_and_ends_with_the_same_ledger() -> None:
    """Cut at any point: state from the last snapshot and the summaries after it, and the ledger that it leads to."""
    config, profile, records, outcomes = told()
    whole = Run(config, profile, broker(config))
    whole.drain()
    feed_all(whole, records, outcomes)
    for cut in range(100, len(records), 500):
        run = Run(config, profile, broker(config))
        run.drain()
        feed_all(run, records[:cut], outcomes)
        state, head = run.judge.state(), run.judge.head
        # a new judge in the place of the old one: same log, same joins, nothing else
        run.parts.judging.forget()
        run.parts.judging.judge([], FIRST)
        assert run.judge is not None
        assert equal(run.judge.state(), state)
        assert run.judge.head == head
        feed_all(run, records, outcomes, first=cut)
        assert run.ledger() == whole.ledger()


def summaries_of(run: Run) -> list[Told | Damaged]:
    """All that a run wrote to the topic of summaries."""
    return decode_summaries(run.broker.read(run.topics.summaries, 0, 0, 1_000_000).values)


@cache
def judged() -> tuple[list[Told | Damaged], list[bytes]]:
    """Summaries of the stream, and the ledger that came of them."""
    config, profile, records, outcomes = told()
    run = Run(config, profile, broker(config))
    run.drain()
    feed_all(run, records, outcomes)
    return summaries_of(run), run.ledger()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=3, max_size=60))
def test_it_does_not_matter_how_many_summaries_are_judged_at_once(sizes: list[int]) -> None:
    """One by one or in groups of any size: the same lines."""
    config, profile, _, _ = told()
    summaries, ledger = judged()
    judge = Judge(config, {"1": profile}, breaker_policy(config), lambda _seen: None, SNAPSHOT_EVERY)
    lines = judge.begin(FIRST)
    at = 0
    for size in [*sizes, len(summaries)]:
        lines += judge.judge(
            summaries[at : at + size], range(at, at + len(summaries[at : at + size])), Topics.of(config).summaries
        )
        at += size
    assert lines == ledger


def test_an_aborted_transaction_is_redone_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was in hand when the log failed is worked through again, and nothing of it is written twice."""
    config, profile, records, outcomes = told()
    whole = Run(config, profile, broker(config))
    whole.drain()
    feed_all(whole, records[:1000], outcomes)
    run = Run(config, profile, broker(config))
    run.drain()
    rng = np.random.default_rng(0)
    write = run.parts.loop._write

    def failing(*args: Any) -> None:
        write(*args)
        if rng.random() < 0.3:
            raise ConnectionError("the broker is gone")

    monkeypatch.setattr(run.parts.loop, "_write", failing)
    for start in range(0, 1000, 100):
        run.broker.append(run.topics.predictions, records[start : start + 100], time=FIRST)
        known = outcomes[max(start - DELAY, 0) : max(start - DELAY + 100, 0)]
        if known:
            run.broker.append(run.topics.outcomes, known, time=FIRST)
        for _ in range(100):
            try:
                if not run.parts.loop.step():
                    break
            except ConnectionError:
                continue
    for topic in (run.topics.ledger, run.topics.decisions, run.topics.joined, run.topics.dead_letters):
        assert run.broker.read(topic, 0, 0, 10_000).values == whole.broker.read(topic, 0, 0, 10_000).values


def test_two_replicas_decide_everything_once_and_one_takes_over_as_judge() -> None:
    """The counts of two replicas are judged by one; when it leaves the other goes on with the same ledger."""
    config, profile, records, outcomes = told()
    shared = MemoryBroker(Topics.of(config).partitions(2), clock=lambda: FIRST)
    first, second = Run(config, profile, shared, "a"), Run(config, profile, shared, "b")
    runs = [first, second]
    for start in range(0, 2000, 100):
        for i in range(start, start + 100):
            shared.append(first.topics.predictions, [records[i]], partition=i % 2, time=FIRST)
            shared.append(first.topics.outcomes, [outcomes[i]], partition=i % 2, time=FIRST)
        if start == 1000:
            for run in runs:
                run.drain()
            runs[0].log.close()
            runs = runs[1:]
        for _ in range(4):
            for run in runs:
                run.drain()
    decided = [
        msgspec.json.decode(value)["id"]
        for partition in range(2)
        for value in shared.read(first.topics.decisions, partition, 0, 10_000).values
    ]
    assert sorted(decided, key=int) == [str(i) for i in range(2000)]
    lines = shared.read(first.topics.ledger, 0, 0, 100_000).values
    assert verify(lines).records == len(lines)
    assert second.judge.events == 2000


def test_a_replica_that_is_killed_and_replaced_ends_with_the_same_ledger_and_tells_nobody_twice() -> None:
    """A new member of the group, with nothing but the topics, goes on as if nothing had happened."""
    config, profile, records, outcomes = told()
    whole = Run(config, profile, broker(config))
    whole.drain()
    feed_all(whole, records, outcomes)
    for cut in (0, 700, 1600, 2500):
        first = Run(config, profile, broker(config))
        first.drain()
        feed_all(first, records[:cut], outcomes)
        first.log.close()
        first.parts.close()
        second = Run(config, profile, first.broker)
        second.drain()
        second.parts.judging.judge([], FIRST)
        assert equal(second.judge.state(), first.judge.state())
        feed_all(second, records, outcomes, first=cut)
        assert second.ledger() == whole.ledger()
        kinds = (Alarm, Transition, Paged)
        seen = [each for each in (*first.seen, *second.seen) if isinstance(each, kinds)]
        assert seen == [each for each in whole.seen if isinstance(each, kinds)]


def test_a_fenced_member_writes_nothing_and_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evicted between its poll and its commit, it leaves no trace, and the group decides all once."""
    config, profile, records, outcomes = told()
    whole = Run(config, profile, broker(config))
    whole.drain()
    feed_all(whole, records[:2000], outcomes)
    run = Run(config, profile, broker(config))
    run.drain()
    write, turns = run.parts.loop._write, [0]

    def evicted(*args: Any) -> None:
        write(*args)
        turns[0] += 1
        if turns[0] % 3 == 0:
            run.broker.evict(run.log)

    monkeypatch.setattr(run.parts.loop, "_write", evicted)
    feed_all(run, records[:2000], outcomes)
    assert turns[0] > 20
    assert run.ledger() == whole.ledger()
    assert run.decisions() == whole.decisions()
    alarms = [each for each in run.seen if isinstance(each, Alarm)]
    assert alarms == [each for each in whole.seen if isinstance(each, Alarm)]
