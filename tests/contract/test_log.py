from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import RunError, UsageError
from monitor.logs import Chunk, Fenced, Log, MemoryBroker
from tests.contract.scoped import ScopedKafka

TOPICS = {"in": 4, "late": 4, "sums": 1, "out": 2}
READ = ("in", "late", "sums")


class Broker(Protocol):
    """What these tests need of a broker beside its log; both implementations are tried."""

    def append(
        self,
        topic: str,
        values: Sequence[bytes],
        keys: Sequence[bytes | None] | None = None,
        partition: int = 0,
        time: float = 0.0,
    ) -> None:
        """Write from outside of all groups."""

    def member(self, group: str, topics: Iterable[str]) -> Log:
        """Join a group."""


_REAL = [pytest.param(name, marks=pytest.mark.real) for name in ("kafka", "kafka in bulk")]


@pytest.fixture(params=["memory", *_REAL])
def broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    if request.param == "memory":
        yield MemoryBroker(TOPICS, clock=lambda: 7.0)
        return
    if request.param == "kafka in bulk":
        monkeypatch.setattr("monitor.logs.kafka_writer._IN_BULK", True)
    kafka = ScopedKafka(request.getfixturevalue("apache_kafka"), TOPICS)
    yield kafka
    kafka.close()


def values(chunks: list[Chunk]) -> list[bytes]:
    return [value for chunk in chunks for value in chunk.values]


def drain(log: Log) -> list[bytes]:
    found = []
    while chunks := log.poll(100):
        found += values(chunks)
    return found


def test_records_come_in_order_with_their_offsets_and_times(broker: Broker) -> None:
    """A chunk follows the one before in its partition, and holds as many offsets and times as values."""
    broker.append("in", [b"a", b"b", b"c"], partition=2, time=5.0)
    broker.append("in", [b"d"], partition=2, time=6.0)
    log = broker.member("g", READ)
    (first,), (second,) = log.poll(2), log.poll(100)
    assert (first.topic, first.partition, first.values, first.times) == ("in", 2, [b"a", b"b"], [5.0, 5.0])
    assert (second.values, second.times) == ([b"c", b"d"], [5.0, 6.0])
    offsets = [*first.offsets, *second.offsets]
    assert offsets == sorted(set(offsets))
    assert len(offsets) == 4
    assert log.poll(100) == []


def test_nothing_written_is_visible_before_the_commit(broker: Broker) -> None:
    """Readers outside see all of a transaction or nothing, over several partitions."""
    log, reader = broker.member("g", READ), broker.member("h", ["out"])
    with log.transaction() as writer:
        writer.append("out", [b"x", b"y"], keys=[b"1", None])
        writer.append("out", [b"z"], partition=1, time=3.0)
        assert reader.poll(100) == []
        assert log.tail("out", 0, 0, 9).values == log.tail("out", 1, 0, 9).values == []
    assert values(reader.poll(100)) == [b"x", b"y", b"z"]
    assert log.read("out", 1, 0, 9).times == [3.0]


def test_a_clean_end_commits_the_positions_of_all_that_was_polled(broker: Broker) -> None:
    """Of several polls and partitions, at once; whoever takes over goes on behind them."""
    broker.append("in", [b"a", b"b"], partition=0)
    broker.append("late", [b"c"], partition=3)
    log = broker.member("g", READ)
    found = values(log.poll(1))
    while len(found) < 3:
        found += values(log.poll(100))
    assert log.committed("in", 0) == 0
    with log.transaction():
        pass
    assert (log.committed("in", 0), log.committed("late", 3)) == (2, 1)
    log.close()
    broker.append("in", [b"d"], partition=0)
    assert drain(broker.member("g", READ)) == [b"d"]


def test_an_exception_writes_nothing_and_rewinds(broker: Broker) -> None:
    """After an abort the same records come again, and those committed before do not."""
    broker.append("in", [b"a", b"b", b"c"])
    log = broker.member("g", READ)
    log.poll(1)
    with log.transaction():
        pass
    log.poll(2)
    with suppress(UsageError), log.transaction() as writer:
        writer.append("out", [b"x"])
        writer.append("nowhere", [b"x"])
    assert log.read("out", 0, 0, 9).values == []
    assert log.committed("in", 0) == 1
    assert drain(log) == [b"b", b"c"]


def test_members_share_the_partitions_so_that_pairs_stay_together(broker: Broker) -> None:
    """Each partition has one owner; p of one topic and p of the other have the same; single ones are the first's."""
    first, second = broker.member("g", READ), broker.member("g", READ)
    while first.assignment() & second.assignment() or not second.assignment():
        first.poll(0)
        second.poll(0)
    one, two = first.assignment(), second.assignment()
    assert one | two == {(t, p) for t in READ for p in range(TOPICS[t])}
    assert not one & two
    assert ("sums", 0) in one | two
    for mine in (one, two):
        assert {p for t, p in mine if t == "in"} == {p for t, p in mine if t == "late"}
    second.close()
    before = first.generation
    while first.generation == before:
        first.poll(0)
    assert first.assignment() == one | two


def test_a_zombie_is_fenced_and_its_work_is_done_by_the_other(broker: Broker) -> None:
    """What a member polled before the group went on without it, it can neither write nor commit."""
    broker.append("in", [b"a"], partition=3)
    zombie = broker.member("g", READ)
    assert values(zombie.poll(100)) == [b"a"]
    other = broker.member("g", READ)
    with pytest.raises(Fenced), zombie.transaction() as writer:
        writer.append("out", [b"twice"])
    assert zombie.read("out", 0, 0, 9).values == []
    assert drain(other) == [b"a"]
    with other.transaction() as writer:
        writer.append("out", [b"once"])
    assert drain(zombie) == []
    with zombie.transaction():
        pass
    assert other.read("out", 0, 0, 9).values == [b"once"]


