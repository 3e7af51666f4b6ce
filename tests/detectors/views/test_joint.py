"""Joint views: scalars of the row and concordance equal loops, and do not depend on the batch that a row came in."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.types import FloatArray, IntArray
from detectors.views.joint import JointScalars, choose_pairs, concordance


def fitted(x: FloatArray, projections: int = 5) -> JointScalars:
    return JointScalars.fit(x, projections, np.random.default_rng(0))


def mixed(rng: np.random.Generator, features: int, n: int) -> FloatArray:
    """Correlated numbers, some of them whole, some missing."""
    x = rng.normal(size=(features, n)) + rng.normal(size=n)
    x[0] = np.round(x[0])
    x[1, rng.random(n) < 0.1] = np.nan
    return x


def naive_scalars(joint: JointScalars, row: FloatArray) -> list[float]:
    """All scalars of one row, number by number."""
    x = []
    for value, centre, spread in zip(row.tolist(), joint.centre.tolist(), joint.spread.tolist(), strict=True):
        x.append(0.0 if np.isnan(value) else min(max((value - centre) / spread, -10.0), 10.0))
    dimensions = joint.axes.shape[1]
    z = [sum(joint.axes[f, d] * x[f] for f in range(len(x))) for d in range(dimensions)]
    projections = [sum(direction[d] * z[d] for d in range(dimensions)) for direction in joint.directions]
    apart = min(sum((z[d] - cluster[d]) ** 2 for d in range(dimensions)) for cluster in joint.clusters)
    squares = [each**2 for each in z]
    return [sum(x) / len(x), *projections, sum(squares) ** 0.5, sum(squares[joint.leading :]) ** 0.5, apart**0.5]


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 8))
def test_scalars_equal_those_of_a_loop(seed: int, features: int) -> None:
    """Of each row by itself, missing and wild values among them, up to the grain of a millionth."""
    rng = np.random.default_rng(seed)
    joint = fitted(mixed(rng, features, 200))
    rows = mixed(rng, features, 20)
    rows[0, :3] = np.inf, -1e308, 1e6
    got = joint.scalars(rows)
    assert len(got) == len(joint.names)
    for i in range(20):
        np.testing.assert_allclose(got[:, i] ** 2, np.square(naive_scalars(joint, rows[:, i])), rtol=1e-5, atol=1e-5)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 8), st.integers(2, 4), st.integers(1, 300))
def test_a_row_has_the_same_scalars_in_every_batch(seed: int, features: int, levels: int, size: int) -> None:
    """To the bit: whole numbers lie on the edges of bins, so a last bit that follows the batch's size moves them."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, levels, (features, 400)).astype(float)
    joint = fitted(x[:, :200])
    whole = joint.scalars(x)
    parts = [joint.scalars(np.ascontiguousarray(x[:, i : i + size])) for i in range(0, 400, size)]
    assert (np.concatenate(parts, axis=1) == whole).all()


def test_the_row_is_whitened() -> None:
    """On the rows it was fitted on every projection has variance one, whatever the features' units."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(6, 5000)) * np.array([[1, 10, 100, 1, 1, 1]]).T
    x[3] = x[4] + 0.1 * x[5]
    joint = fitted(x, projections=10)
    np.testing.assert_allclose(joint.scalars(x)[1:11].var(axis=1), 1.0, rtol=0.01)
    assert (joint.leading, joint.axes.shape) == (5, (6, 5))


def test_wild_values_neither_warn_nor_drown_the_others() -> None:
    """What overflows is clipped; one sentinel in a thousand leaves the spread of its feature as it is."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 1000))
    plain = fitted(x).spread[0]
    x[0, 0] = 999_999.0
    joint = fitted(x)
    assert joint.spread[0] == pytest.approx(plain, rel=0.06)
    x[0, :4] = np.inf, -np.inf, 1e308, -1e308
    assert np.isfinite(fitted(x).scalars(x)).all()
    assert np.isfinite(joint.scalars(x)).all()


@pytest.mark.parametrize("stuck", [5.0, np.nan])
def test_a_feature_that_never_moves_says_nothing(stuck: float) -> None:
    """Constant or never there: the others' scalars are finite, and a row of constants has no axes at all."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(3, 300))
    x[1] = stuck
    joint = fitted(x)
    assert joint.axes.shape[1] == 2
    assert np.isfinite(joint.scalars(x)).all()
    nothing = fitted(np.full((3, 300), stuck))
    assert nothing.axes.shape[1] == 0
    assert not nothing.scalars(x * 0 + 5.0)[1:].any()


def test_the_state_builds_it_again() -> None:
    """What a profile keeps gives the very same scalars."""
    rng = np.random.default_rng(5)
    joint = fitted(mixed(rng, 5, 300))
    x = mixed(rng, 5, 100)
    again = JointScalars.from_state(joint.state())
    assert again.names == joint.names
    assert (again.scalars(x) == joint.scalars(x)).all()


def naive_concordance(
    values: FloatArray, medians: FloatArray, pairs: IntArray, starts: list[int]
) -> list[list[list[int]]]:
    counted = []
    for start, end in pairwise(starts):
        batch = []
        for a, b in pairs.tolist():
            same = different = 0
            for event in range(start, end):
                x, y = values[a, event] - medians[a], values[b, event] - medians[b]
                if np.isnan(x) or np.isnan(y) or x == 0 or y == 0:
                    continue
                same += (x > 0) == (y > 0)
                different += (x > 0) != (y > 0)
            batch.append([same, different])
        counted.append(batch)
    return counted


VALUES = st.one_of(st.integers(-2, 2).map(float), st.floats(-1e300, 1e300), st.sampled_from([np.nan, np.inf, -np.inf]))


@given(st.data(), st.integers(2, 4), st.integers(0, 12))
def test_concordance_equals_a_loop(data: st.DataObject, features: int, n: int) -> None:
    """Values at the median, missing and infinite ones included, wherever batches begin."""
    rows = [data.draw(st.lists(VALUES, min_size=n, max_size=n)) for _ in range(features)]
    values = np.array(rows, dtype=float).reshape(features, n)
    medians = np.array(data.draw(st.lists(st.integers(-1, 1).map(float), min_size=features, max_size=features)))
    pairs = np.array(list(combinations(range(features), 2)), np.int64)
    starts = [0, *sorted(data.draw(st.lists(st.integers(0, n), max_size=3))), n]
    got = concordance(values, medians, pairs, np.array(starts))
    assert got.tolist() == naive_concordance(values, medians, pairs, starts)


def test_all_pairs_are_watched_while_they_are_few() -> None:
    """But for features that hardly leave their median: they have no sides."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(6, 500))
    x[2] = rng.random(500) < 0.1
    pairs = choose_pairs(x, 2000, rng)
    assert pairs.tolist() == [list(each) for each in combinations([0, 1, 3, 4, 5], 2)]


def test_of_many_pairs_the_most_dependent_half_and_random_ones() -> None:
    """Exactly as many as allowed, none twice, the dependent ones among them."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(40, 500))
    for i in range(5):
        x[2 * i + 1] = x[2 * i] + 0.3 * rng.normal(size=500)
    pairs = [tuple(each) for each in choose_pairs(x, 20, rng).tolist()]
    assert len(pairs) == len(set(pairs)) == 20
    assert {(2 * i, 2 * i + 1) for i in range(5)} <= set(pairs)
    assert all(a < b for a, b in pairs)
