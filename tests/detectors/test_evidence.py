"""The e-detector: the same however batches are grouped, restored to the bit, blind to order and scale."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.counting import Views, ViewSettings
from detectors.evidence import Evidence, EvidenceReading
from detectors.layout import Layout, group_weights
from detectors.payoffs import Bets, OrderedBets, PairBets, StepBets
from detectors.shiryaev import log_means, retained
from detectors.types import FloatArray, IntArray, Rows

LAYOUT = Layout(("x", "y"), 10, ("kind",), (4,), ("x with y",), ("single", "joint", "single", "pair"))


def batches(seed: int, n: int = 60, change: tuple[int, int] = (20, 40)) -> tuple[IntArray, IntArray]:
    """Counts of a reference, and of batches of which some are changed."""
    rng = np.random.default_rng(seed)
    starts = LAYOUT.starts()
    usual = [np.full(8, 1 / 8), np.full(8, 1 / 8), np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.5, 0.5])]
    moved = [np.linspace(1, 3, 8) / 16, np.full(8, 1 / 8), np.array([0.2, 0.3, 0.3, 0.2]), np.array([0.5, 0.5])]

    def draw(n: int, shares: list[FloatArray]) -> IntArray:
        row = np.zeros(LAYOUT.width, np.int64)
        for start, share in zip(starts, shares, strict=False):
            row[start : start + len(share)] = rng.multinomial(n, share)
        return row

    reference = draw(2000, usual)
    return reference, np.stack([draw(100, moved if change[0] <= i < change[1] else usual) for i in range(n)])


def run(evidence: Evidence, counts: IntArray, sizes: list[int]) -> list[EvidenceReading]:
    """Judge in groups of these sizes, and what is left at once."""
    readings, at = [], 0
    for size in [*sizes, len(counts)]:
        part = counts[at : at + size]
        times = np.arange(at, at + len(part), dtype=np.float64) * 100.0
        if len(part):
            readings.append(evidence.update(part, np.full(len(part), 100.0), times))
        at += size
    return readings


def told(readings: list[EvidenceReading]) -> tuple[list[float], list[bool], list[tuple[int, float, bytes]], int]:
    """All that readings say, without where a group began."""
    alarms = [(a.view, a.log_evidence, a.now.tobytes()) for each in readings for a in each.alarms]
    top = [float(x) for each in readings for x in each.top]
    return top, [bool(x) for each in readings for x in each.is_open], alarms, sum(len(r.resolved) for r in readings)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5), st.lists(st.integers(1, 15), max_size=30), st.integers(0, 59))
def test_batches_are_judged_alike_however_they_are_grouped(seed: int, sizes: list[int], cut: int) -> None:
    """To the bit, through alarms, episodes and their ends; and so does a detector restored at any point."""
    reference, counts = batches(seed)
    one, other = (Evidence(LAYOUT, reference, np.log(1e4)) for _ in range(2))
    alone = run(one, counts, [1] * len(counts))
    assert told(alone) == told(run(other, counts, sizes))
    assert told(alone)[2]
    assert {k: v.tobytes() for k, v in one.state().items()} == {k: v.tobytes() for k, v in other.state().items()}
    first, second = (Evidence(LAYOUT, reference, np.log(1e4)) for _ in range(2))
    run(first, counts[:cut], [])
    second.restore(first.state())
    assert told(run(first, counts[cut:], [])) == told(run(second, counts[cut:], [1] * 60))


def state_of(evidence: Evidence) -> dict[str, FloatArray]:
    """Its arrays, as numbers."""
    return {name: array.astype(np.float64) for name, array in evidence.state().items()}


def test_a_frozen_reference_does_not_grow() -> None:
    """What may be harm is not learnt from."""
    reference, counts = batches(0, change=(60, 60))
    evidence = Evidence(LAYOUT, reference, np.log(1e9))
    evidence.frozen = True
    run(evidence, counts, [])
    evidence.frozen = False
    after = state_of(evidence)
    assert (LAYOUT.unfolded(after["pooled"].astype(np.int64)) == reference).all()
    assert not after["apart"].any()


def test_while_frozen_the_evidence_is_what_it_is_unfrozen() -> None:
    """Reference and stream are two samples, whether the stream has joined the reference or stands beside it."""
    reference, counts = batches(0, change=(60, 60))
    frozen, free = (Evidence(LAYOUT, reference, np.log(1e9)) for _ in range(2))
    frozen.frozen = True
    assert told(run(frozen, counts, [])) == told(run(free, counts, []))


def test_on_thawing_the_views_begin_anew_on_the_old_counts() -> None:
    """What was won against counts that are dropped is dropped with them: the same as a detector of the reference."""
    reference, counts = batches(0, change=(60, 60))
    frozen, new = (Evidence(LAYOUT, reference, np.log(1e9)) for _ in range(2))
    frozen.frozen = True
    run(frozen, counts[:30], [])
    frozen.frozen = False
    assert told(run(frozen, counts[30:], [])) == told(run(new, counts[30:], []))


def test_settling_rounds_evidence_down_by_less_than_an_eighth() -> None:
    """So a promise that holds without it holds with it, and an alarm waits for a hundredth of its evidence at most."""
    reference, counts = batches(4)
    evidence = Evidence(LAYOUT, reference, np.log(1e30))
    run(evidence, counts[:40], [])
    before = state_of(evidence)
    evidence.settle()
    after = state_of(evidence)
    won = np.isfinite(before["log_m"])
    lost = before["log_m"][won] - after["log_m"][won]
    assert won.any()
    assert (lost >= 0).all()
    assert (lost < 1 / 8).all()
    assert (after["anytime_e"] <= before["anytime_e"]).all()
    assert (after["anytime_e"] > before["anytime_e"] * 7 / 8).all()
    assert np.abs(after["since"] - before["since"]).max() <= 0.5


def test_what_a_frozen_reference_never_learnt_does_not_leave_it() -> None:
    """A change while it is frozen is told in full, and takes nothing from the counts of before."""
    reference, counts = batches(2, change=(20, 60))
    evidence = Evidence(LAYOUT, reference, np.log(1e6))
    run(evidence, counts[:20], [])
    evidence.frozen = True
    alarm = next(alarm for reading in run(evidence, counts[20:], []) for alarm in reading.alarms if alarm.view == 0)
    learnt = reference[:10] + counts[:20, :10].sum(axis=0)
    assert (alarm.batch + 1) * 100 * 0.9 <= alarm.now.sum() <= (alarm.batch + 4) * 100
    gone = learnt - alarm.before
    assert (gone >= 0).all()
    assert gone.sum() <= 300


def test_what_came_since_the_change_leaves_the_reference() -> None:
    """The alarm's two histograms add up to all that was counted, and the later one is mostly of the change."""
    reference, counts = batches(1)
    evidence = Evidence(LAYOUT, reference, np.log(1e6))
    at, alarm = next(
        (i, reading.alarms[0]) for i, c in enumerate(counts) if (reading := run(evidence, c[None], [])[0]).alarms
    )
    assert alarm.view == 0
    assert (alarm.before + alarm.now == (reference + counts[: at + 1].sum(axis=0))[:10]).all()
    since = 100 * (at + 1 - 20)
    assert since * 0.7 <= alarm.now.sum() <= since * 1.6


