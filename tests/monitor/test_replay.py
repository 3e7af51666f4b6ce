"""Statistical bounds stand beside each test; seeds are fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from detectors.layout import Layout
from detectors.profile import Reference
from detectors.types import FloatArray, Rows
from monitor.config import Config, config_from
from monitor.fit.contexts import NONE, Segment, candidates, in_context
from monitor.fit.long_run import BLOCK, LongRunVariance, long_runs
from monitor.fit.notes import replay_notes
from monitor.fit.replay import Half, Replay, Replayer, replay

DAY = 86400.0


def minutes(n: int, step: float = 60.0) -> FloatArray:
    """Times of n rows, `step` seconds apart."""
    return np.arange(n, dtype=np.float64) * np.float64(step)


def configured(pages: str = "1 per 90d") -> Config:
    return config_from({"model": "m", "promise": {"max_error": "5%", "false_pages": pages}}, {})


def rows_of(x: np.ndarray, seed: int = 1) -> Rows:
    n = x.shape[1]
    none: FloatArray = np.full(n, np.nan)
    return Rows(x, (), [None] * n, np.asarray(np.random.default_rng(seed).random(n)), none, none, none)


def replayed(
    x: np.ndarray,
    times: np.ndarray,
    pages: str = "1 per 90d",
    segments: Sequence[Segment] | None = None,
    *,
    config: Config | None = None,
    timed: bool = True,
) -> Replay:
    rows = rows_of(x)
    names = tuple(f"f{i}" for i in range(len(x)))
    reference = Reference(rows, names, (), np.full(len(rows), np.nan), np.empty(0), 1e4)
    found = replay(Half(rows, times, segments or [()] * len(rows)), reference, config or configured(pages), timed=timed)
    assert found is not None
    return found


def lasting(share: float, n: int, features: int = 1, seed: int = 0) -> np.ndarray:
    """x <- share x + noise, of variance one."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(features, n)) * math.sqrt(1 - share**2)
    x = np.empty((features, n))
    x[:, 0] = rng.normal(size=features)
    for i in range(1, n):
        x[:, i] = share * x[:, i - 1] + noise[:, i]
    return x


def test_unchanged_rows_keep_the_promise() -> None:
    """Of 20 replays of independent rows none remembers, and at most 1 fails: each fails 1 in 100, 2 do in 2 %."""
    found = [replayed(np.random.default_rng(s).normal(size=(4, 4000)), minutes(4000)) for s in range(20)]
    assert sum(not each.tried[0].passes for each in found) <= 1
    assert not any(each.tried[0].remembers for each in found)
    assert sum(each.holds for each in found) >= 19
    assert [*replay_notes(found[0])] == []


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_rows_that_remember_are_found_and_measured(share: float) -> None:
    """The long-run variance of x <- a x + noise is (1 + a) / (1 - a), within 40 % at 15,000 rows; a note says so."""
    found = replayed(lasting(share, 30_000), minutes(30_000))
    assert not found.holds
    (run,) = [each for each in found.memory if each.view == "f0"]
    assert run.significant
    assert run.temper == run.ratio == pytest.approx((1 + share) / (1 - share), rel=0.4)
    assert any("evidence.temper: auto" in note for note in replay_notes(found))


def test_a_daily_season_is_explained_by_the_hour() -> None:
    """A sine of one sigma a day, 100 rows an hour: without a context it fails, the hour passes, a note says so."""
    n = 100 * 24 * 25
    times = minutes(n, 36.0)
    x = np.random.default_rng(0).normal(size=(2, n)) + np.sin(2 * np.pi * times / DAY)
    found = replayed(x, times)
    assert found.context == "hour_of_day"
    assert found.holds
    assert not found.tried[0].clean
    assert any("the hour of the day" in note for note in replay_notes(found))


