"""Whatever happens to it, in whatever order: the breaker keeps to its graph, and its clocks do not race."""

from __future__ import annotations

import json
import math

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fallback.breaker import GRAPH, apply, new_epoch, step
from fallback.policy import Policy
from fallback.records import BreakerRecord, Command, Order, Page, Signals, Token, Transition
from fallback.rules import ramp_share
from fallback.types import BreakerState as S

NAN = math.nan
LONGEST_WAIT = 3 * 3000.0

signals = st.builds(
    Signals,
    time=st.just(0.0),
    fresh=st.sampled_from([True, True, True, False]),
    warning=st.booleans(),
    harm=st.sampled_from([(), (), (), ("error",), ("flags:eu", "coverage")]),
    harm_open=st.booleans(),
    promise_broken=st.sampled_from([False, False, False, True]),
    could_pass=st.sampled_from([NAN, 0.0, 0.04, 0.5]),
    labels=st.integers(0, 1000),
    schema_break=st.sampled_from([False, False, False, True]),
    call_error_rate=st.sampled_from([NAN, 0.0, 0.0, 0.49, 1.0]),
    call_slow=st.sampled_from([False, False, True]),
    risk_upper=st.sampled_from([NAN, 0.001, 0.02, 0.5]),
    probes=st.integers(0, 30),
    new_profile=st.sampled_from([False] * 9 + [True]),
    label_delay=st.sampled_from([NAN, 1.0, 3000.0]),
    token=st.sampled_from([None, None, Token("m", 0, 1)]),
)


class BreakerMachine(RuleBasedStateMachine):
    """Drives one record through random signals, commands and clocks, with a copy that went through JSON beside it."""

    @initialize(flap_limit=st.sampled_from([2, 6, 100]))
    def begin(self, flap_limit: int) -> None:
        """Start closed; most machines must not latch soon, or the rest is never seen."""
        self.policy = Policy(flap_limit=flap_limit)
        self.record = BreakerRecord("m")
        self.now = 1e9
        self.pages_open = 0

    @rule(seconds=st.sampled_from([0.0, 0.5, 30.0, 61.0, 700.0, 4000.0, -50.0]), seen=signals)
    def see(self, seconds: float, seen: Signals) -> None:
        """Time passes, or seems to run backwards, and something is seen."""
        self._step(_at(seen, self._tick(seconds)))

    @rule(order=st.sampled_from(list(Order)), lasts=st.sampled_from([-1.0, 0.0, 10.0, 3600.0, 1e7]), seen=signals)
    def command(self, order: Order, lasts: float, seen: Signals) -> None:
        """An operator speaks."""
        self._step(_at(seen, self.now, Command(order, "ada", "why", self.now + lasts)))

    @rule(seen=signals)
    def expire(self, seen: Signals) -> None:
        """Time jumps to the very end of an override, with something seen at that moment: both happen, the end first."""
        before = self.record.override
        if before is None:
            return
        self.now = max(self.now, before.until)
        done = self._step(_at(seen, self.now))
        assert done[0].override is None
        assert self.record.override is None
        if before.state is S.FORCED_OPEN:
            assert done[0].to in (S.HALF_OPEN, S.OPEN)

    @rule()
    def begin_epoch(self) -> None:
        """The judge begins an epoch of its own."""
        self.record = new_epoch(self.record)

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
            assert one.to in GRAPH[one.source]
            self.pages_open += (one.page is Page.PAGE) - (one.page is Page.RESOLVE)
            assert one.page is not Page.WORSE or self.pages_open
        assert after.seq == before.seq + len(done)
        assert before.epoch <= after.epoch <= before.epoch + 1
        assert after.time >= before.time
        assert [one.source for one in done[1:]] == [one.to for one in done[:-1]]
        self.record = after
        return done


def _at(seen: Signals, time: float, command: Command | None = None) -> Signals:
    fields = {name: getattr(seen, name) for name in Signals.__dataclass_fields__}
    return Signals(**fields | {"time": time, "command": command})


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
