"""The queue of reviews in a file that several processes share: for reviewers at a command line or a page."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fallback.agreement import Counted, Vote
from fallback.desk import Desk, Held
from fallback.errors import ReviewsUnusable
from fallback.reviews import ReviewItem, ReviewPolicy, Settled, TokenBucket

__all__ = ["SqliteReviews"]

_VERSION = 2
_SCHEMA = f"""
    CREATE TABLE items (n INTEGER PRIMARY KEY, decision_id TEXT NOT NULL UNIQUE, reviewer TEXT NOT NULL,
                        until REAL NOT NULL, body BLOB NOT NULL,
                        votes BLOB NOT NULL);
    CREATE TABLE settled (n INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL);
    CREATE TABLE outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT NOT NULL UNIQUE,
                         held_until REAL NOT NULL, body BLOB NOT NULL);
    CREATE TABLE places (topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
                         PRIMARY KEY (topic, partition));
    CREATE TABLE tallies (name TEXT PRIMARY KEY, value REAL);
    PRAGMA user_version = {_VERSION};
"""
_BUSY_SECONDS = 30.0
_MOST_PARAMETERS = 500
_encode = msgspec.msgpack.Encoder().encode
_item = msgspec.msgpack.Decoder(ReviewItem).decode
_votes = msgspec.msgpack.Decoder(tuple[Vote, ...]).decode
_settled = msgspec.msgpack.Decoder(Settled).decode


class SqliteReviews:
    """The queue in a file; behaves as `MemoryReviews`.

    Each call is a transaction that no other process can fall into. What people answer goes into an outbox as well,
    and stays there until somebody has told it. Beside the items there is room for the places up to which topics were
    read, so that items and places change together.
    """

    def __init__(self, path: str | Path, policy: ReviewPolicy) -> None:
        self._path = str(path)
        self._policy = policy
        self._inside: _Shelf | None = None
        with self._trouble():
            self._db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                # an answer that a person gave must outlive a power cut
                self._db.execute("PRAGMA synchronous = FULL")
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __len__(self) -> int:
        with self.transaction() as shelf:
            return len(shelf)

    @property
    def counts(self) -> Counter[str]:
        """How often what happened; as `MemoryReviews.counts`."""
        with self.transaction() as shelf:
            return Counter(shelf.counts)

    @contextmanager
    def transaction(self) -> Iterator[_Shelf]:
        """All calls inside count at once, or not at all if one raises."""
        if self._inside is not None:
            yield self._inside
            return
        with self._trouble():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._inside = _Shelf(self._db, self._policy)
                yield self._inside
                self._inside.save()
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._inside = None

    def offer(self, items: Iterable[ReviewItem], now: float) -> tuple[list[ReviewItem], list[ReviewItem]]:
        """Offer items; returns what is in the queue now, and what was shed."""
        with self._desk() as desk:
            return desk.offer(items, now)

    def claim(self, reviewer: str, now: float, n: int = 1) -> list[ReviewItem]:
        """Take the most urgent items that are free."""
        with self._desk() as desk:
            return desk.claim(reviewer, now, n)

    def answer(self, decision_id: str, reviewer: str, answer: str | float, now: float) -> Settled | Counted:
        """Answer an item that this reviewer holds; raises UnknownReview or LeaseLost."""
        with self._desk() as desk, self.transaction() as shelf:
            before = shelf.settled(decision_id)
            settled = desk.answer(decision_id, reviewer, answer, now)
            if before is None and isinstance(settled, Settled):
                self._db.execute("INSERT INTO outbox VALUES (NULL, ?, 0, ?)", (decision_id, _encode(settled)))
            return settled

    def expire(self, now: float) -> list[Settled]:
        """Settle what has grown too old."""
        with self._desk() as desk:
            return desk.expire(now)

    def heard(self, settled: Iterable[Settled]) -> None:
        """These were settled elsewhere, whether or not they are known here yet; what was settled here stays so."""
        with self._desk() as desk, self.transaction() as shelf:
            for each in settled:
                if shelf.settled(each.decision_id) is None:
                    desk.conclude(each)

    def is_full(self, now: float) -> bool:
        """Whether an item that is no measurement would be shed now, or push out another."""
        with self._desk() as desk:
            return desk.is_full(now)

    def audit_room(self, now: float) -> int:
        """Count the audits that could be taken."""
        with self._desk() as desk:
            return desk.audit_room(now)

    def waiting(self) -> list[Held]:
        """Every open item, with who looks at it."""
        with self.transaction() as shelf:
            return list(shelf.held())

    def find(self, decision_id: str) -> Held | None:
        """An open item, with who looks at it."""
        with self.transaction() as shelf:
            return shelf.find(decision_id)

    def untold(self, now: float, hold: float) -> list[Settled]:
        """Answers that nobody has told yet; for `hold` seconds no other process gets them, too."""
        with self.transaction():
            rows = self._db.execute("SELECT body FROM outbox WHERE held_until <= ? ORDER BY n", (now,)).fetchall()
            self._db.execute("UPDATE outbox SET held_until = ? WHERE held_until <= ?", (now + hold, now))
            return [_settled(body) for (body,) in rows]

    def told(self, decision_ids: Iterable[str]) -> None:
        """These have been told."""
        with self.transaction():
            self._db.executemany("DELETE FROM outbox WHERE decision_id = ?", [(each,) for each in decision_ids])

    def release(self) -> None:
        """What was taken out of the outbox and not told may be taken again at once."""
        with self.transaction():
            self._db.execute("UPDATE outbox SET held_until = 0")

    def place(self, topic: str, partition: int) -> int | None:
        """The offset from which a partition is to be read on; None if it was never read."""
        with self.transaction():
            row = self._db.execute(
                "SELECT next FROM places WHERE topic = ? AND partition = ?", (topic, partition)
            ).fetchone()
            return None if row is None else int(row[0])

    def move(self, topic: str, partition: int, offset: int) -> None:
        """A partition was read up to `offset`."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO places VALUES (?, ?, ?)", (topic, partition, offset))

    @contextmanager
    def _desk(self) -> Iterator[Desk]:
        with self.transaction() as shelf:
            yield Desk(self._policy, shelf)

    def _prepare(self) -> None:
        """Make the tables of a new file; two processes may find it new at once."""
        self._db.execute("BEGIN IMMEDIATE")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
        self._db.execute("COMMIT")
        if version not in {0, _VERSION}:
            raise ReviewsUnusable(
                f"{self._path!r} has format {version}, not {_VERSION}: delete it once what was answered is sent "
                "(`holdback reviews list` of the version that made it sends it), or give another file"
            )

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ReviewsUnusable(f"the reviews in {self._path!r} cannot be used: {error}") from error


