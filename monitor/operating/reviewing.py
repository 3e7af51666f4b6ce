"""People's queue outside of the replicas: filled from the topics, and answering into them.

What waits is in the topic of reviews; what others answered, or what expired, in that of answers. Both are read into a
store exactly once: the items, and the places up to which was read, change in one transaction of the store. An answer
goes into the store's outbox, from there to the answers and to the outcomes in one transaction of the broker, and is
marked as sent after that. If a process dies in between it is sent twice; readers know it by its decision's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fallback.agreement import Counted
from fallback.desk import Held
from fallback.errors import FallbackError
from fallback.reviews import OnExpiry, ReviewItem, ReviewKind, ReviewPolicy, Settled
from fallback.sqlite_reviews import SqliteReviews
from monitor.answers import answer_record
from monitor.config import Config
from monitor.errors import RunError, UsageError
from monitor.events import Answer, Outcome, Review, encode_many, epoch_seconds, format_time, utc
from monitor.operating.clients import require, transactions
from monitor.topics import Topics

if TYPE_CHECKING:
    from monitor.logs.kafka_writer import ExactlyOnce
    from monitor.logs.types import Chunk
    from monitor.operating.topic_reader import TopicReader

__all__ = ["PeoplesQueue", "ReviewExpired", "store_path"]

_AT_ONCE = 500
_HOLD_SECONDS = 120.0
"""How long one process has to send what it took from the outbox: longer than a transaction is waited for."""
_UNLIMITED = 1e9
_review = msgspec.json.Decoder(Review).decode
_answer = msgspec.json.Decoder(Answer).decode


class ReviewExpired(RunError):
    """The item has been settled by its expiry."""


def store_path(config: Config, given: Path | None) -> Path:
    """The store's file; raises UsageError if nobody said where it is."""
    if given is not None:
        return given
    if config.state_dir is None:
        raise UsageError(
            "reviews are kept in a file, so that no two people answer the same one: set `state_dir`, or give --store"
        )
    folder = Path(config.state_dir)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "reviews.sqlite"


