"""Whether outcomes can meet their predictions, seen from a few records of both."""

from __future__ import annotations

from zlib import crc32

from kafka.partitioner.default import murmur2

from monitor.doctor.findings import Finding
from monitor.doctor.keys import Sampled, check_keys, partitioner

N = 4


def java(id_: str) -> Sampled:
    return Sampled((murmur2(id_.encode()) & 0x7FFFFFFF) % N, id_.encode(), id_)


def librdkafka(id_: str) -> Sampled:
    return Sampled(crc32(id_.encode()) % N, id_.encode(), id_)


def checked(predictions: list[Sampled], outcomes: list[Sampled]) -> list[Finding]:
    return check_keys(predictions, outcomes, N, murmur2)


def test_pairs_in_the_same_partition_are_fine() -> None:
    """However they got there."""
    (found,) = checked([java("a"), java("b")], [java("b"), java("c")])
    assert (found.state, "all 1 that are in both" in found.what) == ("ok", True)
    (found,) = checked([java("a")], [java("b")])
    assert (found.state, "no id is in both" in found.what) == ("ok", True)


def test_a_pair_that_lies_apart_is_a_fault() -> None:
    """With one of them as example."""
    (found,) = checked([Sampled(1, b"a", "a"), Sampled(0, b"b", "b")], [Sampled(2, b"a", "a"), Sampled(0, b"b", "b")])
    assert found.state == "fail"
    assert "1 of 2 outcomes" in found.what
    assert "'a': partition 2, its prediction 1" in found.what


def test_two_ways_to_spread_are_a_fault_before_any_pair_has_come() -> None:
    """Clients of different makes hash differently: ids that have not met yet never will."""
    predictions = [java(f"p{i}") for i in range(20)]
    (found,) = checked(predictions, [librdkafka(f"o{i}") for i in range(20)])
    assert (found.state, "murmur2" in found.what, "CRC-32" in found.what) == ("fail", True, True)
    (found,) = checked(predictions, [java(f"o{i}") for i in range(20)])
    assert found.state == "ok"


def test_a_few_records_tell_no_partitioner() -> None:
    """Nor do records whose key explains nothing."""
    assert partitioner([java(str(i)) for i in range(20)], N, murmur2) == "murmur2 (Java's clients, kafka-python)"
    assert partitioner([java(str(i)) for i in range(9)], N, murmur2) is None
    assert partitioner([Sampled(i % N, b"k%d" % i, str(i)) for i in range(20)], N, murmur2) is None
    assert partitioner([java(str(i)) for i in range(20)], 1, murmur2) is None


def test_records_without_their_id_as_key_are_told() -> None:
    """A warning for each topic: what lies where is left to chance."""
    bare = [Sampled(0, None, "a"), Sampled(0, None, "b")]
    found = checked(bare, [Sampled(0, b"x", "c"), Sampled(1, None, None)])
    assert [(each.check, each.state) for each in found] == [
        ("keys of predictions", "warn"),
        ("keys of outcomes", "warn"),
    ]
    assert "2 of the last 2 have no key" in found[0].what
    assert "1 of the last 1 have another key" in found[1].what


def test_nothing_there_is_no_fault() -> None:
    """Before the first event."""
    (found,) = checked([], [])
    assert (found.state, found.what) == ("ok", "there are not both predictions and outcomes yet")
