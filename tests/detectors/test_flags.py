from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.flags import HOURS, Exposure, FlagRate
from detectors.harm import HarmReading

NOTHING = HarmReading(-math.inf, (), None, open=False)
DAY = 86_400.0

BATCHES = st.lists(
    st.tuples(
        st.integers(0, 200), st.dictionaries(st.integers(0, 200), st.integers(1, 5), max_size=3), st.floats(0, DAY)
    ),
    max_size=40,
)


@given(BATCHES)
def test_every_prediction_becomes_due_once(batches: list[tuple[int, dict[int, int], float]]) -> None:
    """Two days after the first flag, whatever flags have come: the sum due is the predictions made since."""
    exposure, time = Exposure(), 2 * DAY
    exposure.update(0, {0: 1}, 0.0)
    due = exposure.update(0, {}, time)
    for n, flagged, step in batches:
        time += step
        due += exposure.update(n, flagged, time)
    due += exposure.update(0, {}, time + (HOURS + 1) * 3600.0)
    assert math.isclose(due, sum(n for n, _, _ in batches), abs_tol=1e-6)


@given(BATCHES, st.integers(0, 40), st.sampled_from([None, 0.01]))
def test_a_restored_detector_goes_on_to_the_bit(
    batches: list[tuple[int, dict[int, int], float]], cut: int, tolerated: float | None
) -> None:
    """Cut anywhere, with a rate that is given or learnt."""
    one, time = FlagRate(tolerated, math.log(1e3)), 0.0
    other: FlagRate | None = None
    for i, (n, flagged, step) in enumerate(batches):
        if i == cut:
            other = FlagRate(tolerated, math.log(1e3))
            other.restore(one.state())
        time += step
        read = one.update(100 * n, flagged, step, time, NOTHING)
        if other is not None:
            assert other.update(100 * n, flagged, step, time, NOTHING) == read
    if other is not None:
        assert {k: v.tobytes() for k, v in one.state().items()} == {k: v.tobytes() for k, v in other.state().items()}


def test_a_rate_that_is_learnt_is_the_upper_bound_of_the_second_day() -> None:
    """None until then; .2 % of 20,000 predictions a day."""
    rate = FlagRate(None, math.log(90))
    for hour in range(48):
        rate.update(833, {0: 2}, 1 / 24, hour * 3600.0, NOTHING)
        assert math.isnan(rate.tolerated)
    rate.update(833, {0: 2}, 1 / 24, 48 * 3600.0, NOTHING)
    rate.update(833, {0: 2}, 1 / 24, 49 * 3600.0, NOTHING)
    assert 0.002 < rate.tolerated < 0.004


def test_five_times_as_many_flags_are_an_alarm_within_a_day() -> None:
    """Learnt from two days at .2 %, then 1 %: one alarm, for the episode stays open."""
    rate, found = FlagRate(None, math.log(90)), []
    for hour in range(24 * 6):
        many = hour >= 72
        reading = rate.update(833, {0: 9 if many else 2}, 1 / 24, hour * 3600.0, NOTHING)
        found += [(hour, alarm) for alarm in reading.alarms]
    ((hour, alarm),) = found
    assert 72 <= hour < 96
    assert alarm.view == "flags"
    assert alarm.wrong > alarm.tolerated * alarm.n
    assert rate.is_open


def test_without_flags_it_says_nothing() -> None:
    """And has no evidence, so it costs the other views nothing."""
    rate = FlagRate(None, math.log(90))
    assert all(rate.update(1000, {}, 1.0, i * DAY, NOTHING) is NOTHING for i in range(10))
    assert np.isnan(rate.state()["learnt"][0])
