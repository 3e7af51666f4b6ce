"""Counts: each view counts each event once, and counts of parts add up to those of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.counting import OUTPUTS, Views, ViewSettings
from detectors.evidence import Evidence
from detectors.types import FloatArray, IntArray, Rows

FEW = ViewSettings(bins=8, projections=3)


def rows(seed: int, n: int) -> Rows:
    """Whole and real numbers, categories, labels, outputs; something of each is missing."""
    rng = np.random.default_rng(seed)
    x = np.stack([rng.integers(0, 2, n), rng.integers(0, 4, n), rng.normal(size=n)]).astype(float)
    x[1, rng.random(n) < 0.1] = np.nan
    some = [str(each) if each < "e" else None for each in rng.choice(list("abcdef"), n)]
    labels = [str(each) for each in rng.choice(["yes", "no"], n)]
    outputs = np.where(rng.random((2, n)) < 0.05, np.nan, np.round(rng.random((2, n)), 1))
    return Rows(x, (some,), [*labels], outputs[0], outputs[1], np.full(n, np.nan), np.full(n, np.nan))


def taken(made: Rows, which: IntArray) -> Rows:
    """Some of the rows, in this order."""
    arrays = {name: getattr(made, name)[which] for name in OUTPUTS}
    kinds = tuple([column[i] for i in which] for column in made.categorical)
    return Rows(np.ascontiguousarray(made.numeric[:, which]), kinds, [made.label[i] for i in which], **arrays)


def fitted(settings: ViewSettings = FEW) -> Views:
    return Views.fit(rows(0, 300), ("flag", "level", "x"), ("kind",), settings, np.random.default_rng(0))


VIEWS = fitted()


@settings(max_examples=40)
@given(st.integers(1, 10**6), st.lists(st.integers(0, 5), min_size=1, max_size=120))
def test_counts_of_replicas_add_up(seed: int, replica: list[int]) -> None:
    """However events are dealt out, in whatever order, one at a time or many: the sum is that of all, exactly."""
    made, dealt = rows(seed, len(replica)), np.array(replica)
    whole = VIEWS.count(made, np.array([0, len(replica)]))[0]
    total = np.zeros_like(whole)
    for each in range(6):
        mine = np.random.default_rng(seed).permutation(np.flatnonzero(dealt == each))
        total += VIEWS.count(taken(made, mine), np.array([0, len(mine)]))[0]
    assert (total == whole).all()


@given(st.integers(1, 10**6), st.integers(0, 40))
def test_counts_equal_a_loop(seed: int, n: int) -> None:
    """Event by event and view by view, from the views' own bins."""
    made, layout = rows(seed, n), VIEWS.layout()
    assert VIEWS.joint is not None
    expected = np.zeros(layout.width, np.int64)
    starts = layout.starts().tolist()
    scalars = [*made.numeric, made.confidence, made.entropy, *VIEWS.joint.scalars(made.numeric)]
    bins = VIEWS.ordered.bin(np.array(scalars))
    for event in range(n):
        for view in range(len(layout.ordered)):
            expected[starts[view] + bins[view, event]] += 1
        for i, column in enumerate((*made.categorical, made.label)):
            expected[starts[len(layout.ordered) + i] + int(VIEWS.stepped[i].bin(column)[event])] += 1
        for i, (a, b) in enumerate(VIEWS.pairs.tolist()):
            x, y = made.numeric[a, event] - VIEWS.medians[a], made.numeric[b, event] - VIEWS.medians[b]
            if x * y > 0 or x * y < 0:
                expected[layout.pair_start + 2 * i + int(x * y < 0)] += 1
    assert VIEWS.count(made, np.array([0, n]))[0].tolist() == expected.tolist()


def test_every_view_counts_every_event_once() -> None:
    """Ordered and stepped views have a bin for whatever comes; only pairs leave out events without two sides."""
    layout = VIEWS.layout()
    counts = VIEWS.count(rows(9, 500), np.array([0, 200, 500]))
    sums = np.add.reduceat(counts, layout.starts()[:-1], axis=1)
    whole = len(layout.ordered) + len(layout.stepped)
    assert (sums[:, :whole] == np.array([[200], [300]])).all()
    assert (sums[:, whole:] < np.array([[200], [300]])).all()
    for i, used in enumerate(layout.categories):
        start = layout.step_start + i * layout.step_bins
        assert not counts[:, start + used : start + layout.step_bins].any()


def test_whole_numbers_one_event_at_a_time_raise_no_alarm() -> None:
    """The reference is counted in one go, a slow stream event by event: the same rows must fall in the same bins."""
    rng = np.random.default_rng(1)

    def flags(n: int) -> Rows:
        nothing = np.full(n, np.nan)
        return Rows(rng.integers(0, 2, (5, n)).astype(float), (), [None] * n, nothing, nothing, nothing, nothing)

    names = tuple("abcde")
    views = Views.fit(flags(1000), names, (), ViewSettings(), np.random.default_rng(0))
    evidence = Evidence(views.layout(), views.count(flags(1000), np.array([0, 1000]))[0], np.log(1e6))
    counts = np.concatenate([views.count(flags(1), np.array([0, 1])) for _ in range(600)])
    assert evidence.update(counts, np.ones(600), np.arange(600.0)).alarms == ()


@pytest.mark.parametrize(
    ("features", "settings", "joint"), [(1, FEW, False), (3, ViewSettings(joint=False), False), (3, FEW, True)]
)
def test_joint_views_need_two_features_and_the_wish(features: int, settings: ViewSettings, joint: bool) -> None:
    """Without either there are single views alone, and their weights still sum to one."""
    nothing = np.full(100, np.nan)
    x: FloatArray = np.random.default_rng(2).normal(size=(features, 100))
    made = Rows(x, (), [None] * 100, nothing, nothing, nothing, nothing)
    layout = Views.fit(made, tuple("abc"[:features]), (), settings, np.random.default_rng(0)).layout()
    assert ("joint" in layout.groups, "pair" in layout.groups) == (joint, joint)
    assert layout.weights().sum() == pytest.approx(1.0)
    assert layout.ordered[:features] == tuple("abc"[:features])


def test_outputs_that_never_came_have_no_view() -> None:
    """Confidence and entropy are there, set size and value are not; the predicted label is the last category."""
    layout = VIEWS.layout()
    assert layout.ordered[3:5] == ("confidence", "entropy")
    assert not {"set size", "predicted value"} & set(layout.names)
    assert layout.stepped == ("kind", "predicted label")


def test_a_model_without_numbers_is_counted_too() -> None:
    """Categories alone: no ordered view, no pair, and evidence all the same."""
    nothing = np.full(400, np.nan)

    def made(names: str) -> Rows:
        kinds: list[str | None] = list(np.random.default_rng(3).choice(list(names), 400))
        return Rows(np.empty((0, 400)), (kinds,), [None] * 400, nothing, nothing, nothing, nothing)

    views = Views.fit(made("aabc"), (), ("kind",), ViewSettings(), np.random.default_rng(0))
    assert views.layout().names == ("kind",)
    evidence = Evidence(views.layout(), views.count(made("aabc"), np.array([0, 400]))[0], np.log(1e6))
    counts = views.count(made("abcz"), np.array([0, 200, 400]))
    assert [alarm.view for alarm in evidence.update(counts, np.full(2, 200.0), np.arange(2.0)).alarms] == [0]
