"""Whatever happens to groups and to the version above them: they keep to their graph, and never outrank it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from detectors.types import BoolArray
from fallback.breaker import GRAPH, step
from fallback.moves import PROBING
from fallback.policy import Policy
from fallback.records import BreakerRecord, Cause, Command, Order, Signals
from fallback.types import BreakerState as S
from monitor.judging.group_breakers import GroupBreakers, GroupStep
from tests.fallback.breaking import at, signals

LABELS = ("region=north", "region=south", "age=old")
KEY = "m/1"
FOLLOWS = (S.CLOSED, S.FORCED_CLOSED)
jumps = st.sampled_from([0.0, 1.0, 61.0, 4000.0, 1e9, -50.0, -1e9, math.nan, math.inf])


class GroupMachine(RuleBasedStateMachine):
    """Drives a version's breaker and those of three groups, with a copy that was restored from their state."""

    @initialize(flap_limit=st.sampled_from([3, 100]))
    def begin(self, flap_limit: int) -> None:
        """All closed."""
        self.policy = Policy(flap_limit=flap_limit)
        self.now = 1e9
        self.above = BreakerRecord(KEY)
        self.groups = GroupBreakers(KEY, LABELS, self.policy)
        self.copy = self._restored()
        self.stepped: list[GroupStep] = []

    @rule(jump=jumps, seen=signals, news=st.tuples(*[st.booleans()] * 3), share=st.sampled_from([0.0, 0.4, 0.6]))
    def batch(self, jump: float, seen: Signals, news: tuple[bool, ...], share: float) -> None:
        """A batch, in which something is seen of some groups."""
        time = self._tick(jump)
        was = [each.seq for each in self.groups.records]
        before, above = self.groups.records.copy(), self.above
        arguments = (np.array(news), lambda place: at(seen, time + place * 1e-3), time, self.above, share)
        done = self.groups.step(*arguments)
        assert self.copy.step(*arguments) == done
        self._look(done, was)
        for place, record in enumerate(self.groups.records):
            idle = before[place].live is S.CLOSED and before[place].override is None and not news[place]
            assert not idle or before[place].few_since is not None or record == before[place]
        assert self.above is above, "what groups do is no step of the version's"

    @rule(jump=jumps, seen=signals)
    def version_sees(self, jump: float, seen: Signals) -> None:
        """Something is seen of the version, after its groups had their turn."""
        self.above, _ = step(self.above, at(seen, self._tick(jump)), self.policy)

    @rule()
    def version_begins_anew(self) -> None:
        """A new profile closes the version."""
        self._above(new_profile=True)
        assert self.above.live is S.CLOSED

    @rule(place=st.integers(0, 2), fresh=st.booleans())
    def probes_learn_nothing(self, place: int, fresh: bool) -> None:
        """A group is taken out and half-open in its time; with no news of it, it is open again in its time."""
        if self.above.live is not S.CLOSED or self.above.harm or self.groups.records[place].state is not S.CLOSED:
            return
        self._rest(news=np.arange(3) == place, seen=Signals(time=self.now, schema_break=True))
        record = self.groups.records[place]
        if record.latched:
            return
        assert record.retry_at is not None
        self.now = max(self.now, record.retry_at)
        self._rest(seen=Signals(time=self.now))
        deadline = self.groups.records[place].wait_until
        assert deadline is not None
        self.now = max(self.now, deadline)
        self._rest(seen=Signals(time=self.now, fresh=fresh))
        assert self.groups.records[place].state is S.OPEN

    @rule()
    def version_takes_over_and_comes_back(self) -> None:
        """It opens, and its groups rest while it is only degraded, too; once it is closed they count again."""
        self._above(new_profile=True)
        if self.above.override is not None:
            return
        self._above(promise_broken=True)
        self._rest()
        assert self.above.retry_at is not None
        self.now = max(self.now, self.above.retry_at)
        self._above()
        self._above(risk_upper=0.001, harm_open=True)
        assert self.above.live is S.DEGRADED
        bad = Signals(time=self.now, schema_break=True)
        self._rest(news=np.full(3, True), seen=bad)
        assert all(each.live is S.CLOSED for each in self.groups.records)
        self._above(new_profile=True)
        self._rest(news=np.full(3, True), seen=bad)
        assert all(each.live is S.OPEN for each in self.groups.records)

    @rule(order=st.sampled_from(list(Order)), lasts=st.sampled_from([0.0, 10.0, 3600.0]), place=st.integers(0, 2))
    def order_group(self, order: Order, lasts: float, place: int) -> None:
        """An operator speaks about one group: no other moves."""
        was = [each.seq for each in self.groups.records]
        command = Command(order, "ada", "why", self.now + lasts)
        done = self.groups.command(place, command, Signals(time=self.now))
        assert self.copy.command(place, command, Signals(time=self.now)) == done
        assert {each for each, _ in done} <= {place}
        self._look(done, was)

    @rule(order=st.sampled_from(list(Order)), lasts=st.sampled_from([10.0, 3600.0]))
    def order_version(self, order: Order, lasts: float) -> None:
        """An operator speaks about the version."""
        command = Command(order, "ada", "why", self.now + lasts)
        self.above, _ = step(self.above, Signals(time=self.now, command=command), self.policy)

    @rule()
    def orders_end(self) -> None:
        """Each at its time, though nothing is seen of its group."""
        ends = [each.override.until for each in self.groups.records if each.override is not None]
        self.now = max([self.now, *ends])
        self._rest()
        assert all(each.override is None for each in self.groups.records)

    @rule()
    def hand_over(self) -> None:
        """The judge dies; its heir goes on with what it can read."""
        self.groups, self.copy = self.copy, self._restored()

    @rule()
    def version_is_open(self) -> None:
        """It takes over from all of them, whatever waits: each is closed, with nothing left to wait for."""
        self._above(schema_break=True)
        if self.above.live not in PROBING:
            return
        self._rest()
        for record in self.groups.records:
            assert record.live is S.CLOSED
            assert not record.latched
            assert not record.ack_needed
            assert record.override is None or record.override.until > self.now

    @invariant()
    def apart_is_what_is_ruled_apart(self) -> None:
        """A group is on its own as long as its breaker is not closed, and only then."""
        states = [each.state for each in self.groups.records]
        assert self.groups.apart.tolist() == [state not in FOLLOWS for state in states]

    @invariant()
    def timers_belong_to_states(self) -> None:
        """A timer runs in its own state only, and never under an override."""
        for record in self.groups.records:
            assert (record.retry_at is not None) == (record.state is S.OPEN)
            assert (record.wait_until is not None) == (record.state is S.HALF_OPEN)

    @invariant()
    def shares_add_up(self) -> None:
        """Groups of one name hold no more than all the traffic; what is open is not closed; orders do not spread."""
        opened, apart = self.groups.shares(np.array([0.5, 0.5, 1.0]), (0, 0, 1))
        assert apart <= 1.0
        assert math.isnan(opened) or 0.0 < opened <= apart
        if all(each.override is not None or each.live is S.CLOSED for each in self.groups.records):
            assert apart == 0.0

    def _tick(self, jump: float) -> float:
        time = self.now + jump
        if math.isfinite(time):
            self.now = max(self.now, time)
        return time

    def _above(self, **seen: Any) -> None:
        self.above, _ = step(self.above, Signals(time=self.now, **seen), self.policy)

    def _rest(self, news: BoolArray | None = None, seen: Signals | None = None) -> None:
        """A batch in which the same is seen of all groups that there is news of; of the others nothing."""
        was = [each.seq for each in self.groups.records]
        said = Signals(time=self.now, fresh=False) if seen is None else seen
        arguments = (np.full(3, False) if news is None else news, lambda _: said, self.now, self.above, 0.0)
        done = self.groups.step(*arguments)
        assert self.copy.step(*arguments) == done
        self._look(done, was)

    def _look(self, done: list[GroupStep], was: list[int]) -> None:
        for place, one in done:
            assert one.key == f"{KEY}/{LABELS[place]}"
            assert one.to in GRAPH[one.source]
            assert one.seq == was[place]
            was[place] += 1
            if one.cause is Cause.HANDED_OVER:
                assert self.groups.resting
        assert was == [each.seq for each in self.groups.records]
        assert self.copy.records == self.groups.records
        assert self.copy.resting == self.groups.resting

    def _restored(self) -> GroupBreakers:
        copy = GroupBreakers(KEY, LABELS, self.policy)
        copy.restore(self.groups.state())
        assert copy.records == self.groups.records
        return copy


TestGroups = GroupMachine.TestCase
TestGroups.settings = settings(max_examples=80, stateful_step_count=50, deadline=None, derandomize=True)
