"""Event by event: each bet pays one on average given the ranks before, and alarms come as far apart as promised."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.by_event import EvidenceByEvent
from detectors.evidence import Evidence
from detectors.layout import Layout
from detectors.payoffs import OrderedBets
from detectors.smoothed import SmoothedStakes
from detectors.stakes import BetRules
from detectors.types import FloatArray, IntArray

LAYOUT = Layout(("x",), 8, ("c",), (4,), ("x with y",), ("single", "single", "pair"))
STARTS = LAYOUT.starts()
GRID = (np.arange(4000) + 0.5) / 4000
"""Ranks in a bin; the bet on a scale of 2 is steep at both ends, and lacks up to .03 of its mass there."""


def drawn(rng: np.random.Generator, n: int, shares: list[list[float]]) -> IntArray:
    """Counts of n events, one in each view."""
    return np.concatenate([rng.multinomial(n, each) for each in shares])


SHARES = [[0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05], [0.6, 0.3, 0.06, 0.04], [0.7, 0.3]]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 60), st.integers(2, 60))
def test_given_all_that_was_counted_each_bet_pays_one(seed: int, first: int, n: int) -> None:
    """The last of n exchangeable events is any of them alike: over these and U the mean payoff is one.

    Whatever both halves of the reference looked like.
    """
    rng = np.random.default_rng(seed)
    stakes = SmoothedStakes(LAYOUT, BetRules(), drawn(rng, first, SHARES))
    pooled = drawn(rng, n, SHARES)
    mean = np.zeros(len(stakes.view))
    for view, (start, end) in enumerate(pairwise(STARTS)):
        own = stakes.view == view
        for place in range(start, end):
            one = np.zeros((len(GRID), LAYOUT.width), dtype=np.int64)
            one[:, place] = 1
            if pooled[place]:
                paid = np.exp(stakes.paid(np.broadcast_to(pooled, one.shape), one, GRID))
                mean[own] += pooled[place] / n * np.minimum(paid[:, own], 50).mean(axis=0)
    # above 50 densities are cut off: they are steep where ranks begin, and a point of the grid may lie just there
    mean = mean[np.isfinite(stakes.log_share)]
    assert mean.max() <= 1.03
    assert mean.min() >= 0.85


@pytest.mark.parametrize("place", range(6))
def test_a_batch_of_one_is_paid_the_mean_over_its_ranks(place: int) -> None:
    """The batch path at n = 1 pays what the exact one pays on average over U: on ranks they agree."""
    reference = np.array([300, 250, 200, 150, 60, 40, 0, 0, 9, 1, 1, 1, 1, 1])
    stakes = SmoothedStakes(LAYOUT, BetRules(), reference)
    one = np.zeros((len(GRID), LAYOUT.width), dtype=np.int64)
    one[:, place] = 1
    pooled = np.broadcast_to(reference + one[0], one.shape)
    bets = OrderedBets()
    exact = np.exp(stakes.paid(pooled, one, GRID))[:, : bets.ranked].mean(axis=0)
    batch = np.exp(bets.growth(pooled[:1, None, :8].astype(float), one[:1, None, :8].astype(float)))[
        0, 0, : bets.ranked
    ]
    # the smallest share of missing that is bet on stands before the ranks, a thousandth here
    np.testing.assert_allclose(exact, batch, rtol=0.06)


def stream(seed: int, n: int, shift: float = 0.0) -> tuple[IntArray, IntArray, IntArray]:
    """Counts of both halves of a reference of 1,000, and of single events of a feature, a category and a pair."""
    rng = np.random.default_rng(seed)
    edges = np.quantile(rng.normal(size=500), [0.2, 0.4, 0.5, 0.6, 0.8])

    def events(size: int, moved: float) -> IntArray:
        made = np.zeros((size, LAYOUT.width), dtype=np.int64)
        x = np.searchsorted(edges, rng.normal(size=size) + moved)
        for view, bins in ((0, x), (1, rng.choice(4, size, p=SHARES[1])), (2, rng.choice(2, size, p=SHARES[2]))):
            made[np.arange(size), STARTS[view] + bins] = 1
        return made

    return events(500, 0.0).sum(axis=0), events(500, 0.0).sum(axis=0), events(n, shift)


def first_alarm(seed: int, n: int, batch: int, shift: float = 0.0, level: float = 500.0) -> int:
    """Events to the first alarm, or n."""
    first, reference, events = stream(seed, n, shift)
    evidence = EvidenceByEvent(LAYOUT, reference, np.log(level), BetRules(), first=first, seed=seed)
    counts = events.reshape(-1, batch, LAYOUT.width).sum(axis=1)
    told = evidence.update(counts, np.full(len(counts), float(batch)), np.arange(len(counts), dtype=float))
    return (told.alarms[0].batch + 1) * batch if told.alarms else n


@pytest.mark.parametrize("batch", [1, 20])
def test_alarms_by_a_time_are_at_most_its_share_of_the_promise(batch: int) -> None:
    """P(alarm by t) <= t / A: at A = 500 of 300 streams of 100 events 60 may alarm on average, 77 at 1 % (binomial)."""
    assert sum(first_alarm(seed, 100, batch) < 100 for seed in range(300)) <= 77


def test_half_a_sigma_is_seen() -> None:
    """A mute detector would pass the test above: half of 20 streams alarm within 200 events."""
    assert np.median([first_alarm(seed, 400, 1, 0.5, 1e4) for seed in range(20)]) <= 200


def told(evidence: Evidence, counts: IntArray, sizes: list[int]) -> tuple[FloatArray, list[tuple[int, int]]]:
    tops, alarms, at = [], [], 0
    for size in [*sizes, len(counts)]:
        part = counts[at : at + size]
        if len(part):
            clock = np.full(len(part), 10.0)
            reading = evidence.update(part, clock, np.arange(at, at + len(part), dtype=float))
            tops.append(reading.top)
            alarms += [(at + each.batch, each.view) for each in reading.alarms]
        at += len(part)
    return np.concatenate(tops), alarms


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.lists(st.integers(1, 9), max_size=6), st.integers(1, 39))
def test_it_continues_bit_for_bit_however_it_is_grouped(seed: int, sizes: list[int], cut: int) -> None:
    """Orders and ranks that are drawn follow from the seed and the events before."""
    first, reference, events = stream(seed, 400, 0.8)
    counts = events.reshape(40, 10, LAYOUT.width).sum(axis=1)

    def new() -> EvidenceByEvent:
        return EvidenceByEvent(LAYOUT, reference, np.log(1e3), BetRules(), first=first, seed=7)

    one, other, begun, rest = new(), new(), new(), new()
    top, alarms = told(one, counts, [])
    assert alarms
    top_too, alarms_too = told(other, counts, sizes)
    assert (top == top_too).all()
    assert alarms == alarms_too
    assert {k: v.tobytes() for k, v in one.state().items()} == {k: v.tobytes() for k, v in other.state().items()}
    told(begun, counts[:cut], [])
    rest.restore(begun.state())
    told(begun, counts[cut:], [])
    told(rest, counts[cut:], sizes)
    states = [{k: v.tobytes() for k, v in each.state().items() if k != "point_began"} for each in (begun, rest)]
    assert states[0] == states[1]
