"""So many different users a segment within a window, counted beside a loop over all flags that ever came."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from detectors.harm import HarmReading
from monitor.judging.flag_users import FlagUsers
from monitor.summaries import Flagger

NOTHING = HarmReading(-math.inf, (), None, open=False)
FLAGS = st.lists(
    st.tuples(
        st.lists(st.builds(Flagger, st.sampled_from("ab"), st.sampled_from("uvwxyz")), max_size=6), st.integers(0, 30)
    ),
    max_size=40,
)


@given(FLAGS, st.integers(1, 4))
def test_it_fires_as_a_recount_of_all_flags_does(batches: list[tuple[list[Flagger], int]], users: int) -> None:
    """Once a segment until fewer than `users` have flagged it within the window; whatever the order and the repeats."""
    rule, time, seen, held = FlagUsers(users, 50.0, 9.0), 0.0, [], set[str]()
    for flaggers, step in batches:
        time += step
        seen += [(each, time) for each in flaggers]
        fired = [alarm.why for alarm in rule.update(flaggers, time, NOTHING).alarms]
        many = {
            segment
            for segment in "ab"
            if len({f.who for f, at in seen if f.segment == segment and time - at <= 50.0}) >= users
        }
        assert len(fired) == len(many - held)
        assert all(any(f"answers of {segment} " in why for why in fired) for segment in many - held)
        held = many
        assert rule.is_open == bool(held)


@given(FLAGS, st.integers(0, 40))
def test_a_restored_rule_goes_on_the_same(batches: list[tuple[list[Flagger], int]], cut: int) -> None:
    """Cut anywhere."""
    one, time = FlagUsers(2, 50.0, 9.0), 0.0
    other: FlagUsers | None = None
    for i, (flaggers, step) in enumerate(batches):
        if i == cut:
            other = FlagUsers(2, 50.0, 9.0)
            other.restore(one.state())
        time += step
        read = one.update(flaggers, time, NOTHING)
        if other is not None:
            assert other.update(flaggers, time, NOTHING) == read
            assert other.state()["users"].tobytes() == one.state()["users"].tobytes()


def test_replicas_that_saw_the_same_user_count_one() -> None:
    """A hash is the same wherever it was made."""
    rule = FlagUsers(2, 50.0, 9.0)
    assert rule.update([Flagger("", "u")], 0.0, NOTHING).alarms == ()
    assert rule.update([Flagger("", "u")], 1.0, NOTHING).alarms == ()
    assert len(rule.update([Flagger("", "v")], 2.0, NOTHING).alarms) == 1


def test_a_hundred_thousand_users_and_as_many_segments_stay_bounded() -> None:
    """The state holds the rule's own number of users in each of the segments flagged last."""
    rule = FlagUsers(10, 3600.0, 9.0)
    for start in range(0, 100_000, 100):
        rule.update([Flagger("", f"{i:016x}") for i in range(start, start + 100)], start / 100, NOTHING)
    assert len(rule.state()["users"]) < 1000
    for start in range(0, 10_000, 100):
        rule.update([Flagger(f"s{i}", "u") for i in range(start, start + 100)], 2000.0, NOTHING)
    assert len(rule.state()["users"]) < 30_000


def test_no_users_is_no_rule() -> None:
    """And costs nothing."""
    assert FlagUsers(0, 50.0, 9.0).update([Flagger("", "u")], 0.0, NOTHING) is NOTHING
