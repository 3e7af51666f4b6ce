"""An alarm in words: the part of the view that moved is the one that is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.counting import Views, ViewSettings
from detectors.evidence import Evidence
from detectors.explain import bin_names, explain
from detectors.types import FloatArray, IntArray, Rows

ODDS = 9 * np.log(10)
SETTINGS = ViewSettings(bins=10, projections=2)


def rows(x: FloatArray, kinds: list[str | None]) -> Rows:
    nothing = np.full(x.shape[1], np.nan)
    return Rows(x, (kinds,), [None] * x.shape[1], nothing, nothing, nothing, nothing)


def usual(rng: np.random.Generator, n: int) -> tuple[FloatArray, list[str | None]]:
    """Age between 0 and 100, income beside it, three kinds."""
    return np.stack([rng.uniform(0, 100, n), rng.normal(size=n)]), list(rng.choice(["car", "house", "boat"], n))


def fitted() -> Views:
    rng = np.random.default_rng(0)
    return Views.fit(rows(*usual(rng, 2000)), ("age", "income"), ("kind",), SETTINGS, rng)


VIEWS = fitted()
NAMES = VIEWS.layout().names


def counted(x: FloatArray, kinds: list[str | None], view: str) -> IntArray:
    layout = VIEWS.layout()
    at = layout.names.index(view)
    counts = VIEWS.count(rows(x, kinds), np.array([0, x.shape[1]]))[0]
    mine: IntArray = counts[layout.starts()[at] : layout.starts()[at + 1]]
    return mine


def told(view: str, now: IntArray) -> str:
    before = counted(*usual(np.random.default_rng(1), 5000), view)
    return explain(VIEWS, NAMES.index(view), before, now, ODDS).why


def changed(seed: int = 2) -> tuple[FloatArray, list[str | None]]:
    return usual(np.random.default_rng(seed), 4000)


def test_an_upper_tail_is_named() -> None:
    """A fifth of the ages becomes those above 90: what grew is the tail above its edge."""
    x, kinds = changed()
    x[0, :800] = np.random.default_rng(3).uniform(90, 100, 800)
    why = told("age", counted(x, kinds, "age"))
    assert why.startswith("age above 89")
    assert " of the reference, 28 % of the last 4,000 events; odds 10^9 to 1" in why


def test_a_lower_tail_is_named() -> None:
    """Half of the ages fall below 20."""
    x, kinds = changed()
    x[0, :2000] /= 5
    assert told("age", counted(x, kinds, "age")).startswith("age up to ")


def test_missing_and_outside_are_named() -> None:
    """They have no place among the values, and are parts of their own."""
    x, kinds = changed()
    x[0, :200] = np.nan
    assert told("age", counted(x, kinds, "age")) == (
        "age: missing: 0 % of the reference, 5.0 % of the last 4,000 events; odds 10^9 to 1"
    )
    x, kinds = changed()
    x[0, :400] = 130.0
    assert told("age", counted(x, kinds, "age")).startswith("age: outside the reference: 0")


@pytest.mark.parametrize(("kind", "name"), [("boat", "boat"), ("yacht", "never seen"), (None, "missing")])
def test_the_category_that_moved_is_named(kind: str | None, name: str) -> None:
    """Frequent, never seen or missing."""
    x, kinds = changed()
    kinds[:1500] = [kind] * 1500
    assert told("kind", counted(x, kinds, "kind")).startswith(f"kind: {name}: ")


def test_a_pair_is_named_by_its_side() -> None:
    """Two features that go apart from each other are on opposite sides more often."""
    x, kinds = changed()
    x[1] = 50 - x[0]
    why = told("age with income", counted(x, kinds, "age with income"))
    assert why.startswith("age with income: on opposite sides: 50 % of the reference, 99.8 %")


@settings(max_examples=50)
@given(st.integers(0, len(NAMES) - 1), st.data())
def test_every_explanation_is_of_the_view(view: int, data: st.DataObject) -> None:
    """Shares sum to one, there is one a bin, and the text begins with the view's name, whatever the counts."""
    bins = len(bin_names(VIEWS, view))
    size = int(np.diff(VIEWS.layout().starts())[view])
    padded = [0] * (size - bins)
    before, now = (
        np.array(data.draw(st.lists(st.integers(0, 500), min_size=bins, max_size=bins).filter(any)) + padded)
        for _ in range(2)
    )
    explanation = explain(VIEWS, view, before, now, ODDS)
    assert explanation.why.startswith(NAMES[view])
    assert len(explanation.before) == len(explanation.now) == len(explanation.bins) == bins
    assert sum(explanation.before) == pytest.approx(1.0)
    assert sum(explanation.now) == pytest.approx(1.0)


def test_names_fit_the_bins_of_every_view() -> None:
    """A name for each bin of the layout, padding left out."""
    layout = VIEWS.layout()
    sizes = [layout.bins] * len(layout.ordered) + list(layout.categories) + [2] * len(layout.pairs)
    assert [len(bin_names(VIEWS, view)) for view in range(len(NAMES))] == sizes


def test_an_alarm_of_the_detector_names_the_bin_that_was_moved() -> None:
    """From rows to words: a tenth of the kinds turn into one that was never seen."""
    rng = np.random.default_rng(4)
    evidence = Evidence(VIEWS.layout(), VIEWS.count(rows(*usual(rng, 2000)), np.array([0, 2000]))[0], np.log(1e6))
    x, kinds = usual(rng, 2000)
    kinds[:200] = ["yacht"] * 200
    order = rng.permutation(2000)
    counts = VIEWS.count(rows(x[:, order], [kinds[i] for i in order]), np.arange(0, 2001, 100))
    alarm = evidence.update(counts, np.full(20, 100.0), np.arange(20.0)).alarms[0]
    why = explain(VIEWS, alarm.view, alarm.before, alarm.now, alarm.log_evidence).why
    assert why.startswith("kind: never seen: 0 % of the reference, ")
