"""Ordered views: every value falls in the bin that a loop over the edges finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.types import FloatArray
from detectors.views.numeric import NumericViews

NUMBERS = st.one_of(
    st.integers(-3, 3).map(float), st.floats(allow_nan=True, allow_infinity=True), st.just(1e308), st.just(-0.0)
)


def naive(edges: FloatArray, x: float) -> int:
    """The first bin whose upper edge is not below x; then come `outside` and `missing`."""
    bins = len(edges) - 1
    if np.isnan(x):
        return bins + 1
    if not edges[0] <= x <= edges[-1]:
        return bins
    return next(b for b in range(bins) if x <= edges[b + 1])


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.lists(NUMBERS, min_size=1, max_size=20), st.integers(1, 40))
def test_bins_equal_a_loop_over_the_edges(reference: list[float], values: list[float], bins: int) -> None:
    """Ties, infinities and missing values included."""
    views = NumericViews.fit(np.array([reference]), bins)
    got = views.bin(np.array([values]))
    assert got.tolist() == [[naive(views.edges[0], x) for x in values]]
    assert got.max() < views.bins


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.integers(1, 40))
def test_edges_are_values_that_occurred(reference: list[float], bins: int) -> None:
    """Ascending, from the least to the greatest finite value; NaN throughout where there is none."""
    edges = NumericViews.fit(np.array([reference]), bins).edges[0]
    known = sorted(x for x in reference if np.isfinite(x))
    if not known:
        assert np.isnan(edges).all()
        return
    assert (np.diff(edges) >= 0).all()
    assert (edges[0], edges[-1]) == (known[0], known[-1])
    assert set(edges.tolist()) <= set(known)


def test_quantile_bins_are_equally_full() -> None:
    """Of distinct values each bin holds its share of the rows it was fitted on, give or take one."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 1000))
    for bins in (4, 7, 32):
        counts = np.bincount(NumericViews.fit(x, bins).bin(x)[0], minlength=bins + 2)
        assert counts[bins:].tolist() == [0, 0]
        assert abs(counts[:bins] - 1000 / bins).max() <= 2


@pytest.mark.parametrize("bins", [253, 254, 255, 256, 300])
def test_many_bins_keep_their_numbers(bins: int) -> None:
    """More bins than a byte can number are numbered all the same."""
    views = NumericViews.fit(np.arange(1000.0)[None], bins)
    assert views.bin(np.array([[0.0, 999.0, 1000.0, np.nan]])).tolist() == [[0, bins - 1, bins, bins + 1]]


def test_many_views_are_binned_like_each_alone() -> None:
    """Views are worked through in blocks; where a block begins makes no difference."""
    rng = np.random.default_rng(1)
    reference, values = rng.normal(size=(130, 50)), rng.normal(size=(130, 20))
    together = NumericViews.fit(reference, 8).bin(values)
    for i in range(130):
        assert (NumericViews.fit(reference[i : i + 1], 8).bin(values[i : i + 1])[0] == together[i]).all()


def test_a_view_that_was_never_there_is_outside_once_it_comes() -> None:
    """Without any reference value there is no inside."""
    views = NumericViews.fit(np.full((1, 10), np.nan), 4)
    assert views.bin(np.array([[1.0, np.nan, np.inf]])).tolist() == [[4, 5, 4]]
