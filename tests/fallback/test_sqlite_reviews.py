"""The queue in a file: shared by processes, all or nothing, and with an outbox for what people said."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from fallback.errors import LeaseLost, ReviewsUnusable
from fallback.reviews import OnExpiry, ReviewItem, ReviewKind, ReviewPolicy, Settled
from fallback.sqlite_reviews import SqliteReviews

POLICY = ReviewPolicy(depth=1000, rate=1e6, burst=1e6, max_age=1000.0, lease=100.0)


def item(name: str, at: float = 0.0) -> ReviewItem:
    return ReviewItem(name, f"r{name}", ReviewKind.HELD, 1.0, at, {"features": {"age": 31, "name": "Ä"}}, origin=3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviews.sqlite"


def test_everything_is_there_after_the_file_was_closed(path: Path) -> None:
    """Items with their payload, leases, how items ended, tallies, and places."""
    store = SqliteReviews(path, POLICY)
    store.offer([item("a"), item("b")], 1.0)
    store.claim("ada", 2.0)
    store.answer("a", "ada", 0.5, 3.0)
    store.move("reviews", 1, 17)
    counts = store.counts
    store.close()
    store = SqliteReviews(path, POLICY)
    assert store.claim("bob", 2.0) == [item("b")]
    assert store.answer("a", "eve", 1.0, 4.0) == Settled("a", "ra", 3.0, 0.5, "ada", None, 3)
    assert (store.place("reviews", 1), store.place("reviews", 0)) == (17, None)
    assert store.counts == counts + Counter({"claimed": 1, "repeated": 1})
    store.close()


def test_what_fails_inside_a_transaction_leaves_nothing(path: Path) -> None:
    """Items and places change together, or neither does."""
    store = SqliteReviews(path, POLICY)

    def fails() -> None:
        with store.transaction():
            store.offer([item("a")], 1.0)
            store.move("reviews", 0, 5)
            store.answer("a", "ada", "yes", 1.0)

    with pytest.raises(LeaseLost):
        fails()
    assert (len(store), store.place("reviews", 0), store.counts["offered"]) == (0, None, 0)
    with store.transaction():
        store.offer([item("a")], 1.0)
        store.move("reviews", 0, 5)
    assert (len(store), store.place("reviews", 0)) == (1, 5)
    store.close()


def test_an_answer_waits_in_the_outbox_until_it_was_told(path: Path) -> None:
    """Once, whoever asks; expiry and what others settled is not ours to tell."""
    store = SqliteReviews(path, POLICY)
    store.offer([item("a"), item("b"), item("c", at=-999.5)], 0.0)
    store.heard([Settled("b", "rb", 1.0, "yes", "elsewhere", None, 3)])
    assert [each.expired for each in store.expire(1.0)] == [OnExpiry.FALLBACK]
    store.claim("ada", 1.0, n=5)
    first = store.answer("a", "ada", "no", 2.0)
    store.answer("a", "ada", "yes", 3.0)
    assert store.untold(4.0, hold=10.0) == [first]
    assert store.untold(13.9, hold=10.0) == []
    assert store.untold(14.0, hold=10.0) == [first]
    store.release()
    assert store.untold(14.1, hold=10.0) == [first]
    store.told(["a"])
    assert store.untold(99.0, hold=10.0) == []
    store.close()


def test_what_was_settled_elsewhere_is_known_before_it_is_offered(path: Path) -> None:
    """An answer may be read before its review; the first word on an item stays."""
    store = SqliteReviews(path, POLICY)
    said = Settled("a", "ra", 1.0, "yes", "elsewhere", None, 3)
    store.heard([said])
    store.heard([Settled("a", "ra", 2.0, "no", "another", None, 3)])
    assert store.offer([item("a")], 3.0) == ([], [])
    assert store.answer("a", "ada", "no", 4.0) == said
    store.close()


def test_an_item_that_nobody_holds_has_to_be_claimed_first(path: Path) -> None:
    """Or two people would answer it."""
    store = SqliteReviews(path, POLICY)
    store.offer([item("a")], 0.0)
    with pytest.raises(LeaseLost, match="held by nobody: claim it first"):
        store.answer("a", "ada", "yes", 1.0)
    store.close()


CLAIMS = """
import sys
from fallback.reviews import ReviewPolicy
from fallback.sqlite_reviews import SqliteReviews
store = SqliteReviews(sys.argv[1], ReviewPolicy(depth=1000, rate=1e6, burst=1e6, max_age=1000.0, lease=100.0))
while items := store.claim(sys.argv[2], 1.0):
    store.answer(items[0].decision_id, sys.argv[2], "yes", 2.0)
    print(items[0].decision_id)
