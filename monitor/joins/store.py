"""Decisions that wait for their label, joined with outcomes by id: bounded by count and age, and kept in SQLite."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from detectors.types import Stake
from monitor.errors import RunError
from monitor.joins.ages import Ages
from monitor.joins.flags import FlagTable
from monitor.joins.records import Added, Dropped, Early, Expired, Flagging, Joined, Match, Pending, Waiting
from monitor.joins.sql import (
    DELETE_OLD,
    INSERT,
    JOIN,
    JOINED,
    MARK_OVERDUE,
    OLDEST,
    OLDEST_ASKED,
    SELECT_OLD,
    SELECT_OVERDUE,
    SPANS,
    SPANS_ASKED,
    open_store,
    run_in,
)

__all__ = ["JoinStore"]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Pending).decode


class JoinStore:
    """Decisions of the last `capacity` ids, for `expire` seconds each, and as many outcomes that came before theirs.

    An id stays known after it was joined, so that it is not taken for new again. Each call is a transaction of its own
    unless it stands between `begin` and `commit` or `rollback`. For one thread at a time.
    """

    def __init__(self, path: str | Path = ":memory:", *, capacity: int = 1_000_000, expire: float) -> None:
        self._capacity = capacity
        self._expire = expire
        self._inside = False
        self.dropped = Dropped()
        self._dropped_before = self.dropped
        self._db = open_store(path)
        self._flags = FlagTable(self._db, capacity)
        self._load()

    def add(self, rows: Sequence[Pending]) -> Added:
        """Let decisions wait; those whose outcome is here already are joined at once."""
        if not rows:
            return Added([], [], [])
        with self._work():
            first = self._next
            self._next += len(rows)
            values = [(first + i, r[0], r[2], 2 + 4 * r[3] + 2 * r[9], _encode(r)) for i, r in enumerate(rows)]
            done = self._db.executemany(INSERT, values)
            duplicates = [] if done.rowcount == len(rows) else self._refused(first, len(rows))
            if duplicates:
                refused = set(duplicates)
                values = [value for i, value in enumerate(values) if i not in refused]
            self._note(values)
            return Added(duplicates, self._match_early(values, rows, first), self._drop_oldest())

    def join(self, outcomes: Sequence[tuple[str, str | None, float | None, float]]) -> Joined:
        """Give decisions their outcomes: (id, label, value, time) each; the first of an id counts."""
        with self._work():
            found = {
                row[0]: row
                for row in run_in(self._db, "SELECT id, n, state, body FROM decisions WHERE id IN", outcomes)
            }
            matches, joined, unknown, repeated = [], set(), [], 0
            for outcome in outcomes:
                row = found.get(outcome[0])
                if row is None:
                    unknown.append(outcome)
                elif row[2] == JOINED or row[1] in joined:
                    repeated += 1
                else:
                    joined.add(row[1])
                    self._states[row[2]] -= 1
                    matches.append(Match(_decode(row[3]), outcome[1], outcome[2], outcome[3], bool(row[2] & 1)))
            self._mark_joined([(n,) for n in joined])
            early = self._keep_early(unknown)
            return Joined(matches, early, repeated + len(unknown) - len(early))

    def overdue(self, before: float) -> list[Pending]:
        """Decisions from before `before` whose outcome was asked for and has not come; each is reported once."""
        with self._work():
            found: list[tuple[int, int, bytes]] = []
            for _, first, last in self._asked.take(before):
                found += self._db.execute(SELECT_OVERDUE, (first, last, before))
                self._db.execute(MARK_OVERDUE, (first, last, before))
                self._put_back(self._asked, OLDEST_ASKED, first, last)
            for _, state, _ in found:
                self._states[state] -= 1
                self._states[state + 1] += 1
            return [_decode(body) for _, _, body in sorted(found)]

    def flag(self, flags: Sequence[Flagging]) -> list[Flagging]:
        """Give flags their decisions, whether or not these still wait; those without one come last."""
        with self._work():
            found = dict(run_in(self._db, "SELECT id, body FROM decisions WHERE id IN", flags))
            known = [flag._replace(pending=_decode(found[flag.id])) for flag in flags if flag.id in found]
            return self._flags.add(known) + [flag for flag in flags if flag.id not in found]

    def expire(self, now: float) -> Expired:
        """Forget what is older than `expire` seconds at `now`."""
        before = now - self._expire
        with self._work():
            self._flags.expire(before)
            found: list[tuple[int, int, bytes]] = []
            for _, first, last in self._ages.take(before):
                found += self._db.execute(SELECT_OLD, (first, last, before))
                self._db.execute(DELETE_OLD, (first, last, before))
                self._put_back(self._ages, OLDEST, first, last)
            asked = self._forget(sorted(found))
            unlabelled = sum(state != JOINED for _, state, _ in found)
            return Expired(unlabelled, asked, self._expire_early(before))

    def replay(
        self, joined: Sequence[str], overdue: Sequence[str], early: Sequence[Early], flags: Sequence[Flagging] = ()
    ) -> None:
        """Know again what `joined`, `overdue`, `join` and `flag` told before: ids, and outcomes that came early."""
        with self._work():
            self._flags.add(flags)
            self._keep_early([one for one in early if not self._has(one.id)])
            names = [(name,) for name in joined]
            run_in(self._db, "DELETE FROM early WHERE id IN", names)
            for n, state in run_in(self._db, "SELECT n, state FROM decisions WHERE id IN", names):
                if state != JOINED:
                    self._states[state] -= 1
                    self._mark_joined([(n,)])
            late = "UPDATE decisions SET state = state + 1 WHERE (state - 2) & 3 = 2 AND id IN"
            run_in(self._db, late, [(name,) for name in overdue])
            self._load()

    def waiting(self) -> Waiting:
        """How many decisions wait; kept up to date, so that asking costs nothing."""
        asked = tuple(self._states[4 + 4 * stake] for stake in Stake)
        return Waiting(sum(self._states[:JOINED]), sum(asked), asked)

    def begin(self) -> None:
        """From here on, all is kept by `commit` or undone by `rollback`."""
        if self._inside:
            raise RuntimeError("the store's transaction is already open; commit it or roll it back first")
        self._dropped_before = replace(self.dropped)
        self._run("BEGIN IMMEDIATE")
        self._inside = True

    def commit(self) -> None:
        """Keep all since `begin`."""
        self._run("COMMIT")
        self._inside = False

    def rollback(self) -> None:
        """Undo all since `begin`."""
        self._inside = False
        if self._db.in_transaction:  # SQLite may have ended it by itself, as when the disk is full
            self._db.execute("ROLLBACK")
        self.dropped = self._dropped_before
        self._load()

    def close(self) -> None:
        """Close the file; what is not committed is undone."""
        self._db.close()

    @contextmanager
    def _work(self) -> Iterator[None]:
        own = not self._inside
        try:
            if own:
                self.begin()
            yield
            if own:
                self.commit()
        except BaseException as error:
            if own:
                self.rollback()
            if isinstance(error, sqlite3.Error):
                raise RunError(f"the store of waiting decisions failed: {error}") from error
            raise

    def _run(self, sql: str) -> None:
        try:
            self._db.execute(sql)
        except sqlite3.Error as error:
            raise RunError(f"the store of waiting decisions failed: {error}") from error

    def _load(self) -> None:
        """Count what is in the file; at the start, and after a rollback, which is rare."""
        self._next = self._db.execute("SELECT coalesce(max(n), 0) + 1 FROM decisions").fetchone()[0]
        self._n_early = self._db.execute("SELECT count(*) FROM early").fetchone()[0]
        self._states = [0] * (JOINED + 1)
        for state, count in self._db.execute("SELECT state, count(*) FROM decisions GROUP BY state"):
            self._states[state] = count
        self._ages = Ages(self._db.execute(SPANS))
        self._asked = Ages(self._db.execute(SPANS_ASKED))

    def _has(self, name: str) -> bool:
        return self._db.execute("SELECT 1 FROM decisions WHERE id = ?", (name,)).fetchone() is not None

    def _refused(self, first: int, count: int) -> list[int]:
        """Positions of the rows from number `first` on that were not inserted."""
        there = {n for (n,) in self._db.execute("SELECT n FROM decisions WHERE n >= ?", (first,))}
        return [i for i in range(count) if first + i not in there]

    def _note(self, values: Sequence[tuple[int, str, float, int, bytes]]) -> None:
        if not values:
            return
        states = self._states
        for value in values:
            states[value[3]] += 1
        first, last = values[0][0], values[-1][0]
        self._ages.add(min([value[2] for value in values]), first, last)
        self._asked.add(min([value[2] for value in values if value[3] & 2 == 0], default=math.inf), first, last)

    def _match_early(
        self, values: Sequence[tuple[int, str, float, int, bytes]], rows: Sequence[Pending], first: int
    ) -> list[Match]:
        if not self._n_early:
            return []
        sql = "SELECT id, label, value, time FROM early WHERE id IN"
        early = {row[0]: Early(*row) for row in run_in(self._db, sql, [(value[1],) for value in values])}
        if not early:
            return []
        met = [value for value in values if value[1] in early]
        for value in met:
            self._states[value[3]] -= 1
        self._mark_joined([(value[0],) for value in met])
        run_in(self._db, "DELETE FROM early WHERE id IN", [(value[1],) for value in met])
        self._n_early -= len(met)
        pairs = [(rows[n - first], early[name]) for n, name, *_ in met]
        return [Match(row, said.label, said.value, said.time, was_overdue=False) for row, said in pairs]

    def _keep_early(self, outcomes: Sequence[tuple[str, str | None, float | None, float]]) -> list[Early]:
        if not outcomes:
            return []
        new: dict[str, Early] = {}
        for outcome in outcomes:
            new.setdefault(outcome[0], Early(*outcome))
        for (name,) in run_in(self._db, "SELECT id FROM early WHERE id IN", outcomes) if self._n_early else ():
            del new[name]
        kept = list(new.values())
        self._db.executemany("INSERT INTO early (id, label, value, time) VALUES (?, ?, ?, ?)", kept)
        self._n_early += len(kept)
        if (excess := self._n_early - self._capacity) > 0:
            self._db.execute("DELETE FROM early WHERE n IN (SELECT n FROM early ORDER BY n LIMIT ?)", (excess,))
            self._n_early -= excess
            self.dropped.early += excess
        return kept

    def _expire_early(self, before: float) -> list[Early]:
        if not self._n_early:
            return []
        sql = "SELECT id, label, value, time FROM early INDEXED BY early_time WHERE time < ? ORDER BY n"
        gone = [Early(*row) for row in self._db.execute(sql, (before,))]
        if gone:
            self._db.execute("DELETE FROM early WHERE time < ?", (before,))
            self._n_early -= len(gone)
        return gone

    def _drop_oldest(self) -> list[Pending]:
        excess = sum(self._states) - self._capacity
        if excess <= 0:
            return []
        rows = self._db.execute("SELECT n, state, body FROM decisions ORDER BY n LIMIT ?", (excess,)).fetchall()
        self._db.execute("DELETE FROM decisions WHERE n <= ?", (rows[-1][0],))
        joined = sum(state == JOINED for _, state, _ in rows)
        self.dropped.joined += joined
        self.dropped.waiting += len(rows) - joined
        return self._forget(rows)

    def _forget(self, rows: Sequence[tuple[int, int, bytes]]) -> list[Pending]:
        """Count deleted rows off; those asked for and never reported overdue."""
        for _, state, _ in rows:
            self._states[state] -= 1
        return [_decode(body) for _, state, body in rows if (state - 2) & 3 == 2]

    def _mark_joined(self, numbers: Sequence[tuple[int]]) -> None:
        run_in(self._db, JOIN, numbers)
        self._states[JOINED] += len(numbers)

    def _put_back(self, ages: Ages, oldest_of: str, first: int, last: int) -> None:
        oldest = self._db.execute(oldest_of, (first, last)).fetchone()[0]
        if oldest is not None:
            ages.put_back((oldest, first, last))
