"""Contexts: cells count what they hold, evidence compares like with like, and a season keeps the promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contexts import CONTEXTS, LEAST_ROWS, Context, hours_of
from detectors.counting import Views, ViewSettings
from detectors.evidence import Evidence
from detectors.profile import Fitted, Profile, Reference, fit
from detectors.profile_bytes import dump, load
from detectors.types import FloatArray, Rows

HOUR = 3600.0


def rows(x: FloatArray, time: FloatArray, segment: list[str | None] | None = None) -> Rows:
    n = len(time)
    nothing = np.full(n, np.nan)
    return Rows(x.reshape(-1, n), (), [None] * n, nothing, nothing, nothing, nothing, time=time, segment=segment)


def daily(rng: np.random.Generator, days: int, first: float = 0.0, an_hour: int = 100) -> Rows:
    """A Gaussian whose mean is a daily sine of one sigma, at 100 events an hour."""
    time = first + np.arange(days * 24 * an_hour) * HOUR / an_hour
    return rows(np.sin(2 * np.pi * time / 86400) + rng.normal(size=len(time)), time)


def profile(made: Rows, context: str) -> Fitted:
    names = tuple(f"f{i}" for i in range(len(made.numeric)))
    reference = Reference(made, names, (), np.full(len(made), np.nan), np.empty(0), 2400.0)
    return fit(reference, ViewSettings(joint=False, context=context))


def alarms(fitted: Fitted, live: Rows, level: float, size: int) -> int:
    """Alarms of a stream in batches of `size`; after each the detector begins anew, as a promise counts them."""
    starts = np.arange(0, len(live) + 1, size)
    counts, cells, _ = fitted.views.count_cells(live, starts)
    assert len(counts) == len(starts) - 1  # every batch falls into one hour
    evidence, at, found = None, 0, 0
    while at < len(counts):
        evidence = evidence or Evidence(fitted.views.layout(), fitted.reference, np.log(level))
        part = slice(at, min(at + 20, len(counts)))
        n = part.stop - at
        reading = evidence.update(counts[part], np.full(n, float(size)), np.full(n, at * 900.0), cells[part])
        at = part.stop
        if reading.alarms:
            found += 1
            at += reading.alarms[0].batch + 1 - n
            evidence = None
    return found


def test_a_season_keeps_the_promise_in_24_cells_and_breaks_it_in_none() -> None:
    """A daily sine of one sigma at 100 events an hour, 20 days to learn from, 40 to watch, A = 10,000 events, seed 1.

    The promise allows 9.6 alarms in 96,000 events, each time from new. With a Poisson count of that mean more than 20
    have a chance below .1 %; there are far fewer in 24 cells, and more than five times as many in none.
    """
    rng = np.random.default_rng(1)
    reference, live = daily(rng, 20), daily(rng, 40, 20 * 86400.0)
    assert alarms(profile(reference, "hour_of_day"), live, 1e4, 25) <= 20
    assert alarms(profile(reference, ""), live, 1e4, 25) > 5 * 9.6


def test_a_change_within_a_cell_is_seen_and_told_against_that_cell() -> None:
    """Half a sigma more, every hour: an alarm within 400 events, told against the hours that it came in; seed 2."""
    rng = np.random.default_rng(2)
    fitted = profile(daily(rng, 20), "hour_of_day")
    live = daily(rng, 1, 30 * 86400.0 + 5 * HOUR)
    live.numeric[0] += 0.5
    starts = np.arange(0, 801, 20)
    part = rows(live.numeric[:, :800], live.time[:800])  # type: ignore[index]  # it has times
    counts, cells, first = fitted.views.count_cells(part, starts)
    evidence = Evidence(fitted.views.layout(), fitted.reference, np.log(1e4))
    alarm = evidence.update(counts, np.full(40, 20.0), np.arange(40.0), cells, first).alarms[0]
    assert alarm.batch < 20
    # from five o'clock on, where the sine is near its top: the reference of these hours lies far above the whole one
    centres = np.arange(len(alarm.before) - 2)
    mean = float(centres @ alarm.before[:-2] / alarm.before[:-2].sum())
    everything = fitted.counts[: len(alarm.before) - 2]
    assert mean > float(centres @ everything / everything.sum()) + 5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(0, 300), max_size=5), st.booleans())
def test_counts_of_cells_add_up_to_those_of_the_batch(seed: int, cuts: list[int], shuffled: bool) -> None:
    """In whatever order events come, and however batches are cut; an empty batch has one empty part."""
    rng = np.random.default_rng(seed)
    time = rng.permutation(np.arange(300.0)) if shuffled else np.arange(300.0)
    made = rows(rng.normal(size=300), time * 600)
    starts = np.array([0, *sorted(cuts), 300])
    whole = VIEWS.count(made, starts)
    counts, cells, first = VIEWS.count_cells(made, starts)
    assert (np.diff(first) >= 1).all()
    assert (np.add.reduceat(counts, first[:-1], axis=0) == whole).all()
    for batch in range(len(starts) - 1):
        own = cells[first[batch] : first[batch + 1]].tolist()
        assert own == sorted(set(own))
        inside = VIEWS.context.cells_of(made)[starts[batch] : starts[batch + 1]]
        assert set(own) == (set(inside.tolist()) or {0})


VIEWS = Views.fit(
    daily(np.random.default_rng(0), 10), ("x",), (), ViewSettings(joint=False, context="hour_of_day"),
    np.random.default_rng(0),
)  # fmt: skip


def test_evidence_does_not_depend_on_how_batches_are_grouped() -> None:
    """With contexts as without: one by one or at once, to the bit, and from a restored state."""
    rng = np.random.default_rng(3)
    fitted, live = profile(daily(rng, 10), "hour_of_day"), daily(rng, 2, 50 * 86400.0)
    live.numeric[0, 2400:] += 1.0
    starts = np.arange(0, 4801, 160)
    counts, cells, first = fitted.views.count_cells(live, starts)
    one, other, third = (Evidence(fitted.views.layout(), fitted.reference, np.log(1e3)) for _ in range(3))
    clock, times = np.full(30, 160.0), np.arange(0.0, 30 * 5760.0, 5760.0)
    whole = one.update(counts, clock, times, cells, first)
    tops = []
    for i in range(30):
        part = slice(first[i], first[i + 1])
        begins = np.array([0, first[i + 1] - first[i]])
        tops += other.update(counts[part], clock[i : i + 1], times[i : i + 1], cells[part], begins).top.tolist()
        third.restore(other.state())
    assert whole.alarms
    assert tops == whole.top.tolist()
    for state in (other.state(), third.state()):
        assert {k: v.tobytes() for k, v in one.state().items()} == {k: v.tobytes() for k, v in state.items()}


def test_values_with_few_rows_share_the_whole_reference() -> None:
    """Of three segments one has fewer than 500 rows; it, a new one and none at all fall back to cell 0."""
    segments: list[str | None] = [*["north"] * LEAST_ROWS, *["south"] * 800, *["east"] * (LEAST_ROWS - 1)]
    n = len(segments)
    made = rows(np.zeros(n), np.zeros(n), segments)
    context = Context.fit("segment:region", made)
    assert context.values == ("north", "south")
    some = rows(np.zeros(5), np.zeros(5), ["south", "north", "east", "west", None])
    assert context.cells_of(some).tolist() == [2, 1, 0, 0, 0]
    fitted = profile(made, "segment:region")
    assert fitted.reference.shape[0] == 3
    assert (fitted.reference[0] >= fitted.reference[1:].sum(axis=0)).all()


@pytest.mark.parametrize("name", list(CONTEXTS))
def test_hours_are_those_of_the_calendar(name: str) -> None:
    """Against Python's own, over a fortnight in 2026 and before 1970."""
    from datetime import UTC, datetime

    times = np.concatenate([np.arange(1344) * HOUR / 4 + 1_767_225_600.0, np.array([-1.0, -86400.0 * 3])])
    moments = [datetime.fromtimestamp(t, UTC) for t in times]
    expected = {
        "hour_of_day": [m.hour for m in moments],
        "quarter_of_day": [m.hour * 4 + m.minute // 15 for m in moments],
        "day_of_week": [m.weekday() for m in moments],
        "hour_of_week": [m.weekday() * 24 + m.hour for m in moments],
    }
    assert hours_of(name, times).tolist() == expected[name]


def test_a_profile_keeps_its_context() -> None:
    """Cells, their counts and their names are read back."""
    fitted = profile(daily(np.random.default_rng(5), 10), "hour_of_day")
    read = load(dump(Profile(fitted, "m", "1", "regression", (), {}))[0]).fitted
    assert read.views.context == fitted.views.context
    assert (read.reference == fitted.reference).all()
    assert read.reference.shape[0] == 25
