from __future__ import annotations

import math
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.errors import RunError, UsageError
from monitor.joins.records import Dropped, Early, Joined, Match, Pending, Waiting
from monitor.joins.store import JoinStore

PROBABILITIES = struct.pack("2d", 0.25, 0.75)


def pending(name: str, time: float = 0.0, *, stake: int = 0, asked: bool = True) -> Pending:
    return Pending(name, "1", time, stake, 3, -1, 2, 0.05, stake == 0, asked, "cat", None, math.inf, PROBABILITIES)


def outcome(name: str, time: float = 1.0) -> tuple[str, str | None, float | None, float]:
    return name, "dog", None, time


@pytest.fixture
def store() -> Iterator[JoinStore]:
    with closing(JoinStore(capacity=100, expire=50.0)) as made:
        yield made


def test_a_decision_comes_back_as_it_went_in(store: JoinStore) -> None:
    """With its outcome: infinite bars, absent values and the bytes of its probabilities included."""
    row = pending("a", 12.5, stake=3)
    store.add([row])
    (match,) = store.join([("a", None, 1.5, 13.0)]).matches
    assert type(match.pending) is Pending
    assert match == Match(row, None, 1.5, 13.0, was_overdue=False)


def test_a_known_id_is_a_duplicate_even_after_it_was_joined(store: JoinStore) -> None:
    """Within a batch, while it waits, and once it was joined; the others of the batch are added."""
    assert store.add([pending("a"), pending("b"), pending("a", 9.0)]).duplicates == [2]
    store.join([outcome("a")])
    assert store.add([pending("c"), pending("a"), pending("b")]).duplicates == [1, 2]
    assert [m.pending.time for m in store.join([outcome("b"), outcome("c")]).matches] == [0.0, 0.0]


def test_the_first_outcome_of_an_id_counts(store: JoinStore) -> None:
    """Later ones are repeated, in the same batch or not, before the decision or after it."""
    store.add([pending("a")])
    first = store.join([outcome("a", 1.0), outcome("a", 2.0)])
    assert ([m.time for m in first.matches], first.repeated) == ([1.0], 1)
    came = [outcome("a"), outcome("b", 3.0), outcome("b", 4.0)]
    assert store.join(came) == Joined([], early=[Early(*came[1])], repeated=2)
    assert [m.time for m in store.add([pending("b")]).joined] == [3.0]
    assert store.join([outcome("b")]).repeated == 1


def test_an_overdue_decision_is_reported_once_and_can_still_be_joined(store: JoinStore) -> None:
    """Only those asked for are overdue; the match says that it was."""
    store.add([pending("a", 1.0), pending("b", 2.0, asked=False), pending("c", 3.0, stake=3)])
    assert [row.id for row in store.overdue(3.0)] == ["a"]
    assert store.overdue(3.0) == []
    assert store.waiting() == Waiting(3, 1, (0, 0, 0, 1))
    assert [m.was_overdue for m in store.join([outcome("a"), outcome("c")]).matches] == [True, False]


def test_what_expires_is_told_so_that_no_error_is_lost(store: JoinStore) -> None:
    """Decisions without outcome, of them those asked for and unreported, and early outcomes; then all are unknown."""
    store.add([pending("a", 1.0), pending("b", 1.0, asked=False), pending("c", 60.0), pending("d", 0.0)])
    store.overdue(0.5)
    store.join([outcome("x", 2.0), outcome("y", 70.0)])
    gone = store.expire(52.5)
    assert (gone.unlabelled, [row.id for row in gone.asked], gone.early) == (3, ["a"], [outcome("x", 2.0)])
    assert store.waiting().n == 1
    assert store.add([pending("a", 60.0)]).duplicates == []


def test_a_full_store_drops_the_oldest_and_counts_them() -> None:
    """Ids, waiting or joined, and early outcomes; whoever was asked for is handed back."""
    with closing(JoinStore(capacity=2, expire=50.0)) as store:
        store.add([pending("a"), pending("b")])
        store.join([outcome("a"), outcome("x"), outcome("y"), outcome("z")])
        assert [row.id for row in store.add([pending("c"), pending("d")]).dropped] == ["b"]
        assert store.dropped == Dropped(waiting=1, joined=1, early=1)
        assert store.waiting().n == 2
        assert store.add([pending("x")]).joined == []