class _Shelf:
    """The tables within one transaction: open items are read once, and every change is written as it is made."""

    def __init__(self, db: sqlite3.Connection, policy: ReviewPolicy) -> None:
        self._db = db
        rows = db.execute("SELECT reviewer, until, body, votes FROM items ORDER BY n").fetchall()
        items = [Held(_item(body), reviewer, until, _votes(votes)) for reviewer, until, body, votes in rows]
        self._open = {held.item.decision_id: held for held in items}
        tallies = dict(db.execute("SELECT name, value FROM tallies").fetchall())
        self.budget = TokenBucket(policy.rate, policy.burst, policy.reserve * policy.burst)
        if _TOKENS in tallies:
            self.budget.restore(tallies.pop(_TOKENS), tallies.pop(_AS_OF))
        self.counts: Counter[str] = Counter({name: int(value) for name, value in tallies.items()})
        self._before = self._tallies()

    def __len__(self) -> int:
        return len(self._open)

    def held(self) -> Iterable[Held]:
        return self._open.values()

    def find(self, decision_id: str) -> Held | None:
        return self._open.get(decision_id)

    def put(self, held: Held) -> None:
        decision_id = held.item.decision_id
        self._db.execute(
            "INSERT INTO items VALUES (NULL, ?, ?, ?, ?, ?) ON CONFLICT (decision_id) DO UPDATE SET "
            "reviewer = excluded.reviewer, until = excluded.until, votes = excluded.votes",
            (decision_id, held.reviewer, held.until, _encode(held.item), _encode(held.votes)),
        )
        self._open[decision_id] = held

    def drop(self, decision_id: str) -> None:
        if self._open.pop(decision_id, None) is not None:
            self._db.execute("DELETE FROM items WHERE decision_id = ?", (decision_id,))

    def settled(self, decision_id: str) -> Settled | None:
        row = self._db.execute("SELECT body FROM settled WHERE decision_id = ?", (decision_id,)).fetchone()
        return None if row is None else _settled(row[0])

    def known(self, decision_ids: Iterable[str]) -> set[str]:
        asked = list(decision_ids)
        found = {each for each in asked if each in self._open}
        for start in range(0, len(asked), _MOST_PARAMETERS):
            some = asked[start : start + _MOST_PARAMETERS]
            marks = ",".join("?" * len(some))
            query = f"SELECT decision_id FROM settled WHERE decision_id IN ({marks})"  # noqa: S608  # marks alone
            found.update(row[0] for row in self._db.execute(query, some))
        return found

    def remember(self, settled: Settled, most: int) -> None:
        done = self._db.execute(
            "INSERT OR REPLACE INTO settled VALUES (NULL, ?, ?)", (settled.decision_id, _encode(settled))
        )
        self._db.execute("DELETE FROM settled WHERE n <= ?", ((done.lastrowid or 0) - most,))

    def save(self) -> None:
        """Write the tallies, if they have changed."""
        now = self._tallies()
        if now != self._before:
            self._db.executemany("INSERT OR REPLACE INTO tallies VALUES (?, ?)", now.items())

    def _tallies(self) -> dict[str, float | None]:
        tokens, as_of = self.budget.state()
        return {**self.counts, _TOKENS: tokens, _AS_OF: as_of}


_TOKENS, _AS_OF = "budget: tokens", "budget: as of"
