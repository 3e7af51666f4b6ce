"""Whatever happens to it, in whatever order: the breaker keeps to its graph, and its clocks do not race."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fallback.breaker import GRAPH, accepts, apply, new_epoch, step
from fallback.errors import StaleTransition
from fallback.policy import Policy
from fallback.records import BreakerRecord, Cause, Command, Order, Page, Signals, Token, Transition
from fallback.rules import ramp_share
from fallback.types import BreakerState as S
from tests.fallback.breaking import at, signals

LONGEST_WAIT = 3 * 3000.0
TIMERS = {Cause.BACKOFF, Cause.WAITED}
FOLLOWED = (
    "live", "state", "token", "k", "retry_at", "wait_until", "closed_at", "opened_by", "harm", "latched", "page_open",
    "cause", "reason", "override",
)  # fmt: skip
"""What the ledger's transitions tell of a record; holds and flags are the judge's own."""


class BreakerMachine(RuleBasedStateMachine):
    """Drives one record through random signals, commands and clocks, with others beside it.

    A copy that went through JSON takes each step as well, a follower carries out the transitions alone, and an heir
    begins from the last snapshot whenever the judge dies.
    """

    @initialize(flap_limit=st.sampled_from([2, 6, 100]))
    def begin(self, flap_limit: int) -> None:
        """Start closed; most machines must not latch soon, or the rest is never seen."""
        self.policy = Policy(flap_limit=flap_limit)
        self.record = BreakerRecord("m")
        self.now = 1e9
        self.pages_open = 0
        self.follower = self.record
        self.done: list[Transition] = []
        self.snapshot()

    @rule()
    def snapshot(self) -> None:
        """What a new judge would begin from, and nothing seen since."""
        self.kept = _through_json(self.record)
        self.since: list[Signals | None] = []
        self.done_since: list[Transition] = []

    @rule(seconds=st.sampled_from([0.0, 0.5, 30.0, 61.0, 700.0, 4000.0, -50.0]), seen=signals)
    def see(self, seconds: float, seen: Signals) -> None:
        """Time passes, or seems to run backwards, and something is seen."""
        self._step(at(seen, self._tick(seconds)))

    @rule(order=st.sampled_from(list(Order)), lasts=st.sampled_from([-1.0, 0.0, 10.0, 3600.0, 1e7]), seen=signals)
    def command(self, order: Order, lasts: float, seen: Signals) -> None:
        """An operator speaks."""
        self._step(at(seen, self.now, Command(order, "ada", "why", self.now + lasts)))

    @rule(seen=signals)
    def expire(self, seen: Signals) -> None:
        """Time jumps to the very end of an override, with something seen at that moment: both happen, the end first."""
        before = self.record.override
        if before is None:
            return
        self.now = max(self.now, before.until)
        done = self._step(at(seen, self.now))
        assert done[0].override is None
        assert self.record.override is None
        if before.state is S.FORCED_OPEN:
            assert done[0].to in (S.HALF_OPEN, S.OPEN)

    @rule(jump=st.sampled_from([-1e9, 1e10, math.inf, -math.inf, math.nan]), seen=signals)
    def jump(self, jump: float, seen: Signals) -> None:
        """A clock says that it is decades ago, or centuries on, or nothing that is a time."""
        time = self.now + jump
        if math.isfinite(time):
            self.now = max(self.now, time)
        self._step(at(seen, time))
        assert self.record.time <= self.now

    @rule()
    def begin_epoch(self) -> None:
        """The judge begins an epoch of its own."""
        self.record, self.follower = new_epoch(self.record), new_epoch(self.follower)
        self.since.append(None)

    @rule(lost=signals)
    def hand_over(self, lost: Signals) -> None:
        """The judge dies with a step decided and not written: its heir decides on the same step, and goes on."""
        lost = at(lost, self.now)
        unwritten = step(self.record, lost, self.policy)
        heir, again = self.kept, list[Transition]()
        for seen in self.since:
            if seen is None:
                heir = new_epoch(heir)
                continue
            heir, done = step(heir, seen, self.policy)
            again += done
        assert (heir, again) == (self.record, self.done_since)
        assert step(heir, lost, self.policy) == unwritten
        self.record = heir

    @rule(back=st.integers(1, 20))
    def late_results(self, back: int) -> None:
        """The best of probes, asked for under an earlier generation, are as good as none."""
        old = _decided_on(self.done[-back:][0]) if self.done else Token("m/2", 0, 0)
        assert not accepts(self.record, old)
        late = Signals(time=self.now, probes=10_000, risk_upper=0.0, token=old)
        assert step(self.record, late, self.policy) == step(self.record, Signals(time=self.now), self.policy)
        self._step(late)

    @rule(back=st.integers(1, 20))
    def late_transition(self, back: int) -> None:
        """A step that was decided on another record is never carried out: another state, epoch or key."""
        for one in self.done[-back:]:
            with pytest.raises(StaleTransition):
                apply(self.record, one)
            with pytest.raises(StaleTransition):
                apply(self.record, replace(one, key="m/2", epoch=self.record.epoch, seq=self.record.seq))

    @rule()
    def timers_rest_under_an_override(self) -> None:
        """Every deadline that was ever set has passed, and the operator's word still holds."""
        override = self.record.override
        deadlines = [one.deadline for one in self.done if one.deadline is not None]
        if override is None or not deadlines or self.now >= override.until:
            return
        self.now = max(self.now, min(max(deadlines), override.until - 0.5))
        done = self._step(Signals(time=self.now))
        assert self.record.override == override
        assert not TIMERS & {one.cause for one in done}

    @rule(order=st.sampled_from([Order.OPEN, Order.CLOSE]), seen=signals)
    def order_meets_timer(self, order: Order, seen: Signals) -> None:
        """An order comes at the very moment at which a timer is due or another order ends: that one ends, it holds."""
        before = self.record
        due = before.retry_at or before.wait_until or (before.override and before.override.until)
        if not due:
            return
        self.now = max(self.now, due)
        done = self._step(at(seen, self.now, Command(order, "eve", "now", self.now + 10)))
        expected = [Cause.OVERRIDE] if before.override is None else [Cause.EXPIRED, Cause.OVERRIDE]
        assert [one.cause for one in done[: len(expected)]] == expected
        assert not TIMERS & {one.cause for one in done}
        assert self.record.override is not None
        assert (self.record.override.actor, self.record.override.until) == ("eve", self.now + 10)

    @rule()
    def half_open_ends(self) -> None:
        """Half-open never lasts longer than its longest wait, whatever is or is not seen."""
        if self.record.state is not S.HALF_OPEN:
            return
        assert self.record.wait_until is not None
        assert self.record.wait_until - self.record.since <= LONGEST_WAIT
        self.now = max(self.now, self.record.wait_until)
        self._step(Signals(time=self.now, fresh=False))
        assert self._state() is not S.HALF_OPEN

    @rule()
    def open_ends(self) -> None:
        """An open breaker that waits for no person probes after at most an hour of fresh counts."""
        if self.record.state is not S.OPEN or self.record.latched or self.record.ack_needed:
            return
        self.now += 3601
        self._step(Signals(time=self.now))
        assert self._state() is S.HALF_OPEN

    @rule()
    def degraded_ends(self) -> None:
        """Ten quiet minutes close a degraded breaker that waits for no person."""
        if self.record.state is not S.DEGRADED or self.record.ack_needed:
            return
        for seconds in (0.0, 600.0):
            self._step(Signals(time=self._tick(seconds)))
        assert self._state() in (S.CLOSED, S.OPEN)
        assert self._state() is S.CLOSED or self.record.latched

    @invariant()
    def timers_belong_to_states(self) -> None:
        """A timer runs in its own state only, and never under an override."""
        record = self.record
        assert (record.retry_at is not None) == (record.state is S.OPEN)
        assert (record.wait_until is not None) == (record.state is S.HALF_OPEN)
        assert record.live not in (S.FORCED_OPEN, S.FORCED_CLOSED)
        assert (record.override is not None) == (record.state in (S.FORCED_OPEN, S.FORCED_CLOSED))
        assert record.override is None or record.live is not S.HALF_OPEN
        assert not record.latched or record.live is S.OPEN

    @invariant()
    def followers_follow(self) -> None:
        """Whoever reads the ledger's steps alone knows the same of it."""
        for name in FOLLOWED:
            assert getattr(self.follower, name) == getattr(self.record, name), name

    @invariant()
    def memory_is_bounded(self) -> None:
        """What it remembers does not grow with what happens."""
        assert len(self.record.recent) <= self.policy.flap_limit + 2

    @invariant()
    def pages_are_paired(self) -> None:
        """A page is open or it is not: never two pages without a resolve between them."""
        assert self.pages_open == int(self.record.page_open)

    @invariant()
    def shares_are_shares(self) -> None:
        """The ramp stays between its first step and all."""
        assert 0.1 <= ramp_share(self.record, self.now, self.policy) <= 1.0

    def _state(self) -> S:
        return self.record.state

    def _tick(self, seconds: float) -> float:
        self.now = max(self.now, self.now + seconds)
        return self.now + min(seconds, 0.0)

    def _step(self, seen: Signals) -> tuple[Transition, ...]:
        before = self.record
        after, done = step(before, seen, self.policy)
        copy, copied = step(_through_json(before), seen, self.policy)
        assert (copy, copied) == (after, done)
        assert msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(done))), tuple[Transition, ...]) == done
        for one in done:
            self.follower = apply(self.follower, one)
            assert one.to in GRAPH[one.source]
            self.pages_open += (one.page is Page.PAGE) - (one.page is Page.RESOLVE)
            assert one.page is not Page.WORSE or self.pages_open
        assert after.seq == before.seq + len(done)
        assert before.epoch <= after.epoch <= before.epoch + 1
        assert after.time >= before.time
        assert [one.source for one in done[1:]] == [one.to for one in done[:-1]]
        self.record = after
        self.since.append(seen)
        self.done_since += done
        self.done += done
        return done


def _decided_on(done: Transition) -> Token:
    return Token(done.key, done.epoch, done.seq)


def _through_json(record: BreakerRecord) -> BreakerRecord:
    copy = msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(record), allow_nan=False)), BreakerRecord)
    assert copy == record
    return copy


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=150, stateful_step_count=60, deadline=None, derandomize=True)


def test_a_transition_carried_out_elsewhere_gives_the_same_state() -> None:
    """A follower that applies the ledger's transitions is in the same state as the judge."""
    judge = follower = BreakerRecord("m")
    for t, seen in enumerate([{"call_slow": True}, {}, {"probes": 10}, {"harm": ("error",)}]):
        judge, done = step(judge, Signals(time=1e9 + 100 * t, **seen), Policy())  # type: ignore[arg-type]
        for one in done:
            follower = apply(follower, one)
    assert judge.state is S.DEGRADED
    assert (follower.state, follower.token, follower.page_open) == (judge.state, judge.token, judge.page_open)
