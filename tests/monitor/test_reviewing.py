"""People's queue, filled from the topics: each review once, none that is settled, and none that has expired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fallback.agreement import Counted
from fallback.reviews import ReviewItem, ReviewKind, Settled
from monitor.errors import RunError, UsageError
from monitor.events import Answer, Output, Review, encode_many, utc
from monitor.logs import MemoryBroker
from monitor.operating.review_words import came_of_it, parse_answer, row, sheet, shown
from monitor.operating.reviewing import PeoplesQueue, store_path
from monitor.topics import Topics
from tests.monitor.streams import FIRST, configured

CONFIG = configured(reviews={"expire": "30m"})
TOPICS = Topics.of(CONFIG)


class Broker(MemoryBroker):
    """A broker in memory, with what a reader of a real one knows."""

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        return TOPICS.partitions(2).get(topic, 0)

    def ends(self, topic: str) -> dict[int, int]:
        """Where they end."""
        return {p: self.end(topic, p) for p in range(self.partitions(topic))}


class World:
    """A broker, a clock, and queues on one file."""

    def __init__(self, folder: Path) -> None:
        self.now = FIRST
        self.path = folder / "reviews.sqlite"
        self.broker = Broker(TOPICS.partitions(2), clock=lambda: self.now)
        self._queues: list[PeoplesQueue] = []

    def queue(self, path: Path | None = None) -> PeoplesQueue:
        """A process."""
        self._queues.append(PeoplesQueue(CONFIG, path or self.path, lambda: self.now))
        return self._queues[-1]

    def synced(self, path: Path | None = None) -> PeoplesQueue:
        """A process that has read what there is."""
        queue = self.queue(path)
        self.sync(queue)
        return queue

    def sync(self, queue: PeoplesQueue) -> None:
        """Read what has come."""
        queue.sync(self.broker)  # type: ignore[arg-type]  # it knows as much as a reader

    def offer(self, *names: str, partition: int = 0, reason: str = "low_confidence") -> None:
        """Reviews as a replica writes them."""
        reviews = [review(name, self.now, reason) for name in names]
        self.broker.append(TOPICS.reviews, encode_many(reviews), partition=partition, time=self.now)

    def say(self, name: str, answer: str | None, partition: int = 0) -> None:
        """An answer as others write it; none: it has expired."""
        said = Answer(
            id=f"r{name}", decision_id=name, time=utc(self.now), answer=answer, answered_by="eve",
            expired=answer is None,
        )  # fmt: skip
        self.broker.append(TOPICS.answers, encode_many([said]), partition=partition, time=self.now)

    def close(self) -> None:
        """Close all."""
        for each in self._queues:
            each.close()


def review(name: str, now: float, reason: str) -> Review:
    return Review(
        id=f"r{name}", decision_id=name, time=utc(now), model="m", version="1", segment={}, features={"f0": 1.0},
        output=Output(label="1", probabilities={"0": 0.4, "1": 0.6}), reason=reason, priority=0.5,
        expires=utc(now + CONFIG.reviews.expire),
    )  # fmt: skip


def names(items: list[ReviewItem]) -> list[str]:
    return sorted(each.decision_id for each in items)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_what_is_in_the_topic_waits_once_whoever_reads_it(world: World) -> None:
    """Two processes on one file, reading again and again, over all partitions."""
    world.offer("a", "b")
    world.offer("c", partition=1)
    one, other = world.synced(), world.synced()
    world.sync(one)
    assert names([held.item for held in other.waiting()]) == ["a", "b", "c"]
    assert names(one.claim("ada", 2)) + names(other.claim("bob", 5)) != []
    assert one.claim("ada", 5) == []
    world.offer("d")
    world.sync(other)
    assert names(one.claim("ada", 5)) == ["d"]


def test_what_others_answered_or_expired_is_settled(world: World) -> None:
    """Also before its review was read, and on a file that knows nothing yet."""
    world.offer("a", "b", "c")
    first = world.synced()
    world.say("a", "1")
    world.say("b", None)
    for queue in (first, world.synced(world.path.with_name("other.sqlite"))):
        world.sync(queue)
        assert names([held.item for held in queue.waiting()]) == ["c"]
    settled, new = first.answer("a", "ada", "0")
    assert isinstance(settled, Settled)
    assert (settled.answered_by, settled.answer, new) == ("eve", "1", False)
    with pytest.raises(RunError, match="review b expired"):
        first.answer("b", "ada", "0")


def test_an_expired_one_is_neither_offered_nor_answered(world: World) -> None:
    """The answer is refused with the time and the policy, and nothing goes into the outbox."""
    world.offer("a", "b")
    queue = world.synced()
    assert names(queue.claim("ada", 1)) == ["a"]
    world.now += CONFIG.reviews.expire + 1
    assert queue.claim("ada", 5) == []
    with pytest.raises(RunError, match=r"expired at 2026-01-01T00:30:01Z, and `reviews.on_expiry` \(refuse\)"):
        queue.answer("a", "ada", "1")
    assert queue.send() == 0
    world.sync(queue)
    assert queue.waiting() == []


def test_only_who_has_claimed_it_answers_and_the_first_answer_stays(world: World) -> None:
    """Another reviewer is refused, a second answer changes nothing, an unknown id is said to be unknown."""
    world.offer("a")
    queue = world.synced()
    queue.claim("ada", 1)
    with pytest.raises(RunError, match="held by 'ada', not 'bob'"):
        queue.answer("a", "bob", "1")
    settled, new = queue.answer("a", "ada", "1")
    assert isinstance(settled, Settled)
    assert (settled.origin, settled.request_id, new) == (0, "ra", True)
    assert queue.answer("a", "bob", "0") == (settled, False)
    with pytest.raises(RunError, match="no review 'x'"):
        queue.answer("x", "ada", "1")


def test_several_have_to_agree_before_anything_is_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer is counted and stays here; the second that agrees goes out, once, in both names."""
    monkeypatch.setattr(f"{__name__}.CONFIG", configured(reviews={"expire": "30m", "reviewers": 2}))
    world.offer("a")
    queue = world.synced()
    queue.claim("ada", 1)
    counted, new = queue.answer("a", "ada", "1")
    assert (counted, new) == (Counted("a", "ra", 1, 2), True)
    assert queue.answer("a", "ada", "0") == (counted, False)
    assert came_of_it(counted, new=True).endswith("your answer counts; 1 has answered, and 2 have to say the same")
    assert came_of_it(Counted("a", "ra", 2, 3), new=True).endswith("; 2 have answered, and 3 have to say the same")
    assert queue._store.untold(world.now, 1.0) == []
    other = world.synced()
    (waiting,) = other.waiting()
    assert (shown(waiting, world.now, 1800.0)["votes"], "1" in row(waiting, world.now, 1800.0)) == (1, True)
    assert names(other.claim("bob", 5)) == ["a"]
    settled, new = other.answer("a", "bob", "1")
    assert isinstance(settled, Settled)
    assert (settled.answered_by, new) == ("ada, bob", True)
    assert other._store.untold(world.now, 1.0) == [settled]


