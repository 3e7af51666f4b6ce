from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.scores import absolute_residual, lac
from detectors.sets import AdaptiveSets, conformal_quantile, default_window, intervals, prediction_sets
from tests.detectors.scores.oracles import classifier, regressor

SIZES = [20, 21, 39, 50, 99, 100, 101, 199, 200, 333, 500]


@pytest.mark.parametrize("coverage", [0.8, 0.9])
@pytest.mark.parametrize("n", SIZES)
def test_classes_in_the_set_equal_mapies(n: int, coverage: float) -> None:
    """On a static stream (step 0) the sets are those of MAPIE's split conformal classifier, class by class."""
    from mapie.classification import SplitConformalClassifier

    r = np.random.default_rng(n)
    p, new = r.dirichlet(np.ones(5), n), r.dirichlet(np.ones(5), 200)
    true = r.integers(0, 5, n)
    true[:5] = np.arange(5)
    oracle = SplitConformalClassifier(classifier(5), confidence_level=coverage, conformity_score="lac", prefit=True)
    _, expected = oracle.conformalize(p, true).predict_set(new)
    ours = AdaptiveSets(coverage, window=500, step=0.0)
    for at in range(0, n, 7):
        ours.update(lac(p[at : at + 7], true[at : at + 7]), misses=1, n=7, outstanding=3)
    assert np.array_equal(prediction_sets(new, ours.threshold), expected[:, :, 0])


@pytest.mark.parametrize("coverage", [0.8, 0.9])
@pytest.mark.parametrize("n", SIZES)
def test_intervals_equal_mapies(n: int, coverage: float) -> None:
    """On a static stream the intervals are those of MAPIE's split conformal regressor with absolute residuals."""
    from mapie.regression import SplitConformalRegressor

    r = np.random.default_rng(n)
    value, new = r.normal(size=(n, 1)), r.normal(size=(50, 1))
    truth = value[:, 0] + r.standard_t(3, n)
    oracle = SplitConformalRegressor(regressor(), confidence_level=coverage, conformity_score="absolute", prefit=True)
    _, expected = oracle.conformalize(value, truth).predict_interval(new)
    ours = AdaptiveSets(coverage, window=500, step=0.0)
    ours.update(absolute_residual(truth, value[:, 0]), misses=0, n=0, outstanding=0)
    lower, upper = intervals(new[:, 0], ours.threshold)
    assert np.allclose(lower, expected[:, 0, 0], rtol=0, atol=1e-12)
    assert np.allclose(upper, expected[:, 1, 0], rtol=0, atol=1e-12)


@given(
    st.lists(st.lists(st.floats(0, 1), max_size=12), max_size=12),
    st.integers(1, 20),
    st.floats(0.01, 0.99),
)
def test_the_window_equals_a_naive_recomputation(batches: list[list[float]], window: int, coverage: float) -> None:
    """After any batches the threshold is the ceil((n + 1)(1 - alpha))-th smallest of the last `window` scores."""
    sets = AdaptiveSets(coverage, window=window, step=0.0)
    for batch in batches:
        sets.update(np.array(batch), misses=0, n=0, outstanding=0)
    kept = sorted([score for batch in batches for score in batch][-window:])
    k = int(np.ceil((len(kept) + 1) * (1 - sets.alpha)))
    assert sets.threshold == (kept[k - 1] if 0 < k <= len(kept) else np.inf)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 4)), min_size=1, max_size=30), st.floats(0.02, 0.9))
def test_a_weight_of_k_counts_like_k_scores(scores: list[tuple[float, int]], alpha: float) -> None:
    """Weighted scores give the quantile that each of them repeated as often as it weighs would give."""
    values, weights = (np.array(x, dtype=np.float64) for x in zip(*scores, strict=True))
    repeated = np.repeat(values, weights.astype(int))
    assert conformal_quantile(values, weights, alpha) == conformal_quantile(repeated, np.ones(len(repeated)), alpha)


@pytest.mark.parametrize("outstanding", [0, 300])
def test_misses_stay_bounded_whatever_the_sequence(outstanding: int) -> None:
    """Scores that always grow are covered as promised all the same: at most alpha* + (alpha* + g (o + 1)) / (g N)."""
    sets = AdaptiveSets(0.9)
    sets.update(np.linspace(0, 1, 200), misses=0, n=0, outstanding=0)
    n, missed = 40_000, 0
    for i in range(n):
        score = 1 + i / 100
        miss = score > sets.threshold
        missed += miss
        sets.update(np.array([score]), misses=float(miss), n=1, outstanding=outstanding)
    step = 0.001 / (1 + outstanding / 100)
    assert missed / n <= 0.1 + (0.1 + step * (outstanding + 1)) / (step * n)


