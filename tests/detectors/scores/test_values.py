from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from detectors.scores import Stated, ValueScore, absolute_residual, cqr, normalised_residual
from detectors.sets import conformal_quantile
from detectors.types import FloatArray

from .oracles import regressor

ALPHA = 0.1


def _data(n: int, step: float = 0.0) -> FloatArray:
    """Truth, value, lower, upper and spread, (5, n); with a step they are rounded to it, so that there are ties."""
    r = np.random.default_rng([n, 5])
    value, spread = r.normal(size=n), r.uniform(0.5, 2, n)
    truth = value + spread * r.standard_t(3, n)
    columns = np.stack([truth, value, value - 1.5 * spread, value + 1.2 * spread, spread])
    return np.asarray(np.round(columns / step) * step) if step else columns


def _stated(columns: FloatArray) -> Stated:
    return Stated(columns[1], columns[2], columns[3], columns[4])


def _threshold(scores: FloatArray) -> float:
    return conformal_quantile(scores, np.ones(len(scores)), ALPHA)


def _score(name: str) -> Any:
    from mapie.conformity_scores import AbsoluteConformityScore, ResidualNormalisedScore

    if name == "residual":
        return AbsoluteConformityScore()
    return ResidualNormalisedScore(residual_estimator=regressor(4), prefit=True)


@pytest.mark.parametrize("step", [0.0, 0.5])
@pytest.mark.parametrize("name", ["residual", "normalised"])
def test_intervals_equal_mapies_for_every_n(name: str, step: float) -> None:
    """For n = 1..200, ties included, the intervals are MAPIE's; below 9 they are infinite."""
    from mapie.regression import SplitConformalRegressor

    ours, new = ValueScore("residual" if name == "residual" else "normalised"), _data(60, step)
    for n in range(1, 201):
        data = _data(n, step)
        scores = ours.scores(data[0], _stated(data))
        threshold = _threshold(scores)
        lower, upper = ours.intervals(_stated(new), threshold)
        oracle = SplitConformalRegressor(
            regressor(1), confidence_level=1 - ALPHA, conformity_score=_score(name), prefit=True
        )
        oracle.conformalize(data.T, data[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = oracle.predict_interval(new.T)[1][:, :, 0]
            except ValueError as error:
                assert "too low" in str(error)  # noqa: PT017  # what is known of it is asserted
                assert n < 10
                # with 9 of them the greatest is the quantile, though MAPIE wants 1 / alpha
                assert threshold == (scores.max() if n == 9 else np.inf)
                assert (np.isinf(lower) & np.isinf(upper)).all() == (n < 9)
                continue
        assert np.allclose(lower, expected[:, 0], rtol=1e-12, atol=1e-12)
        assert np.allclose(upper, expected[:, 1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("step", [0.0, 0.5])
def test_cqr_equals_mapies_for_every_n(step: float) -> None:
    """For n = 10..200, ties included, CQR's intervals are those of MAPIE's symmetric correction."""
    from mapie.regression import ConformalizedQuantileRegressor

    new = _data(60, step)
    for n in range(10, 201):
        data = _data(n, step)
        threshold = _threshold(cqr(data[0], data[2], data[3]))
        lower, upper = ValueScore("cqr").intervals(_stated(new), threshold)
        estimators = [regressor(2), regressor(3), regressor(1)]  # lower, upper, median
        oracle = ConformalizedQuantileRegressor(estimators, confidence_level=1 - ALPHA, prefit=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            oracle.conformalize(data.T, data[0])
            expected = oracle.predict_interval(new.T, symmetric_correction=True)[1][:, :, 0]
        assert np.allclose(lower, expected[:, 0], rtol=0, atol=1e-9)
        assert np.allclose(upper, expected[:, 1], rtol=0, atol=1e-9)


def test_an_interval_has_the_numbers_whose_score_passes() -> None:
    """A number is inside exactly if its own score is at most the threshold, whatever the score."""
    columns = _data(500)
    for name in ("residual", "normalised", "cqr"):
        score = ValueScore(name)
        threshold = _threshold(score.scores(columns[0], _stated(columns)))
        lower, upper = score.intervals(_stated(columns), threshold)
        inside = (lower <= columns[0]) & (columns[0] <= upper)
        scores = score.scores(columns[0], _stated(columns))
        edge = np.abs(scores - threshold) < 1e-9
        assert np.array_equal(inside[~edge], (scores <= threshold)[~edge])


def test_the_score_follows_what_the_model_says() -> None:
    """An interval makes it CQR, a spread normalised, neither residual; a tenth without it is too many."""
    columns = _data(100)
    nothing = np.full(100, np.nan)
    value, lower, upper, spread = columns[1:]
    assert ValueScore.by(Stated(value, lower, upper, spread)).name == "cqr"
    assert ValueScore.by(Stated(value, nothing, nothing, spread)).name == "normalised"
    assert ValueScore.by(Stated(value, nothing, nothing, nothing)).name == "residual"
    some = np.where(np.arange(100) < 10, np.nan, spread)
    assert ValueScore.by(Stated(value, nothing, nothing, some)).name == "residual"


def test_an_end_that_is_missing_is_infinite_and_both_are_unknown() -> None:
    """CQR takes a one-sided interval as such; without both ends there is no score and no interval."""
    said = Stated(np.zeros(3), np.array([np.nan, 0.0, np.nan]), np.array([1.0, np.nan, np.nan]), np.zeros(3))
    assert np.array_equal(cqr_scores(said), np.array([1.0, -2.0, np.nan]), equal_nan=True)
    lower, upper = ValueScore("cqr").intervals(said, 0.5)
    assert np.array_equal(lower, np.array([-np.inf, -0.5, np.nan]), equal_nan=True)
    assert np.array_equal(upper, np.array([1.5, np.inf, np.nan]), equal_nan=True)


def cqr_scores(said: Stated) -> FloatArray:
    return ValueScore("cqr").scores(np.full(3, 2.0), said)


def test_a_spread_of_nothing_is_no_division_by_zero() -> None:
    """Zero and negative spreads are taken as 1e-8, as MAPIE does."""
    scores = normalised_residual(np.ones(2), np.zeros(2), np.array([0.0, -1.0]))
    assert scores.tolist() == [1e8, 1e8]
    assert absolute_residual(np.ones(1), np.zeros(1)).tolist() == [1.0]
