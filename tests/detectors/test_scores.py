from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detectors.scores import (
    absolute_residual,
    confidence,
    entropy,
    invalid_probabilities,
    lac,
    predicted,
    value_confidence,
)
from detectors.types import FloatArray


def _rows(seed: int, n: int = 50, classes: int = 4) -> FloatArray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), n)


@pytest.mark.parametrize("n", [1, 2, 20, 200])
def test_lac_equals_mapies_score(n: int) -> None:
    """One minus the probability of the true class is MAPIE's LAC conformity score, to the bit."""
    from mapie.conformity_scores import LACConformityScore

    p = _rows(n, n)
    true = np.random.default_rng(n).integers(0, 4, n)
    expected = LACConformityScore().get_conformity_scores(true, p, y_enc=true)[:, 0]
    assert np.array_equal(lac(p, true), expected)


@pytest.mark.parametrize("n", [1, 2, 20, 200])
def test_absolute_residual_equals_mapies_score(n: int) -> None:
    """The distance of the truth from the value is MAPIE's absolute conformity score, to the bit."""
    from mapie.conformity_scores import AbsoluteConformityScore

    y, value = np.random.default_rng(n).normal(size=(2, n))
    expected = AbsoluteConformityScore().get_conformity_scores(y, value)
    assert np.array_equal(absolute_residual(y, value), expected)


def test_a_truth_outside_the_classes_is_infinitely_nonconforming() -> None:
    """A label that the model has never heard of can be in no set but the infinite one."""
    assert lac(_rows(0, 2), np.array([-1, 1]))[0] == np.inf


def test_confidence_and_label_agree() -> None:
    """The confidence is the probability of the predicted label."""
    p = _rows(1)
    assert np.array_equal(confidence(p), p[np.arange(50), predicted(p)])


def test_entropy_has_its_known_ends() -> None:
    """Certainty has entropy zero, ignorance over k classes log k, and a zero probability is no NaN."""
    assert entropy(np.array([[1.0, 0.0, 0.0]])).tolist() == [0.0]
    assert entropy(np.full((1, 5), 0.2))[0] == pytest.approx(np.log(5))


def test_value_confidence_prefers_the_interval() -> None:
    """An interval counts before a spread, and a model with neither is equally sure of everything."""
    lower, upper, spread = np.array([0.0, 0.0]), np.array([1.0, 3.0]), np.array([9.0, 1.0])
    assert value_confidence(2, lower, upper, spread).tolist() == [-1.0, -3.0]
    assert value_confidence(2, spread=spread).tolist() == [-9.0, -1.0]
    assert value_confidence(3).tolist() == [0.0, 0.0, 0.0]


@given(arrays(np.float64, (3, 4), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_rows_that_pass_are_probabilities(rows: FloatArray) -> None:
    """Whatever passes is finite, not negative, and sums to one within a thousandth."""
    passed = rows[~invalid_probabilities(rows)]
    assert np.isfinite(passed).all()
    assert (passed >= 0).all()
    assert (np.abs(passed.sum(axis=1) - 1) <= 1e-3 + 1e-12).all()


def test_real_probabilities_pass() -> None:
    """Rounded to four decimals over ten classes, probabilities still pass; percentages, logits and nothing do not."""
    p = np.random.default_rng(2).dirichlet(np.ones(10), 200)
    assert not invalid_probabilities(np.round(p, 4)).any()
    assert invalid_probabilities(100 * p).all()
    assert invalid_probabilities(np.log(p)).all()
    assert invalid_probabilities(np.empty((3, 0))).all()
