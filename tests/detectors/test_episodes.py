from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.episodes import AS_LONG, Episodes
from detectors.harm import HarmReading
from detectors.rates import Rates
from detectors.shiryaev import LOG_ODDS_SURE
from detectors.types import FloatArray

NONE = HarmReading(-np.inf, (), None, open=False)
DAY = 86400.0


def watched(
    p0: float, rates: FloatArray, seed: int, level: float = 90.0, clock: float = 10 / DAY
) -> tuple[list[int], list[int]]:
    """Labels by ten at one a second: after how many labels a rate alarms, and an episode ends.

    A is in days, or in what `clock` counts with ten labels.
    """
    rng = np.random.default_rng(seed)
    detector = Rates(("it",), np.array([p0]), np.log(level))
    alarms, ends = [], []
    for i, rate in enumerate(rates):
        more = rng.binomial(10, rate)
        before = detector.is_open
        reading = detector.count(np.array([[10.0 - more, float(more)]]), clock, 10.0 * i, NONE)
        alarms += [10 * i] * len(reading.alarms)
        ends += [10 * i] * (before and not detector.is_open)
    return alarms, ends


@pytest.mark.parametrize(("p0", "times"), [(0.1, 1.5), (0.1, 3.0), (0.02, 2.0), (0.4, 1.3)])
def test_a_lasting_harm_is_one_episode(p0: float, times: float) -> None:
    """Half as often again for 30,000 labels: in five runs no more than two alarms each, and seven in all (seeded)."""
    found = [len(watched(p0, np.full(3_000, times * p0), seed)[0]) for seed in range(5)]
    assert max(found) <= 2
    assert sum(found) <= 7


@pytest.mark.parametrize("p0", [0.007, 0.1, 0.4])
def test_a_great_harm_is_over_soon_where_labels_are_few(p0: float) -> None:
    """Wrong in two of five or more, then seldom again: it ends within 800 labels, 600 of which are its hold.

    Silence for a thousand labels, whatever the harm, would keep a rate that gets a hundredth of the labels for days.
    """
    for seed in range(5):
        rates = np.concatenate([np.full(100, min(2 * p0 + 0.4, 0.9)), np.full(400, 0.2 * p0)])
        alarms, ends = watched(p0, rates, seed)
        assert len(alarms) == 1
        assert [end - 1_000 <= 800 for end in ends] == [True]


def test_an_episode_ends_where_the_promise_counts_events() -> None:
    """A = 10^6 events, a label in ten of them: evidence that passes √A by waiting alone holds no episode open."""
    for seed in range(5):
        rates = np.concatenate([np.full(50, 0.3), np.full(400, 0.04)])
        alarms, ends = watched(0.05, rates, seed, level=1e6, clock=100.0)
        assert len(alarms) == 1
        assert [end - 500 <= 2_000 for end in ends] == [True]


def test_the_end_of_an_episode_is_no_word_on_the_next() -> None:
    """After an episode the same harm alarms again, as soon as at first within a factor of two."""
    spell, calm = np.full(60, 0.4), np.full(200, 0.05)
    alarms, ends = watched(0.1, np.concatenate([calm, spell, calm, spell]), 3)
    assert len(alarms) == 2
    assert len(ends) == 1
    assert alarms[1] - 4_600 <= 2 * (alarms[0] - 2_000)


@given(
    st.integers(0, 2**32 - 1),
    st.floats(1.0, 500.0),
    st.floats(0.0, 300.0),
)
def test_an_episode_ends_on_time_labels_and_a_loss(seed: int, found_in: float, hold: float) -> None:
    """Never before `hold`, twice the labels of its alarm below the highest sum of harm, and a loss of 20 to 1."""
    rng = np.random.default_rng(seed)
    episodes = Episodes(1, 4, log_level=6.0, hold=hold)
    episodes.begin(np.array([True]), rng.normal(8.0, 2.0, (1, 4)), np.array([found_in]), time=0.0)
    since, labels, excess, gain = 0.0, 0.0, 0.0, np.zeros(4)
    for i in range(1, 200):
        growth, time, more = rng.normal(-0.2, 0.3, (1, 4)), 5.0 * i, float(rng.normal())
        high, over = episodes.watch(growth, np.array([[7.0, more]]), rng.normal(0.0, 1.5, 1), 1e-3, time)
        excess, gain = excess + more, np.minimum(gain + growth[0], 0.0)
        labels, excess = (labels + 7.0, excess) if excess < 0 else (0.0, 0.0)
        if high[0]:
            since, labels, excess, gain = time, 0.0, 0.0, np.zeros(4)
        if over[0]:
            assert time - since >= hold
            assert labels >= AS_LONG * found_in
            assert gain.min() <= -LOG_ODDS_SURE
            return


def test_state_continues_to_the_bit() -> None:
    """Restored in the middle of an episode, it goes on as the one that it was taken from."""
    rng = np.random.default_rng(1)
    one, other = Episodes(3, 4, 6.0, 60.0), Episodes(3, 4, 6.0, 60.0)
    one.begin(np.array([True, False, True]), rng.normal(8, 2, (3, 4)), np.full(3, 20.0), time=0.0)
    for i in range(40):
        seen = rng.normal(-0.3, 0.3, (3, 4)), np.tile([5.0, -1.0], (3, 1)), rng.normal(0, 2, 3), 0.01, 10.0 * i
        if i == 10:
            other.restore(one.state())
        told = [each.tolist() for each in one.watch(*seen)]
        if i >= 10:
            assert [each.tolist() for each in other.watch(*seen)] == told
    assert {k: v.tolist() for k, v in one.state().items()} == {k: v.tolist() for k, v in other.state().items()}