def test_evidence_equals_a_sum_over_change_points() -> None:
    """As the formula is written: for each view the mean over its bets of the sum over s of w_s times the growth since.

    Each batch is in the counts that it is compared with; the padding of a stepped view has no bets.
    """
    reference, counts = batches(3, n=12, change=(6, 12))
    clock = np.linspace(1.0, 7.0, 12)
    top = Evidence(LAYOUT, reference, np.log(1e30)).update(counts, clock, np.arange(12.0)).top
    starts, weights = LAYOUT.starts(), LAYOUT.weights()
    kinds: list[Bets] = [OrderedBets(), OrderedBets(), StepBets(4), PairBets()]
    for t in range(12):
        evidence = []
        for view, bets in enumerate(kinds):
            bins = slice(starts[view], starts[view + 1])
            growth = np.stack(
                [
                    bets.growth(
                        (reference[bins] + counts[: r + 1, bins].sum(axis=0)).astype(float)[None, None],
                        counts[r, bins].astype(float)[None, None],
                    )[0, 0]
                    for r in range(t + 1)
                ]
            )
            m = sum(clock[s] * np.exp(growth[s:].sum(axis=0)) for s in range(t + 1))
            evidence.append(weights[view] * np.mean(m))
        assert top[t] == pytest.approx(np.log(max(evidence)))


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 2), (1, 3), (4,)])
@pytest.mark.parametrize("values", ["aabbcc", "aaabbc", "aaaaab"])
def test_on_average_over_all_orders_evidence_is_at_most_the_time(values: str, sizes: tuple[int, ...]) -> None:
    """All orders of the rows enumerated: two are the reference, four come in batches. E[M_t] <= t after each of them.

    This is what exchangeability promises, in full and not by simulation, for categories and for ordered bins.
    """
    layout = Layout(("x",), 5, ("kind",), (3,), (), ("single", "single"))
    total, n = np.zeros(len(sizes)), 0
    for order in set(permutations(values)):
        row = np.array(["abc".index(value) for value in order])
        one = np.eye(3, dtype=np.int64)[row]
        counts = np.concatenate([one, np.zeros((6, 2), np.int64), one], axis=1)
        ends = np.cumsum((2, *sizes))
        batch = np.stack([counts[start:end].sum(axis=0) for start, end in pairwise(ends)])
        evidence = Evidence(layout, counts[:2].sum(axis=0), np.log(1e9))
        mean = evidence.update(batch, np.array(sizes, float), np.arange(len(sizes), dtype=float)).top
        total += np.exp(mean)
        n += 1
    assert (total / n <= np.cumsum(sizes) * (1 + 1e-9)).all()