def test_alpha_is_not_clipped_from_below() -> None:
    """Misses on end make the sets infinite and keep them so until as many hits have paid for them."""
    sets = AdaptiveSets(0.9)
    sets.update(np.linspace(0, 1, 200), misses=0, n=0, outstanding=0)
    sets.update(np.empty(0), misses=200, n=200, outstanding=0)
    assert sets.alpha < 0
    assert sets.threshold == np.inf
    assert prediction_sets(np.full((1, 3), 1 / 3), sets.threshold).all()
    assert [end.tolist() for end in intervals(np.zeros(1), sets.threshold)] == [[-np.inf], [np.inf]]
    sets.update(np.empty(0), misses=0, n=200, outstanding=0)
    assert sets.threshold == np.inf


def test_a_year_without_a_miss_is_no_credit() -> None:
    """Alpha stops at 1, so that a model that was perfect for long is not allowed to fail for as long."""
    sets = AdaptiveSets(0.9)
    sets.update(np.zeros(200), misses=0, n=1_000_000, outstanding=0)
    assert sets.alpha == 1.0


def test_outstanding_labels_damp_the_step() -> None:
    """With 100 labels on their way the level moves half as far."""
    moved = []
    for outstanding in (0, 100):
        sets = AdaptiveSets(0.9)
        sets.update(np.linspace(0, 1, 200), misses=10, n=10, outstanding=outstanding)
        moved.append(sets.alpha - 0.1)
    assert moved[1] == pytest.approx(moved[0] / 2)


def test_nothing_known_means_an_infinite_set() -> None:
    """Without scores, or with fewer than the level needs, the threshold is infinite; NaN is no score."""
    sets = AdaptiveSets(0.9)
    assert sets.threshold == np.inf
    sets.update(np.array([np.nan, 0.1]), misses=0, n=0, outstanding=0)
    assert sets.threshold == np.inf
    assert default_window(0.9) == 200


@pytest.mark.parametrize("coverage", [0.0, 1.0, 90.0, float("nan")])
def test_a_coverage_that_is_none_is_refused(coverage: float) -> None:
    """A percentage or an end of the unit interval is named in the error."""
    with pytest.raises(ValueError, match="coverage is"):
        AdaptiveSets(coverage)


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_a_restored_window_goes_on_to_the_bit(cut: int, seed: int) -> None:
    """Wherever it is cut, a run continued from its state gives the same thresholds and the same state."""
    r = np.random.default_rng(seed)
    batches = [(r.random(r.integers(0, 9)), int(r.integers(0, 3)), 3, int(r.integers(0, 50))) for _ in range(41)]
    whole, first, second = (AdaptiveSets(0.9, window=23) for _ in range(3))
    for i, (scores, misses, n, outstanding) in enumerate(batches):
        weights = np.where(scores > 0.5, 1.0, 0.1)
        whole.update(scores, misses, n, outstanding, weights)
        if i == cut:
            second.restore(first.state())
        (first if i < cut else second).update(scores, misses, n, outstanding, weights)
        assert i < cut or second.threshold == whole.threshold
    for name, array in whole.state().items():
        assert np.array_equal(array, second.state()[name])
    assert whole.reading() == second.reading()


@pytest.mark.parametrize("propensity", [0.01, 0.05])
def test_few_audits_make_sets_neither_infinite_nor_too_wide(propensity: float) -> None:
    """Of 20,000 requests a third, the harder ones, are held back and labelled, of the others a share of `propensity`.

    Coverage over all requests is within .02 of what is asked for, and no set is infinite.
    """
    r, sets = np.random.default_rng(5), AdaptiveSets(0.9)
    sets.update(r.random(500), 0, 0, 0)
    covered = infinite = 0
    for _ in range(200):
        held = r.random(100) < 1 / 3
        scores = r.random(100) + 0.5 * held
        threshold = sets.threshold
        covered += int((scores <= threshold).sum())
        infinite += int(np.isinf(threshold))
        known = held | (r.random(100) < propensity)
        weights = np.where(held, propensity, 1.0)[known]
        missed = float(weights[scores[known] > threshold].sum())
        sets.update(scores[known], missed, float(weights.sum()), 0.0, weights)
    assert infinite == 0
    assert abs(covered / 20_000 - 0.9) <= 0.02


@pytest.mark.parametrize("weight", [0.01, 0.37])
def test_within_a_window_shares_alone_count(weight: float) -> None:
    """Scores of one small weight give the threshold that they give with weights of one; weightless ones say nothing."""
    scores = np.random.default_rng(2).random(150)
    plain, light, none = AdaptiveSets(0.9), AdaptiveSets(0.9), AdaptiveSets(0.9)
    plain.update(scores, 0, 0, 0)
    light.update(scores, 0, 0, 0, np.full(150, weight))
    none.update(scores, 0, 0, 0, np.zeros(150))
    assert light.threshold == plain.threshold < np.inf
    assert none.threshold == np.inf
