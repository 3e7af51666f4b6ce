from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detectors.scores import (
    confidence,
    energy,
    entropy,
    invalid_probabilities,
    margin,
    max_logit,
    mutual_information,
    of_label,
    predicted,
    softmax,
    value_confidence,
)
from detectors.types import FloatArray


def _rows(seed: int, n: int = 50, classes: int = 4) -> FloatArray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), n)


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


def test_margin_is_the_gap_between_the_two_likeliest() -> None:
    """For the label that the model holds for likeliest it is the difference of the two greatest probabilities."""
    p = _rows(3)
    two = np.sort(p, axis=1)[:, -2:]
    assert np.allclose(margin(p, predicted(p)), two[:, 1] - two[:, 0], rtol=0, atol=1e-15)
    assert np.isnan(margin(p, np.full(50, -1))).all()
    assert (margin(p, p.argmin(axis=1)) < 0).all()
    assert margin(np.ones((1, 1)), np.zeros(1, np.int64)).tolist() == [1.0]


def test_energy_agrees_with_scipy() -> None:
    """It is scipy's logsumexp, however large the logits are; and softmax is exp(logit - energy)."""
    from scipy.special import logsumexp

    logits = np.random.default_rng(4).normal(size=(50, 5)) * np.logspace(0, 5, 50)[:, None]
    assert np.allclose(energy(logits), logsumexp(logits, axis=1), rtol=1e-14)
    assert np.allclose(softmax(logits), np.exp(logits - energy(logits)[:, None]), rtol=0, atol=1e-9)
    assert np.array_equal(max_logit(logits), logits.max(axis=1))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 5))
def test_mutual_information_lies_between_nothing_and_the_entropy(seed: int, members: int, classes: int) -> None:
    """It is at least 0, at most the entropy of the mean, and 0 for members that agree."""
    samples = np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), (20, members))
    found = mutual_information(samples)
    assert (found >= 0).all()
    assert (found <= entropy(samples.mean(axis=1)) + 1e-12).all()
    assert mutual_information(np.repeat(samples[:, :1], 3, axis=1)).max() < 1e-12


def test_the_probability_of_a_label_that_is_no_class_is_unknown() -> None:
    """NaN, and not that of some other class."""
    p = _rows(5, 2)
    found = of_label(p, np.array([2, -1]))
    assert found[0] == p[0, 2]
    assert np.isnan(found[1])