def test_polled_and_uncommitted_records_cannot_be_forgotten_over_a_change(broker: Broker) -> None:
    """A poll that finds the group changed says that what is in hand must be dropped, then goes on."""
    broker.append("in", [b"a", b"b"])
    log = broker.member("g", READ)
    log.poll(1)
    broker.member("g", READ)
    with pytest.raises(Fenced, match="dropped"):
        log.poll(1)
    assert drain(log) == [b"a", b"b"]


def test_groups_do_not_see_each_other(broker: Broker) -> None:
    """Each group reads all records at its own pace."""
    broker.append("in", [b"a"])
    assert drain(broker.member("g", READ)) == drain(broker.member("h", READ)) == [b"a"]


def test_no_partition_starves_another(broker: Broker) -> None:
    """A backlog in one partition does not keep the records of another back until it is done."""
    broker.append("in", [b"p" * 1000] * 5000)
    broker.append("sums", [b"s"] * 5)
    log = broker.member("g", READ)
    found: list[bytes] = []
    while found.count(b"s") < 5:
        found += values(log.poll(100))
        assert len(found) < 4000


def test_unknown_topics_and_wrong_keys_are_refused(broker: Broker) -> None:
    """The message names the topic, and nothing is written."""
    log = broker.member("g", READ)
    with pytest.raises(UsageError, match="nowhere"), log.transaction() as writer:
        writer.append("nowhere", [b"x"])
    with pytest.raises(ValueError, match="2 keys for 1"), log.transaction() as writer:
        writer.append("out", [b"x"], keys=[b"1", b"2"])
    assert log.read("out", 0, 0, 9).values == []


def copy(log: Log, budget: int, topic: str) -> None:
    """A poll and its transaction; a `topic` that does not exist aborts it."""
    with suppress(Fenced, UsageError):
        chunks = log.poll(budget)
        with log.transaction() as writer:
            for chunk in chunks:
                writer.append("out", [b"%d %b" % (chunk.partition, value) for value in chunk.values])
            writer.append(topic, [])


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(0, 3), st.integers(1, 9)),
            st.tuples(st.sampled_from(["commit", "abort"]), st.integers(0, 12), st.integers(0, 1)),
            st.tuples(st.just("join"), st.just(0), st.just(0)),
        )
    )
)
def test_every_record_is_copied_once_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    """Aborts, members that come and zombies: a copying group ends with each record once, in the partition's order."""
    broker = MemoryBroker(TOPICS)
    logs: list[Log] = [broker.member("g", READ)]
    written: list[list[bytes]] = [[], [], [], []]

    for n, (what, where, count) in enumerate(steps):
        if what == "write":
            new = [b"%d.%d" % (n, i) for i in range(count)]
            written[where] += new
            broker.append("in", new, partition=where)
        elif what == "join" and len(logs) < 4:
            logs.append(broker.member("g", READ))
        else:
            copy(logs[(n + count) % len(logs)], where, "nowhere" if what == "abort" else "out")
    for log in logs:
        for _ in range(60):
            copy(log, 10, "out")
    copies = broker.read("out", 0, 0, 10_000).values
    for p, expected in enumerate(written):
        assert [c.split(b" ")[1] for c in copies if c.startswith(b"%d " % p)] == expected


def test_trimmed_records_are_gone_and_the_others_keep_their_offsets() -> None:
    """Reading and polling begin at the first kept record; a trim beyond the end leaves the offsets rising."""
    broker = MemoryBroker(TOPICS)
    log = broker.member("g", READ)
    broker.append("in", [b"a", b"b", b"c"])
    broker.trim("in", 0, 2)
    assert list(broker.read("in", 0, 0, 9).offsets) == [2]
    assert values(log.poll(9)) == [b"c"]
    broker.trim("in", 0, 99)
    assert broker.end("in", 0) == 3
    broker.append("in", [b"d"])
    assert [list(chunk.offsets) for chunk in log.poll(9)] == [[3]]
    with log.transaction():
        pass
    assert log.committed("in", 0) == 4


def test_a_poll_wakes_for_a_record_and_for_a_close() -> None:
    """A waiting poll returns as soon as another thread writes, and ends when another thread closes the log."""
    broker = MemoryBroker(TOPICS)
    log = broker.member("g", READ)
    writer = threading.Timer(0.01, broker.append, ("in", [b"a"]))
    writer.start()
    assert values(log.poll(10, timeout=60.0)) == [b"a"]
    closer = threading.Timer(0.01, log.close)
    closer.start()
    with pytest.raises(RunError, match="left its group"):
        log.poll(10, timeout=60.0)
    writer.join()
    closer.join()


def test_an_evicted_member_learns_of_it_and_joins_again() -> None:
    """As after a pause longer than its session: fenced once, then a member like any other."""
    broker = MemoryBroker(TOPICS)
    log = broker.member("g", READ)
    broker.append("in", [b"a"])
    log.poll(10)
    broker.evict(log)
    with pytest.raises(Fenced), log.transaction():
        pass
    assert drain(log) == [b"a"]
    with log.transaction():
        pass
    assert log.committed("in", 0) == 1


def test_a_record_written_without_a_time_gets_the_clocks_and_transactions_do_not_nest() -> None:
    """The clock is passed in; a transaction inside another is a mistake of the caller."""
    broker = MemoryBroker(TOPICS, clock=lambda: 7.0)
    log = broker.member("g", READ)
    with log.transaction() as writer:
        writer.append("out", [b"x"])
        with pytest.raises(RuntimeError, match="already open"), log.transaction():
            pass
    assert broker.read("out", 0, 0, 1).times == [7.0]