def test_what_is_too_old_is_passed_over_and_bad_records_are_too(world: World) -> None:
    """A store that has not been used for a week reads the last half an hour."""
    world.offer(*(f"old{i}" for i in range(50)))
    world.now += 7 * 86400
    world.broker.append(TOPICS.reviews, [b"{"], time=world.now)
    world.broker.append(TOPICS.answers, [b"{"], time=world.now)
    world.offer("new")
    queue = world.synced()
    assert names([held.item for held in queue.waiting()]) == ["new"]


def test_an_audit_is_one(world: World) -> None:
    """It is never shed, and gets its share of the claims."""
    world.offer("a", reason="audit")
    (held,) = world.synced().waiting()
    assert held.item.kind is ReviewKind.AUDIT


def test_the_file_has_to_be_somewhere(tmp_path: Path) -> None:
    """Given, or in state_dir; the message names both."""
    assert store_path(CONFIG, tmp_path / "x") == tmp_path / "x"
    assert store_path(configured(state_dir=str(tmp_path / "s")), None) == tmp_path / "s" / "reviews.sqlite"
    with pytest.raises(UsageError, match="set `state_dir`, or give --store"):
        store_path(CONFIG, None)


def item(output: dict[str, Any] | None) -> ReviewItem:
    payload: dict[str, Any] = msgspec.to_builtins(review("a", FIRST, "audit")) | {"output": output}
    return ReviewItem("a", "ra", ReviewKind.HELD, 0.5, FIRST, payload)


def test_an_answer_is_what_its_request_needs() -> None:
    """One of the classes or, if one insists, another; a finite number in regression."""
    classes = item({"label": "1", "probabilities": {"0": 0.4, "1": 0.6}})
    assert parse_answer(classes, "0", CONFIG, unlisted=False) == "0"
    with pytest.raises(UsageError, match="none of the model's classes: 0, 1"):
        parse_answer(classes, "cat", CONFIG, unlisted=False)
    assert parse_answer(classes, "cat", CONFIG, unlisted=True) == "cat"
    number = item({"value": 3.5})
    assert parse_answer(number, "4", CONFIG, unlisted=False) == 4.0
    for bad in ("four", "nan", "inf"):
        with pytest.raises(UsageError, match="this request needs one"):
            parse_answer(number, bad, CONFIG, unlisted=True)
    assert parse_answer(item(None), "anything", CONFIG, unlisted=False) == "anything"
    assert parse_answer(item({"label": "1"}), "anything", CONFIG, unlisted=False) == "anything"


def test_a_reviewer_sees_what_came_in_and_what_the_model_said() -> None:
    """Features by name or by number, the output with its shares, and how long it may take."""
    lines = list(sheet(item({"label": "1", "probabilities": {"0": 0.4, "1": 0.6}}), FIRST + 60, 1800.0))
    assert lines[0] == "a  id ra, version 1: audit, 29 min left"
    assert lines[1:] == ["  the model says: 1 (1 60.0%, 0 40.0%)", f"  {'f0':<20} 1"]
    assert "  the model says: 2 (at most 3)" in list(sheet(item({"value": 2.0, "upper": 3.0}), FIRST, 60.0))
    assert "  the model says: nothing" in list(sheet(item(None), FIRST, 60.0))
