"""What the doctor makes of what the broker says about the topics."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.doctor.findings import Finding
from monitor.doctor.fixing import partitions_of
from monitor.doctor.seen import Seen
from monitor.doctor.topics import check_counts, check_topic
from monitor.doctor.wanted import DAY_MS, letter_bytes, wanted
from tests.monitor.streams import configured

CONFIG = configured()
WANTED = wanted(CONFIG)
FINE = {
    "cleanup.policy": "delete",
    "retention.ms": str(7 * DAY_MS),
    "retention.bytes": "-1",
    "min.insync.replicas": "1",
    "max.message.bytes": str(letter_bytes(1_048_588)),
}
BOTH = frozenset({"READ", "WRITE", "DESCRIBE"})


def seen(kind: str, settings: dict[str, str] | None = None, **more: Any) -> Seen:
    fields: dict[str, Any] = {
        "partitions": 1 if WANTED[kind].single else 4, "copies": 1, "in_sync": 1, "rights": BOTH,
    }  # fmt: skip
    return Seen(WANTED[kind].name, settings=FINE | (settings or {}), **fields | more)


def checked(kind: str, settings: dict[str, str] | None = None, config: Any = CONFIG, **more: Any) -> list[Finding]:
    return check_topic(WANTED[kind], seen(kind, settings, **more), config, {"predictions": 1_048_588})


def test_a_topic_as_it_should_be_is_one_line() -> None:
    """All kinds, with their partitions, rights and age."""
    for kind in WANTED:
        (found,) = checked(kind, {"retention.ms": "-1"} if kind == "ledger" else None)
        assert found.state == "ok", found.line
    assert "1 partition, may read and write, kept for ever" in checked("ledger", {"retention.ms": "-1"})[0].what


@pytest.mark.parametrize(
    ("kind", "settings", "more", "state", "says"),
    [
        ("reviews", {}, {"partitions": 0}, "fail", "--fix"),
        ("reviews", {}, {"partitions": 0, "forbidden": True}, "fail", "Allow READ, WRITE on topic m.reviews"),
        ("ledger", {"retention.ms": "-1"}, {"partitions": 3}, "fail", "exactly one"),
        ("reviews", {}, {"leaderless": (2,)}, "fail", "no broker leads partition 2"),
        ("reviews", {}, {"rights": frozenset({"READ"})}, "fail", "Allow WRITE on topic m.reviews"),
        ("predictions", {}, {"rights": frozenset({"WRITE"})}, "fail", "Allow READ on topic m.predictions"),
        ("ledger", {"cleanup.policy": "compact"}, {}, "fail", "refuses its records, which have no keys"),
        ("summaries", {"cleanup.policy": "compact,delete"}, {}, "fail", "refuses its records"),
        ("joined", {"cleanup.policy": "compact"}, {}, "warn", "all but the last are lost"),
        ("ledger", {"retention.ms": str(7 * DAY_MS)}, {}, "warn", "Set retention.ms=-1 on topic m.ledger"),
        ("ledger", {"retention.ms": "-1", "retention.bytes": "9"}, {}, "warn", "Set retention.bytes=-1"),
        ("summaries", {"retention.ms": str(DAY_MS)}, {}, "warn", f"Set retention.ms={7 * DAY_MS}"),
        ("decisions", {"retention.ms": "1000"}, {}, "warn", "which decisions still wait"),
        ("reviews", {"min.insync.replicas": "2"}, {}, "fail", "Set min.insync.replicas=1, or add copies"),
        ("reviews", {"min.insync.replicas": "2"}, {"copies": 3}, "fail", "Bring brokers back"),
        ("reviews", {}, {"copies": 3, "in_sync": 3}, "warn", "Set min.insync.replicas=2"),
        ("dead_letters", {"max.message.bytes": "1048588"}, {}, "warn", "Set max.message.bytes=1406309"),
    ],
)  # fmt: skip
def test_each_fault_says_what_to_do(
    kind: str, settings: dict[str, str], more: dict[str, Any], state: str, says: str
) -> None:
    """One line a fault, and no other fault is made of it."""
    (found,) = checked(kind, settings, **more)
    assert (found.state, says in found.line) == (state, True), found.line


def test_what_the_broker_does_not_tell_is_not_judged() -> None:
    """Without the right to see settings, or on a broker that doesn't tell rights, a topic is there and no more."""
    (found,) = check_topic(WANTED["reviews"], Seen("m.reviews", 4, (), 1, 1), CONFIG, {})
    assert (found.state, "the broker does not say" in found.what) == ("ok", True)


def test_fewer_copies_than_configured_are_told() -> None:
    """The number that `--fix` would have used."""
    config = configured(kafka={"bootstrap": "b:1", "replication": 3})
    (found,) = checked("reviews", config=config)
    assert (found.state, "kafka.replication says 3" in found.what) == ("warn", True)


def test_topics_that_share_ids_need_equally_many_partitions() -> None:
    """Those that are missing do not count; the single ones neither."""
    by_name = {each.name: seen(kind) for kind, each in WANTED.items()}
    (found,) = check_counts(WANTED, by_name)
    assert (found.state, found.what) == ("ok", "4 in each of 7 topics")
    (found,) = check_counts(WANTED, by_name | {"m.outcomes": seen("outcomes", partitions=6)})
    assert (found.state, "m.predictions 4, m.outcomes 6" in found.what) == ("fail", True)
    none = {name: Seen(name) for name in by_name}
    assert list(check_counts(WANTED, none)) == []


def test_new_topics_get_as_many_partitions_as_those_that_are_there() -> None:
    """The predictions' number first; without any topic the configured one."""
    none = {each.name: Seen(each.name) for each in WANTED.values()}
    assert partitions_of(WANTED, none, 4) == 4
    assert partitions_of(WANTED, none | {"m.outcomes": seen("outcomes", partitions=6)}, 4) == 6
    there = {"m.outcomes": seen("outcomes", partitions=6), "m.predictions": seen("predictions", partitions=5)}
    assert partitions_of(WANTED, none | there, 4) == 5
    assert partitions_of(WANTED, none | {"m.ledger": seen("ledger")}, 4) == 4


def test_what_is_created_lasts_as_long_as_it_is_needed() -> None:
    """The ledger for ever, decisions for twice the life of an outcome, summaries a week."""
    long = wanted(configured(outcomes={"expire": "30d"}))
    assert WANTED["ledger"].settings["retention.ms"] == "-1"
    assert WANTED["decisions"].settings["retention.ms"] == str(14 * DAY_MS)
    assert long["joined"].settings["retention.ms"] == str(60 * DAY_MS)
    assert WANTED["summaries"].settings["retention.ms"] == str(7 * DAY_MS)
    assert "retention.ms" not in WANTED["predictions"].settings