class PeoplesQueue:
    """The queue of one model.

    Parameters
    ----------
    config
        Its topics, and how long a request waits.
    path
        The store's file; several processes may use it at once.
    clock
        Wall time in epoch seconds.
    """

    def __init__(self, config: Config, path: Path | str, clock: Callable[[], float]) -> None:
        reviews = config.reviews
        self._config, self._topics, self._clock = config, Topics.of(config), clock
        self._path = str(path)
        # rate and burst are the replicas' business: what is in the topic has been let in
        self._policy = ReviewPolicy(
            depth=max(reviews.depth, 1),
            max_age=reviews.expire,
            rate=_UNLIMITED,
            burst=_UNLIMITED,
            reserve=reviews.reserve,
            on_expiry=OnExpiry(reviews.on_expiry),
            reviewers=reviews.reviewers,
            within=config.promise.within or 0.0,
        )
        with _told():
            self._store = SqliteReviews(path, self._policy)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def sync(self, reader: TopicReader) -> None:
        """Read what has come since the last time, by whichever process."""
        require(reader, self._config, "reviews", "answers", "outcomes")
        with _told():
            # answers first: one whose review comes right after is remembered, and its item never offered
            for kind, take in (("answers", self._hear), ("reviews", self._offer)):
                topic = getattr(self._topics, kind)
                for partition, end in reader.ends(topic).items():
                    self._read(reader, topic, partition, end, take)
            self._store.expire(self._clock())

    def waiting(self) -> list[Held]:
        """What waits, the most urgent first."""
        with _told():
            return sorted(self._store.waiting(), key=lambda held: (-held.item.priority, held.item.offered_at))

    def claim(self, reviewer: str, n: int) -> list[ReviewItem]:
        """Take the most urgent items that nobody holds, for as long as the lease lasts."""
        with _told():
            return self._store.claim(reviewer, self._clock(), n)

    def find(self, decision_id: str) -> ReviewItem | None:
        """An item that waits."""
        with _told():
            held = self._store.find(decision_id)
        return None if held is None else held.item

    def answer(self, decision_id: str, reviewer: str, answer: str | float) -> tuple[Settled | Counted, bool]:
        """Answer an item that this reviewer holds; how it is settled or that others are asked, and whether it counts.

        Raises RunError if it is another's or not known, ReviewExpired if it comes too late.
        """
        now = self._clock()
        with _told(), self._store.transaction():
            self._store.expire(now)
            held = self._store.find(decision_id)
            new = held is not None and not any(vote.reviewer == reviewer for vote in held.votes)
            settled = self._store.answer(decision_id, reviewer, answer, now)
        if isinstance(settled, Settled) and settled.expired is not None:
            raise ReviewExpired(
                f"review {decision_id} expired at {format_time(settled.at)}, and `reviews.on_expiry` "
                f"({settled.expired}) has settled it: the answer comes too late, and is not counted"
            )
        return settled, new

    def send(self) -> int:
        """Send what is in the outbox; how many answers that were.

        Raises RunError if they can't be sent now; they are kept.
        """
        with _told():
            answers = self._store.untold(self._clock(), _HOLD_SECONDS)
        if not answers:
            return 0
        kinds = {self._topics.answers: "answer", self._topics.outcomes: "outcome"}
        try:
            with transactions(self._config, "reviews", kinds) as sink:
                self._write(sink, answers)
        except RunError as error:
            with _told():
                self._store.release()
            raise RunError(
                f"answers that are not sent yet: {len(answers)}. They are kept in {self._path!r}, and the next "
                f"`holdback reviews` sends them. {error}"
            ) from error
        with _told():
            self._store.told(each.decision_id for each in answers)
        return len(answers)

    def _write(self, sink: ExactlyOnce, answers: Sequence[Settled]) -> None:
        from kafka import ConsumerGroupMetadata

        sink.begin()
        try:
            for each in answers:
                key = [each.request_id.encode()]
                sink.append(self._topics.answers, encode_many([answer_record(each)]), key, each.origin, each.at)
                truth = _outcome(each, self._config.model)
                sink.append(self._topics.outcomes, encode_many([truth]), key, each.origin, each.at)
            sink.commit({}, ConsumerGroupMetadata(group_id=""))
        except BaseException:
            sink.abort()
            raise

    def _read(self, reader: TopicReader, topic: str, partition: int, end: int, take: Callable[[Chunk], None]) -> None:
        """Read a partition on from where any process left it; what is too old to be answered is passed over."""
        offset = self._store.place(topic, partition)
        if offset is None or offset < end:
            offset = max(offset or 0, reader.since(topic, partition, self._clock() - self._policy.max_age))
        while offset < end:
            chunk = reader.read(topic, partition, offset, _AT_ONCE)
            # without records there is a broker's marker at most
            offset = chunk.offsets[-1] + 1 if chunk.values else end
            with self._store.transaction():
                # another process may have read this meanwhile; it does no harm, but the place must not go back
                if offset > (self._store.place(topic, partition) or 0):
                    take(chunk)
                    self._store.move(topic, partition, offset)

    def _offer(self, chunk: Chunk) -> None:
        self._store.offer(_items(chunk.partition, chunk.values, self._policy.max_age), self._clock())

    def _hear(self, chunk: Chunk) -> None:
        self._store.heard(_settled(chunk.partition, chunk.values, self._policy.on_expiry))


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong in the queue, as what the command line shows."""
    try:
        yield
    except FallbackError as error:
        raise RunError(str(error)) from error


def _items(partition: int, values: Sequence[bytes], max_age: float) -> Iterator[ReviewItem]:
    for value in values:
        try:
            review = _review(value)
        except msgspec.MsgspecError:
            # nobody but the sidecar should write here; one stray record must not keep people from the rest
            continue
        yield _item(partition, review, max_age)


def _item(partition: int, review: Review, max_age: float) -> ReviewItem:
    kind = ReviewKind.AUDIT if review.reason == ReviewKind.AUDIT.value else ReviewKind.HELD
    payload: dict[str, Any] = msgspec.to_builtins(review)
    # the record says when it expires, so that all queues agree
    offered = epoch_seconds(review.expires) - max_age
    return ReviewItem(review.decision_id, review.id, kind, review.priority, offered, payload, partition)


def _settled(partition: int, values: Sequence[bytes], on_expiry: OnExpiry) -> Iterator[Settled]:
    for value in values:
        try:
            each = _answer(value)
        except msgspec.MsgspecError:
            # other programs write here, too; the replicas make a dead letter of what is no answer
            continue
        answer = each.answer if isinstance(each.answer, str | float) or each.answer is None else str(each.answer)
        expired = on_expiry if each.expired else None
        by = each.answered_by or ""
        yield Settled(each.decision_id, each.id, epoch_seconds(each.time), answer, by, expired, partition)


def _outcome(settled: Settled, model: str) -> Outcome:
    """What a person said is taken to be true."""
    number = settled.answer if isinstance(settled.answer, float) else None
    label = settled.answer if isinstance(settled.answer, str) else None
    return Outcome(
        settled.request_id, utc(settled.at), label, number, source="review", by=settled.answered_by, model=model
    )