def test_a_rollback_undoes_everything(store: JoinStore) -> None:
    """Rows, marks, counts and what was dropped; a commit keeps them."""
    store.add([pending("a"), pending("b")])
    store.join([outcome("early")])
    store.begin()
    store.add([pending("early"), *(pending(f"n{i}") for i in range(150))])
    store.join([outcome("b"), outcome("other")])
    store.overdue(9.0)
    store.rollback()
    assert (store.waiting(), store.dropped) == (Waiting(2, 2, (2, 0, 0, 0)), Dropped())
    store.begin()
    assert [m.pending.id for m in store.add([pending("early")]).joined] == ["early"]
    store.commit()
    assert [row.id for row in store.overdue(9.0)] == ["a", "b"]
    with pytest.raises(RunError, match="failed"):
        store.add([pending("bad")._replace(id=[])])  # type: ignore[arg-type]
    assert store.waiting().n == 2


def test_transactions_do_not_nest(store: JoinStore) -> None:
    """A second begin is a mistake of the caller, and does not harm the first."""
    store.begin()
    with pytest.raises(RuntimeError, match="already open"):
        store.begin()
    store.add([pending("a")])
    store.commit()
    assert store.waiting().n == 1


def test_a_file_holds_what_was_committed(tmp_path: Path) -> None:
    """Opened again, it goes on where it was: waiting, joined and early ids, ages and marks."""
    path = tmp_path / "joins.db"
    with closing(JoinStore(path, capacity=9, expire=50.0)) as store:
        store.add([pending("a", 1.0), pending("b", 2.0), pending("c", 3.0)])
        store.join([outcome("b"), outcome("e")])
        store.overdue(2.0)
        store.begin()
        store.add([pending("lost")])
    with closing(JoinStore(path, capacity=9, expire=50.0)) as store:
        assert store.waiting() == Waiting(2, 1, (1, 0, 0, 0))
        assert store.add([pending("b"), pending("e", 60.0)]).duplicates == [0]
        assert [row.id for row in store.overdue(9.0)] == ["c"]
        assert store.expire(52.0).unlabelled == 1


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """The message names it and says what to do."""
    path = tmp_path / "x.db"
    path.write_bytes(b"not a database, but long enough to look at" * 50)
    with pytest.raises(UsageError, match=r"x\.db.*not a database"):
        JoinStore(path, expire=1.0)
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 7")
    with pytest.raises(UsageError, match="format 7"):
        JoinStore(path, expire=1.0)


NAMES = st.sampled_from("abcdefghijkl")
TIMES = st.integers(0, 40).map(float)


def test_a_store_that_is_told_again_what_was_joined_goes_on_the_same(store: JoinStore) -> None:
    """Decisions, then what was joined, overdue and early: the same joins, duplicates and waiting as before."""
    rows = [pending(name, float(i)) for i, name in enumerate("abcd")]
    store.add(rows)
    store.join([outcome("x"), outcome("a"), outcome("y")])
    late = store.overdue(2.0)
    with closing(JoinStore(capacity=100, expire=50.0)) as other:
        other.add(rows)
        other.replay(
            ["a"], [row.id for row in late], [Early(*outcome("x")), Early(*outcome("y")), Early(*outcome("a"))]
        )
        assert other.waiting() == store.waiting()
        assert other.overdue(3.0) == store.overdue(3.0)
        assert other.add([pending("a"), pending("y")]) == store.add([pending("a"), pending("y")])
        last = [outcome(name) for name in "abx"]
        assert other.join(last) == store.join(last)


