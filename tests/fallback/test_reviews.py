"""What enters the queue of people, and what its budget lets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallback.reviews import ReviewPolicy, TokenBucket


def test_a_bucket_fills_with_time_up_to_its_burst() -> None:
    """Two at once, then one each ten seconds, never more than two."""
    bucket = TokenBucket(rate=0.1, burst=2.0, reserve=0.0)
    for _ in range(2):
        bucket.take()
    assert bucket.left(0.0, privileged=False) == 0.0
    assert bucket.left(10.0, privileged=False) == 1.0
    assert bucket.left(1e6, privileged=False) == 2.0


def test_the_reserve_is_for_the_privileged() -> None:
    """What others may take ends before what audits and probes may."""
    bucket = TokenBucket(rate=0.0, burst=10.0, reserve=3.0)
    assert bucket.left(0.0, privileged=False) == 7.0
    assert bucket.left(0.0, privileged=True) == 10.0


def test_a_clock_that_runs_backwards_fills_nothing() -> None:
    """Jumping back and forth must not print budget."""
    bucket = TokenBucket(rate=0.01, burst=10.0, reserve=0.0)
    bucket.left(100.0, privileged=False)
    for _ in range(10):
        bucket.take()
    assert [bucket.left(t, privileged=False) for t in (0.0, 100.0, 50.0, 100.0)] == [0.0] * 4


@given(st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=30))
def test_no_clock_prints_more_than_the_time_it_shows(times: list[float]) -> None:
    """Whatever it does within the time that fills a bucket: no more is taken than a straight clock would have given."""
    bucket = TokenBucket(rate=0.01, burst=10.0, reserve=0.0)
    taken = 0
    for now in times:
        while bucket.left(now, privileged=False) >= 1.0:
            bucket.take()
            taken += 1
    assert taken <= 10 + 0.01 * (max(times) - times[0]) + 1e-9


def test_a_clock_that_was_a_year_ahead_stops_the_budget_for_no_year() -> None:
    """It fills again after the time that an empty bucket takes, and not before."""
    bucket = TokenBucket(rate=1.0, burst=10.0, reserve=0.0)
    bucket.left(3e7, privileged=False)
    for _ in range(10):
        bucket.take()
    assert [bucket.left(t, privileged=False) for t in (0.0, 5.0, 10.0, 12.0, 99.0)] == [0.0, 0.0, 0.0, 2.0, 10.0]


@pytest.mark.parametrize("hours", [1, 12])
def test_the_default_budget_is_what_two_reviewers_get_done(hours: int) -> None:
    """An hour's work at once, then 120 an hour."""
    policy = ReviewPolicy()
    assert policy.burst == pytest.approx(policy.rate * 3600)
    assert policy.rate * 3600 * hours == pytest.approx(120 * hours)