"""


def test_two_processes_never_hold_one_item(path: Path) -> None:
    """Three at once, on a file that is new to them: each item is claimed and answered by one."""
    starters = [
        subprocess.Popen([sys.executable, "-c", CLAIMS, str(path), name], stdout=subprocess.PIPE) for name in "xyz"
    ]
    assert [each.wait(60) for each in starters] == [0, 0, 0]
    store = SqliteReviews(path, POLICY)
    store.offer([item(str(i)) for i in range(150)], 0.0)
    store.close()
    workers = [
        subprocess.Popen([sys.executable, "-c", CLAIMS, str(path), name], stdout=subprocess.PIPE) for name in "xyz"
    ]
    done = [each.communicate(timeout=120)[0].split() for each in workers]
    assert sorted(each for some in done for each in some) == sorted(str(i).encode() for i in range(150))
    for each in starters:
        each.communicate()


ANSWERS = """
import sys
from fallback.reviews import ReviewPolicy
from fallback.sqlite_reviews import SqliteReviews
store = SqliteReviews(sys.argv[1], ReviewPolicy(depth=1000, rate=1e6, burst=1e6, max_age=1000.0, lease=100.0))
for i in range(100):
    print(store.answer(str(i), "ada", sys.argv[2], 2.0).answer)
"""
VOTES = """
import sys
from fallback.agreement import Counted
from fallback.reviews import ReviewPolicy
from fallback.sqlite_reviews import SqliteReviews
policy = ReviewPolicy(depth=1000, rate=1e6, burst=1e6, max_age=1000.0, lease=100.0, reviewers=3)
store = SqliteReviews(sys.argv[1], policy)
while len(store):
    for item in store.claim(sys.argv[2], 1.0, n=3):
        said = store.answer(item.decision_id, sys.argv[2], "yes", 2.0)
        print(item.decision_id, "counted" if isinstance(said, Counted) else said.answered_by.replace(", ", "+"))
"""


def at_once(script: str, path: Path, *words: str) -> list[list[str]]:
    """Words of what each of some processes prints, one a word given."""
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(path), word], stdout=subprocess.PIPE, text=True)
        for word in words
    ]
    told = [each.communicate(timeout=120)[0].split() for each in started]
    assert [each.returncode for each in started] == [0] * len(words)
    return told


def test_two_processes_that_answer_one_item_settle_it_once(path: Path) -> None:
    """The same person at two windows, saying different things of a hundred items: one word stands, both hear it."""
    store = SqliteReviews(path, POLICY)
    store.offer([item(str(i)) for i in range(100)], 0.0)
    store.claim("ada", 1.0, n=100)
    one, other = at_once(ANSWERS, path, "yes", "no")
    assert one == other
    assert [each.answer for each in sorted(store.untold(3.0, 1.0), key=lambda each: int(each.decision_id))] == one
    assert (store.counts["answered"], store.counts["repeated"]) == (100, 100)
    store.close()


def test_processes_that_vote_at_once_count_each_reviewer_once(path: Path) -> None:
    """Three reviewers, two have to agree: each item has two votes of different people, and goes out once."""
    store = SqliteReviews(path, replace(POLICY, reviewers=3))
    store.offer([item(str(i)) for i in range(40)], 0.0)
    told = at_once(VOTES, path, "x", "y", "z")
    votes = [(said[i], said[i + 1]) for said in told for i in range(0, len(said), 2)]
    assert sorted(name for name, came in votes if came == "counted") == sorted(str(i) for i in range(40))
    assert sorted(name for name, came in votes if came != "counted") == sorted(str(i) for i in range(40))
    assert {came for _, came in votes} <= {"counted", *("+".join(two) for two in permutations("xyz", 2))}
    assert sorted(each.decision_id for each in store.untold(3.0, 1.0)) == sorted(str(i) for i in range(40))
    store.close()


def test_a_file_that_cannot_be_used_is_named(path: Path) -> None:
    """No database, another format, and a folder that is not there."""
    path.write_bytes(b"no database " * 100)
    with pytest.raises(ReviewsUnusable, match=r"reviews\.sqlite"):
        SqliteReviews(path, POLICY)
    path.unlink()
    store = SqliteReviews(path, POLICY)
    store._db.execute("PRAGMA user_version = 9")
    store.close()
    with pytest.raises(ReviewsUnusable, match="format 9, not 2"):
        SqliteReviews(path, POLICY)
    with pytest.raises(ReviewsUnusable, match="unable to open"):
        SqliteReviews(path / "no" / "such", POLICY)
