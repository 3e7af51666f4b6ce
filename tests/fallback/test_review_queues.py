"""A bounded queue of people, wherever it is kept: who comes first, who is shed, who is never shed, how items end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fallback.agreement import Counted
from fallback.errors import LeaseLost, UnknownReview
from fallback.memory_reviews import MemoryReviews
from fallback.reviews import OnExpiry, ReviewItem, ReviewKind, ReviewPolicy, Settled
from fallback.sqlite_reviews import SqliteReviews

Queue = MemoryReviews | SqliteReviews
New = Callable[[ReviewPolicy], Queue]
HELD, PROBE, AUDIT = ReviewKind.HELD, ReviewKind.PROBE, ReviewKind.AUDIT
WIDE = ReviewPolicy(depth=100, rate=1.0, burst=1000.0, reserve=0.2, max_age=100.0, lease=10.0)


def item(name: str, priority: float = 0.0, kind: ReviewKind = HELD, at: float = 0.0) -> ReviewItem:
    return ReviewItem(name, f"request of {name}", kind, priority, at, {"age": 31})


def names(items: list[ReviewItem]) -> list[str]:
    return [one.decision_id for one in items]


def narrow(depth: int = 5, burst: float = 1000.0, reserve: float = 0.2) -> ReviewPolicy:
    return ReviewPolicy(depth=depth, rate=0.0, burst=burst, reserve=reserve)


def ended(told: Settled | Counted) -> Settled:
    assert isinstance(told, Settled)
    return told


def in_a_file(policy: ReviewPolicy) -> SqliteReviews:
    return SqliteReviews(":memory:", policy)


@pytest.fixture(params=[MemoryReviews, in_a_file], ids=["memory", "sqlite"])
def new(request: pytest.FixtureRequest) -> New:
    """Both implementations; the same holds for them."""
    make: New = request.param
    return make


def test_the_most_urgent_is_claimed_first_and_then_the_oldest(new: New) -> None:
    """Priority first; among equals the one that has waited longest."""
    queue = new(WIDE)
    queue.offer([item("new", 1, at=2), item("old", 1, at=1), item("hot", 9, at=3)], 3.0)
    assert names(queue.claim("ada", 3.0, n=3)) == ["hot", "old", "new"]


def test_offering_again_changes_nothing(new: New) -> None:
    """A redo of a batch neither doubles an item nor revives one that is settled."""
    queue = new(WIDE)
    assert names(queue.offer([item("a"), item("a")], 0.0)[0]) == ["a"]
    assert queue.offer([item("a")], 1.0) == ([], [])
    queue.claim("ada", 1.0)
    queue.answer("a", "ada", "yes", 2.0)
    assert queue.offer([item("a")], 3.0) == ([], [])
    assert len(queue) == 0


def test_what_is_claimed_is_nobody_elses_until_the_lease_is_over(new: New) -> None:
    """Two reviewers never hold one item; who goes to lunch gives it back."""
    queue = new(WIDE)
    queue.offer([item("a")], 0.0)
    assert names(queue.claim("ada", 0.0)) == ["a"]
    assert queue.claim("bob", 9.9) == []
    assert names(queue.claim("bob", 10.0)) == ["a"]
    with pytest.raises(LeaseLost, match="held by 'bob'"):
        queue.answer("a", "ada", "yes", 11.0)
    assert ended(queue.answer("a", "bob", "no", 11.0)).answer == "no"


def test_a_late_answer_counts_while_nobody_else_took_the_item(new: New) -> None:
    """Work is not thrown away for a lease that ran out unnoticed."""
    queue = new(WIDE)
    queue.offer([item("a")], 0.0)
    queue.claim("ada", 0.0)
    assert ended(queue.answer("a", "ada", "yes", 50.0)).answered_by == "ada"


def test_the_first_answer_stays(new: New) -> None:
    """A second click, and a second reviewer, get what was settled."""
    queue = new(WIDE)
    queue.offer([item("a")], 0.0)
    queue.claim("ada", 0.0)
    first = queue.answer("a", "ada", "yes", 1.0)
    assert queue.answer("a", "ada", "no", 2.0) == queue.answer("a", "bob", "no", 3.0) == first
    assert queue.counts["answered"] == 1


def test_an_item_that_was_never_here_is_unknown(new: New) -> None:
    """Nobody answers what nobody asked."""
    with pytest.raises(UnknownReview, match="'x'"):
        new(WIDE).answer("x", "ada", "yes", 0.0)


@pytest.mark.parametrize("policy", list(OnExpiry))
def test_age_ends_an_item_as_the_policy_says(new: New, policy: OnExpiry) -> None:
    """Nothing waits past its age, claimed or not; an answer that comes later learns that it is over."""
    queue = new(ReviewPolicy(max_age=100.0, on_expiry=policy))
    queue.offer([item("a"), item("b", at=50.0)], 50.0)
    queue.claim("ada", 99.0)
    assert queue.expire(100.0) == []
    (settled,) = queue.expire(100.1)
    assert (settled.decision_id, settled.answer, settled.expired, settled.answered_by) == ("a", None, policy, "expiry")
    assert queue.answer("a", "ada", "yes", 101.0) == settled
    assert queue.counts["expired"] == 1


def test_too_old_to_claim(new: New) -> None:
    """What has run out is not handed to anybody, even before it is settled."""
    queue = new(WIDE)
    queue.offer([item("a")], 0.0)
    assert queue.claim("ada", 100.1) == []


def test_a_full_queue_sheds_the_least_valuable(new: New) -> None:
    """A more valuable newcomer takes the place of the least valuable; a less valuable one is shed itself."""
    queue = new(narrow())
    queue.offer([item(str(i), priority=i) for i in range(4)], 0.0)
    assert queue.is_full(0.0)
    taken, shed = queue.offer([item("low", -1), item("high", 9)], 0.0)
    assert (names(taken), sorted(names(shed))) == (["high"], ["0", "low"])
    assert queue.counts["shed"] == 2


def test_what_somebody_looks_at_is_not_shed(new: New) -> None:
    """A claimed item stays; the next one goes."""
    queue = new(narrow())
    queue.offer([item(str(i), priority=i) for i in range(4)], 0.0)
    while names(queue.claim("ada", 0.0)) != ["0"]:
        pass
    assert names(queue.offer([item("high", 9)], 0.0)[1]) == ["high"]


def test_budget_bounds_what_enters_but_value_may_change_places(new: New) -> None:
    """Without budget the queue does not grow, though it has room; its worst item may give way to a better one."""
    queue = new(narrow(depth=100, burst=2.0, reserve=0.0))
    taken, shed = queue.offer([item("a", 1), item("b", 2), item("c", 3)], 0.0)
    assert (sorted(names(taken)), names(shed)) == (["b", "c"], ["a"])
    assert queue.is_full(0.0)
    assert names(queue.offer([item("d", 9)], 0.0)[1]) == ["b"]


def test_audits_and_probes_have_a_reserve(new: New) -> None:
    """The last fifth of room and budget is not for requests."""
    queue = new(narrow())
    assert len(queue.offer([item(str(i)) for i in range(9)], 0.0)[0]) == 4
    assert queue.is_full(0.0)
    assert queue.audit_room(0.0) == 1
    assert names(queue.offer([item("probe", kind=PROBE)], 0.0)[0]) == ["probe"]


def test_an_audit_is_never_shed(new: New) -> None:
    """Not by requests, not by probes, not by other audits, not for want of budget; what is too many is counted."""
    queue = new(narrow(burst=2.0))
    taken, shed = queue.offer([item(f"a{i}", priority=-9, kind=AUDIT) for i in range(9)], 0.0)
    assert (len(taken), shed) == (9, [])
    assert queue.audit_room(0.0) == 0
    assert queue.counts["audits_beyond_budget"] == 7
    _, shed = queue.offer([item("hot", 99), item("probe", 99, kind=PROBE)], 0.0)
    assert sorted(names(shed)) == ["hot", "probe"]


def test_measurements_get_their_share_of_the_claims(new: New) -> None:
    """A fifth of what people look at is audits, though every request is more urgent."""
    queue = new(WIDE)
    queue.offer([item(f"h{i}", 9) for i in range(50)] + [item(f"a{i}", 0, AUDIT) for i in range(20)], 0.0)
    kinds = [one.kind for one in queue.claim("ada", 0.0, n=40)]
    assert kinds.count(AUDIT) == 8


def test_a_night_without_reviewers_does_not_grow(new: New) -> None:
    """Ten hours at ten requests a second, two of a hundred audited: depth and age hold, nothing is forgotten."""
    queue = new(ReviewPolicy(depth=200, max_age=3600.0))
    offered = deepest = settled = shed = 0
    for minute in range(600):
        now = 60.0 * minute
        batch = [item(f"{minute}.{i}", i % 7, AUDIT if minute % 50 == 0 and i < 2 else HELD, now) for i in range(600)]
        shed += len(queue.offer(batch, now)[1])
        offered += len(batch)
        settled += len(queue.expire(now))
        deepest = max(deepest, len(queue))
    assert deepest <= 200
    assert offered == shed + settled + len(queue)
    assert queue.counts["offered"] == offered


def test_several_look_and_more_than_half_have_to_say_the_same(new: New) -> None:
    """One after the other, nobody twice; settled with the second that agrees, in the names of those who do."""
    queue = new(replace(WIDE, reviewers=3))
    queue.offer([item("a")], 0.0)
    assert names(queue.claim("ada", 0.0)) == ["a"]
    assert queue.claim("bob", 0.0) == []
    assert queue.answer("a", "ada", "yes", 1.0) == Counted("a", "request of a", 1, 2)
    assert queue.answer("a", "ada", "no", 1.5) == Counted("a", "request of a", 1, 2)
    assert queue.claim("ada", 2.0) == []
    with pytest.raises(LeaseLost):
        queue.answer("a", "bob", "no", 2.0)
    assert names(queue.claim("bob", 2.0)) == ["a"]
    assert queue.answer("a", "bob", "no", 3.0) == Counted("a", "request of a", 2, 2)
    assert names(queue.claim("eve", 4.0)) == ["a"]
    settled = ended(queue.answer("a", "eve", "yes", 5.0))
    assert (settled.answer, settled.answered_by, settled.at) == ("yes", "ada, eve", 5.0)
    assert queue.answer("a", "dan", "no", 6.0) == settled
    assert len(queue) == 0


def test_who_cannot_agree_is_not_asked_for_ever(new: New) -> None:
    """Five different answers of five people: nobody gets it any more, and its expiry settles it."""
    queue = new(replace(WIDE, reviewers=3))
    queue.offer([item("a")], 0.0)
    for n, reviewer in enumerate("abcde"):
        assert names(queue.claim(reviewer, n)) == ["a"]
        assert queue.answer("a", reviewer, str(n), n) == Counted("a", "request of a", n + 1, 2)
    assert queue.claim("f", 6.0) == []
    assert queue.counts["disputed"] == 1
    (settled,) = queue.expire(101.0)
    assert (settled.expired, settled.answer) == (OnExpiry.FALLBACK, None)


def test_what_somebody_has_looked_at_is_not_shed(new: New) -> None:
    """Their work would be lost; what is worth more waits for room, or is shed itself."""
    queue = new(replace(narrow(depth=1, reserve=0.0), reviewers=2))
    queue.offer([item("a", 1)], 0.0)
    queue.claim("ada", 0.0)
    queue.answer("a", "ada", "yes", 1.0)
    assert names(queue.offer([item("b", 9)], 2.0)[1]) == ["b"]


def test_a_night_keeps_room_and_budget_for_audits_and_ends_as_expiry_says(new: New) -> None:
    """Twenty requests a minute and an audit every ten, all night: each audit is let in, and nobody waits past it."""
    queue = new(ReviewPolicy(depth=50, max_age=1800.0, rate=1 / 60, burst=60.0, reserve=0.2, on_expiry=OnExpiry.REFUSE))
    gone: dict[str, float] = {}
    begun: dict[str, float] = {}
    for minute in range(600):
        now = 60.0 * minute
        audits = [item(f"a{minute}", -1, AUDIT, now)] if minute % 10 == 0 else []
        taken, shed = queue.offer([item(f"{minute}.{i}", i % 7, at=now) for i in range(20)] + audits, now)
        assert {one.decision_id for one in audits} <= {one.decision_id for one in taken}
        begun |= {one.decision_id: now for one in taken}
        for one in shed:
            begun.pop(one.decision_id, None)
        for settled in queue.expire(now):
            assert (settled.answer, settled.expired) == (None, OnExpiry.REFUSE)
            gone[settled.decision_id] = now
        assert queue.audit_room(now) >= 1
    assert queue.counts["audits_beyond_budget"] == 0
    assert all(gone[name] - begun[name] <= 1860.0 for name in gone)
    assert sum(name.startswith("a") for name in gone) == 57
    assert len(begun) == len(gone) + len(queue)
    # in the morning people begin with what is still worth something
    assert all(600 * 60.0 - one.offered_at <= 1800.0 for one in queue.claim("ada", 600 * 60.0, n=50))


def test_a_clock_that_jumps_keeps_nothing_from_people(new: New) -> None:
    """Put back an hour, a lease is over; a second, it goes on; nothing expires, and nothing is handed out twice."""
    queue, now = new(WIDE), 1e6
    queue.offer([item("a", at=now)], now)
    assert names(queue.claim("ada", now)) == ["a"]
    assert queue.claim("bob", now - 1.0) == []
    assert queue.expire(now - 3600.0) == []
    assert names(queue.claim("bob", now - 3600.0)) == ["a"]
    assert queue.claim("eve", now - 3599.0) == []
    assert queue.expire(now) == []
    with pytest.raises(LeaseLost):
        queue.answer("a", "ada", "yes", now)
    assert ended(queue.answer("a", "bob", "yes", now)).answer == "yes"


def test_a_clock_that_was_ahead_ends_what_was_there_and_nothing_that_comes(new: New) -> None:
    """A day forward and back: what expired has expired, once; what is offered then lives as long as any other."""
    queue = new(WIDE)
    queue.offer([item("a")], 0.0)
    (over,) = queue.expire(86_400.0)
    assert queue.answer("a", "ada", "yes", 1.0) == over
    assert queue.offer([item("a")], 2.0) == ([], [])
    queue.offer([item("b", at=3.0)], 3.0)
    assert [queue.expire(t) for t in (3.0, 103.0)] == [[], []]
    assert names(queue.claim("ada", 103.0)) == ["b"]


class QueueMachine(RuleBasedStateMachine):
    """Offers, claims, answers and expiries in any order."""

    new: New = staticmethod(MemoryReviews)

    @initialize(depth=st.integers(1, 8), burst=st.floats(0, 20), reserve=st.sampled_from([0.0, 0.3, 1.0]))
    def begin(self, depth: int, burst: float, reserve: float) -> None:
        """Start with small bounds, so that they are met."""
        policy = ReviewPolicy(
            depth=depth, burst=burst, rate=0.1, reserve=reserve, max_age=30.0, lease=10.0, remembered=5
        )
        self.queue, self.depth, self.now, self.serial = self.new(policy), depth, 0.0, 0
        self.waiting: dict[str, ReviewItem] = {}

    @rule(seconds=st.sampled_from([0.0, 1.0, 11.0, 40.0, -1.0, -500.0, 500.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, or the clock jumps."""
        self.now += seconds

    @rule(kinds=st.lists(st.tuples(st.sampled_from(list(ReviewKind)), st.integers(0, 3)), max_size=6))
    def offer(self, kinds: list[tuple[ReviewKind, int]]) -> None:
        """Every item is in or shed, and an audit is in."""
        items = []
        for kind, priority in kinds:
            self.serial += 1
            items.append(item(str(self.serial), priority, kind, self.now))
        taken, shed = self.queue.offer(items, self.now)
        assert not any(one.kind is AUDIT for one in shed)
        self.waiting |= {one.decision_id: one for one in items}
        for one in shed:
            del self.waiting[one.decision_id]
        assert {one.decision_id for one in taken} == {one.decision_id for one in items} & set(self.waiting)

    @rule(reviewer=st.sampled_from("ab"), n=st.integers(1, 3))
    def claim(self, reviewer: str, n: int) -> None:
        """What is handed out is waiting and not too old."""
        for one in self.queue.claim(reviewer, self.now, n):
            assert one.decision_id in self.waiting
            assert self.now - one.offered_at <= 30.0

    @rule(pick=st.integers(0, 30), reviewer=st.sampled_from("ab"))
    def answer(self, pick: int, reviewer: str) -> None:
        """An answer settles an item, or says why not."""
        name = str(max(1, self.serial - pick))
        try:
            settled = self.queue.answer(name, reviewer, "yes", self.now)
        except (LeaseLost, UnknownReview):
            return
        assert self.queue.answer(name, "c", "no", self.now) == settled
        self.waiting.pop(name, None)

    @rule()
    def expire(self) -> None:
        """Nothing waits past its age."""
        for settled in self.queue.expire(self.now):
            del self.waiting[settled.decision_id]
        assert all(self.now - one.offered_at <= 30.0 for one in self.waiting.values())

    @invariant()
    def nothing_is_lost_and_nothing_grows(self) -> None:
        """What is in the queue is what is waiting; beyond its depth there are audits only."""
        assert len(self.queue) == len(self.waiting)
        audits = sum(one.kind is AUDIT for one in self.waiting.values())
        assert len(self.queue) - audits <= self.depth


class FileMachine(QueueMachine):
    """The same over a file."""

    new = staticmethod(in_a_file)


TestQueue = QueueMachine.TestCase
TestFile = FileMachine.TestCase
TestQueue.settings = TestFile.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True
)