class Model(RuleBasedStateMachine):
    """The store beside dictionaries that do the same, slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.store = JoinStore(capacity=8, expire=15.0)
        # id -> [row, state], oldest first; states are waiting, overdue and joined.
        self.known: dict[str, list[Any]] = {}
        self.early: dict[str, tuple[str, str | None, float | None, float]] = {}
        self.saved: tuple[Any, Any] | None = None

    def teardown(self) -> None:
        """Close the store."""
        self.store.close()

    @rule(rows=st.lists(st.builds(pending, NAMES, TIMES, stake=st.integers(0, 3), asked=st.booleans()), max_size=5))
    def add(self, rows: list[Pending]) -> None:
        """What is known is refused, what came early is joined, what is too much is dropped."""
        duplicates, joined, dropped = [], [], []
        for i, row in enumerate(rows):
            if row.id in self.known:
                duplicates.append(i)
            elif row.id in self.early:
                self.known[row.id] = [row, "joined"]
                joined.append((row, *self.early.pop(row.id)[1:], False))
            else:
                self.known[row.id] = [row, "waiting"]
        while len(self.known) > 8:
            row, state = self.known.pop(next(iter(self.known)))
            dropped += [row] if row.asked and state == "waiting" else []
        added = self.store.add(rows)
        assert (added.duplicates, added.joined, added.dropped) == (duplicates, joined, dropped)

    @rule(outcomes=st.lists(st.builds(outcome, NAMES, TIMES), max_size=5))
    def join(self, outcomes: list[tuple[str, str | None, float | None, float]]) -> None:
        """The first outcome of an id counts."""
        matches, early, repeated = [], [], 0
        for came in outcomes:
            entry = self.known.get(came[0])
            if entry is not None and entry[1] != "joined":
                matches.append((entry[0], *came[1:], entry[1] == "overdue"))
                entry[1] = "joined"
            elif entry is not None or came[0] in self.early:
                repeated += 1
            else:
                self.early[came[0]] = came
                early.append(came)
        while len(self.early) > 8:
            self.early.pop(next(iter(self.early)))
        assert self.store.join(outcomes) == Joined(matches, early, repeated)  # type: ignore[arg-type]

    @rule(before=TIMES)
    def overdue(self, before: float) -> None:
        """Each is reported once."""
        found = [e for e in self.known.values() if e[1] == "waiting" and e[0].asked and e[0].time < before]
        for entry in found:
            entry[1] = "overdue"
        assert self.store.overdue(before) == [row for row, _ in found]

    @rule(now=TIMES)
    def expire(self, now: float) -> None:
        """What is too old is forgotten."""
        old = [e for e in self.known.values() if e[0].time < now - 15]
        early = [came for came in self.early.values() if came[3] < now - 15]
        for row, _ in old:
            del self.known[row.id]
        for came in early:
            del self.early[came[0]]
        gone = self.store.expire(now)
        assert gone.unlabelled == sum(state != "joined" for _, state in old)
        assert gone.asked == [row for row, state in old if state == "waiting" and row.asked]
        assert gone.early == early

    @precondition(lambda self: self.saved is None)
    @rule()
    def begin(self) -> None:
        """Remember what there was."""
        self.saved = ({name: list(entry) for name, entry in self.known.items()}, dict(self.early))
        self.store.begin()

    @precondition(lambda self: self.saved is not None)
    @rule(keep=st.booleans())
    def end(self, *, keep: bool) -> None:
        """Keep all since, or go back."""
        if keep:
            self.store.commit()
        else:
            assert self.saved is not None
            self.known, self.early = self.saved
            self.store.rollback()
        self.saved = None

    @invariant()
    def counts_agree(self) -> None:
        """The counts kept are those counted."""
        waiting = [e for e in self.known.values() if e[1] != "joined"]
        asked = [row.stake for row, state in waiting if state == "waiting" and row.asked]
        expected = Waiting(len(waiting), len(asked), tuple(asked.count(stake) for stake in range(4)))
        assert self.store.waiting() == expected


TestModel = Model.TestCase
TestModel.settings = settings(stateful_step_count=40)


def test_spans_of_many_rows_agree_with_their_times() -> None:
    """Times out of order over thousands of rows: each is overdue and expires exactly when it should."""
    rows = [pending(str(i), float(i * 7919 % 5000)) for i in range(5000)]
    with closing(JoinStore(expire=1000.0)) as store:
        for start in range(0, 5000, 90):
            store.add(rows[start : start + 90])
        for now in range(0, 7000, 300):
            assert {row.time for row in store.overdue(now - 500)} == {
                float(t) for t in range(max(now - 800, 0), min(max(now - 500, 0), 5000))
            }
            gone = store.expire(float(now))
            assert gone.unlabelled == len(range(max(now - 1300, 0), min(max(now - 1000, 0), 5000)))
        assert store.waiting().n == 0