def test_a_segment_explains_what_differs_between_segments() -> None:
    """Two segments three sigma apart that take turns fail without the context, and pass within the segment."""
    names = ["ab"[i // 100 % 2] for i in range(20_000)]
    x = np.random.default_rng(1).normal(size=(2, 20_000)) + 3.0 * np.array([s == "b" for s in names])
    found = replayed(x, minutes(20_000), segments=[(("country", name),) for name in names])
    assert (found.context, found.chosen.cells, found.holds) == ("segment:country", 2, True)


def test_the_configured_context_is_tried_first() -> None:
    """With `views.context` set the replay begins with it, and has nothing to propose where it holds."""
    n = 100 * 24 * 25
    times = minutes(n, 36.0)
    x = np.random.default_rng(0).normal(size=(2, n)) + np.sin(2 * np.pi * times / DAY)
    config = config_from(
        {"model": "m", "promise": {"max_error": "5%", "false_pages": "1 per 90d"}, "views": {"context": "hour_of_day"}},
        {},
    )
    found = replayed(x, times, config=config)
    assert [each.context for each in found.tried] == ["hour_of_day"]
    assert [*replay_notes(found)] == []


def test_tempered_bets_are_replayed_where_rows_remember() -> None:
    """With `evidence.temper: auto` the replay ends with tempered bets; these raise fewer alarms, and it holds."""
    config = config_from(
        {
            "model": "m",
            "promise": {"max_error": "5%", "false_pages": "1 per 1000 events"},
            "evidence": {"temper": "auto"},
        },
        {},
    )
    found = replayed(lasting(0.6, 30_000), minutes(30_000), config=config, timed=False)
    plain, tempered = found.tried
    assert (plain.tempered, tempered.tempered, found.holds) == (False, True, True)
    assert tempered.alarms <= plain.alarms
    assert any("bets were tempered" in note for note in replay_notes(found))


def test_a_lasting_change_holds_in_no_context() -> None:
    """Where the second half has moved there is no context to propose, and the note says that the promise fails."""
    x = np.random.default_rng(2).normal(size=(2, 30_000))
    x[:, 20_000:] += 1.0
    found = replayed(x, minutes(30_000))
    assert (found.context, found.holds) == (None, False)
    assert any("does not hold" in note for note in replay_notes(found))


def test_the_promise_in_events_counts_events() -> None:
    """The alarms that are allowed are the replayed rows, or days, over the promise."""
    x = np.random.default_rng(3).normal(size=(2, 4000))
    assert replayed(x, minutes(4000), "1 per 1000 events").tried[0].expected == 2.0
    assert replayed(x, minutes(4000, 432.0), "1 per 10d").tried[0].expected == pytest.approx(1.0, rel=0.01)


def test_rows_are_replayed_in_time_order() -> None:
    """A reference that was shuffled gives the replay of the sorted one."""
    x, times = np.random.default_rng(4).normal(size=(2, 2000)), minutes(2000)
    order = np.random.default_rng(5).permutation(2000)
    reference = Reference(rows_of(x), ("f0", "f1"), (), np.full(2000, np.nan), np.empty(0), 1e4)
    nothing: list[Segment] = [()] * 2000
    rows = rows_of(x)
    shuffled = Half(rows, times, nothing).at(order)
    one, other = (replay(each, reference, configured(), timed=True) for each in (Half(rows, times, nothing), shuffled))
    assert one == other


def test_pieces_of_whole_batches_replay_as_one() -> None:
    """A replay in pieces of hundreds has the alarms and the memory of one call."""
    x, times = np.random.default_rng(6).normal(size=(3, 6000)), minutes(6000)
    x[:, 4000:] += 0.4
    reference = Reference(rows_of(x), ("a", "b", "c"), (), np.full(6000, np.nan), np.empty(0), 1e4)
    whole = Half(rows_of(x), times, [()] * 6000)
    first, second = whole.at(np.arange(3000)), whole.at(np.arange(3000, 6000))
    results = []
    for cuts in ([0, 3000], [0, 1000, 1100, 3000]):
        run = Replayer(first, reference, [NONE], configured("1 per 10000 events"))
        for start, end in pairwise(cuts):
            run.take(second.at(np.arange(start, end)))
        results.append(run.results())
    assert results[0][0].alarms == results[1][0].alarms > 0
    assert [each.ratio for each in results[0][0].memory] == pytest.approx([e.ratio for e in results[1][0].memory])


def test_the_first_half_can_be_learnt_in_pieces() -> None:
    """Rows that are learnt beside the sample stand in the reference that is compared with."""
    x, times = np.random.default_rng(7).normal(size=(2, 3000)), minutes(3000)
    reference = Reference(rows_of(x), ("a", "b"), (), np.full(3000, np.nan), np.empty(0), 1e4)
    whole = Half(rows_of(x), times, [()] * 3000)
    run = Replayer(whole.at(np.arange(1000)), reference, [NONE], configured())
    run.learn(whole.at(np.arange(1000, 2000)))
    run.take(whole.at(np.arange(2000, 3000)))
    assert run.results()[0].rows == 1000


def test_contexts_need_500_rows_a_cell() -> None:
    """Nearly all rows of both halves need a cell of 500: fine contexts are left out, and so are rare segments."""
    times = minutes(24 * 600, 3600.0)
    nothing: list[Segment] = [()] * len(times)
    assert candidates(nothing, nothing, [times, times]) == ["day_of_week", "hour_of_day"]
    assert candidates(nothing, nothing) == []
    day = times[times % DAY < DAY / 2]
    assert candidates(nothing, nothing, [day, day]) == ["day_of_week", "hour_of_day"]
    assert candidates(nothing, nothing, [day, times]) == ["day_of_week"]
    three_days = minutes(3 * 24 * 600, 6.0)
    assert candidates(nothing, nothing, [three_days, three_days + 3 * DAY]) == ["hour_of_day"]
    names = ["a"] * 10_000 + ["b"] * 4000 + [f"rare {i}" for i in range(400)]
    many, few = ([(("country", name),) for name in each] for each in (names, ["a"] * 600 + names[-400:]))
    assert candidates(many, many) == ["segment:country"]
    assert candidates(few, few) == candidates(many, few) == []


def test_rows_get_the_column_that_the_context_looks_at() -> None:
    """Times for hours and days, one name's value for a segment, nothing without a context."""
    rows, times = rows_of(np.zeros((1, 2))), minutes(2)
    segments: list[Segment] = [(("country", "de"), ("plan", "free")), ()]
    assert in_context(rows, "hour_of_day", times, segments).time is times
    assert in_context(rows, "segment:country", times, segments).segment == ["de", None]
    assert in_context(rows, NONE, times, segments) is rows


def blocks_of(bins: np.ndarray, n: int) -> np.ndarray:
    counts = np.zeros((len(bins) // BLOCK, n), dtype=np.int64)
    np.add.at(counts, (np.arange(len(counts) * BLOCK) // BLOCK, bins[: len(counts) * BLOCK]), 1)
    return counts


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_independent_bins_remember_nothing(share: float) -> None:
    """Of 200 streams of a rare or an even flag at most 6 are significant: at a level of 1 %, 7 are in .5 %."""
    layout, found = Layout((), 0, ("flag",), (2,), (), ("single",)), 0
    for seed in range(200):
        bins = (np.random.default_rng(seed).random(8000) < share).astype(np.int64)
        memory = LongRunVariance(layout, np.bincount(bins, minlength=2))
        memory.add(blocks_of(bins, 2))
        found += long_runs([memory])[0].significant
    assert found <= 6


def test_a_category_that_lasts_is_found() -> None:
    """Categories that stay for 20 rows on average have a long-run variance far above one."""
    rng, layout = np.random.default_rng(0), Layout((), 0, ("kind",), (3,), (), ("single",))
    changes = rng.random(20_000) < 0.05
    bins = rng.integers(0, 3, 20_000)[np.maximum.accumulate(np.where(changes, np.arange(20_000), 0))]
    memory = LongRunVariance(layout, np.bincount(bins, minlength=3))
    memory.add(blocks_of(bins, 3))
    (run,) = long_runs([memory])
    assert run.significant
    assert run.ratio > 8


def test_blocks_in_pieces_are_blocks_at_once() -> None:
    """Sums over longer blocks do not depend on how the rows were handed over."""
    layout, rng = Layout((), 0, ("kind",), (3,), (), ("single",)), np.random.default_rng(1)
    counts = blocks_of(rng.integers(0, 3, 5000), 3)
    one, other = (LongRunVariance(layout, np.array([5, 6, 7])) for _ in range(2))
    one.add(counts)
    for start in range(0, len(counts), 7):
        other.add(counts[start : start + 7])
    assert one.sums.blocks.tolist() == other.sums.blocks.tolist()
    np.testing.assert_allclose(one.sums.moments, other.sums.moments)


def test_a_small_reference_is_not_cut_in_half() -> None:
    """Below 400 rows there is no replay, and no note."""
    rows = rows_of(np.zeros((1, 300)))
    reference = Reference(rows, ("a",), (), np.full(300, np.nan), np.empty(0), 1.0)
    assert replay(Half(rows, minutes(300), [()] * 300), reference, configured(), timed=True) is None
    assert [*replay_notes(None)] == []