def test_weights_sum_to_one_and_absent_groups_leave_theirs() -> None:
    """A half on single views, a quarter on joint scalars and on pairs."""
    assert group_weights(["single"] * 3).sum() == pytest.approx(1.0)
    weights = group_weights(["single", "single", "joint", "pair", "pair"])
    np.testing.assert_allclose(weights, [0.25, 0.25, 0.25, 0.125, 0.125])


def test_the_mean_over_bets_is_that_of_the_exponentials() -> None:
    """Against a plain recomputation, minus infinity included."""
    values = np.array([-np.inf, 0.0, 2.0, 3.0])
    share = np.log(np.array([0.5, 0.5, 1.0, 1e-300]))
    means = log_means(values, np.array([0, 2]), share)
    np.testing.assert_allclose(means, [np.log(0.5), np.log(np.exp(2.0))])
    assert retained(np.array([-np.inf, 0.0]), -np.inf).tolist() == [0.0, 1.0]


def rows(x: FloatArray, kinds: list[str | None]) -> Rows:
    """Rows of three features and a category."""
    nothing = np.full(x.shape[1], np.nan)
    return Rows(x, (kinds,), [None] * x.shape[1], x[0], nothing, nothing, nothing)


def views(seed: int) -> tuple[Views, FloatArray, list[str | None]]:
    """Fitted views and rows to count."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(3, 400)), 1)
    x[1, rng.random(400) < 0.1] = np.nan
    kinds: list[str | None] = [str(k) for k in rng.choice(list("abc"), 400)]
    fitted = Views.fit(rows(x, kinds), ("a", "b", "c"), ("kind",), ViewSettings(bins=8), np.random.default_rng(0))
    return fitted, x, kinds


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3), st.lists(st.integers(0, 400), max_size=6))
def test_counts_add_up(seed: int, cuts: list[int]) -> None:
    """The counts of a union are the sum of the counts, exactly, wherever the batches are cut."""
    fitted, x, kinds = views(seed)
    whole = fitted.count(rows(x, kinds), np.array([0, 400]))
    parts = fitted.count(rows(x, kinds), np.array([0, *sorted(cuts), 400]))
    assert (parts.sum(axis=0) == whole[0]).all()


def test_single_views_are_blind_to_the_unit() -> None:
    """A monotone change of a feature's scale, at fit and after, leaves its counts as they were."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 500))
    plain = ViewSettings(joint=False)
    stretched = np.stack([np.exp(x[0]), 1000 * x[1] + 5, x[2] ** 3])
    counts = []
    for each in (x, stretched):
        nothing = np.full(500, np.nan)
        made = Rows(each, (), [None] * 500, nothing, nothing, nothing, nothing)
        fitted = Views.fit(made, ("a", "b", "c"), (), plain, np.random.default_rng(0))
        counts.append(fitted.count(made, np.array([0, 250, 500])))
    assert (counts[0] == counts[1]).all()


def test_the_order_of_the_features_does_not_matter() -> None:
    """Evidence of each single view is the same wherever it stands."""
    rng = np.random.default_rng(1)
    reference, live = rng.normal(size=(3, 1000)), rng.normal(size=(3, 300))
    live[2] += 0.6
    tops = []
    for order in ([0, 1, 2], [2, 0, 1]):
        nothing = np.full(1000, np.nan)
        names = tuple("abc"[i] for i in order)
        made = Rows(reference[order], (), [None] * 1000, nothing, nothing, nothing, nothing)
        fitted = Views.fit(made, names, (), ViewSettings(joint=False), np.random.default_rng(0))
        evidence = Evidence(fitted.layout(), fitted.count(made, np.array([0, 1000]))[0], np.log(1e12))
        block = Rows(live[order], (), [None] * 300, nothing[:300], nothing[:300], nothing[:300], nothing[:300])
        counts = fitted.count(block, np.array([0, 100, 200, 300]))
        tops.append(evidence.update(counts, np.full(3, 100.0), np.arange(3.0)).top)
    np.testing.assert_allclose(tops[0], tops[1], rtol=1e-12)


def test_a_column_that_begins_to_vary_is_told_of_from_then_on() -> None:
    """5,000 events in the one bin that the reference has, then others: what is told is the change, not what led up."""
    layout = Layout(("x",), 6, (), (), (), ("single",))
    evidence = Evidence(layout, np.array([1000, 0, 0, 0, 0, 0]), float(np.log(1e5)))
    still, moving = np.tile([100, 0, 0, 0, 0, 0], (50, 1)), np.tile([20, 0, 0, 0, 80, 0], (5, 1))
    counts = np.concatenate([still, moving])
    reading = evidence.update(counts, np.full(len(counts), 100.0), np.arange(float(len(counts))))
    (alarm,) = reading.alarms
    assert alarm.batch == 50
    assert alarm.since == 50.0
    assert alarm.now.tolist() == [20, 0, 0, 0, 80, 0]
