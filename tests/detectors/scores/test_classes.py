from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.scores import ClassScore, aps, lac, raps
from detectors.sets import MAPIE_EPSILON, conformal_quantile
from detectors.types import BoolArray, FloatArray, IntArray

from .oracles import alike, classifier, distinct, tied, true_of

ALPHA = 0.1
_SEED = 3


def _mapie(name: str, last: bool | str, p: FloatArray, true: IntArray, new: FloatArray) -> tuple[BoolArray | None, Any]:
    """MAPIE's sets of `new`, and the fitted conformity score; no sets where it finds n too small."""
    from mapie.classification import SplitConformalClassifier

    oracle = SplitConformalClassifier(
        classifier(p.shape[1]), confidence_level=1 - ALPHA, conformity_score=name, prefit=True, random_state=_SEED
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle.conformalize(p, true)
        more = {} if name == "lac" else {"conformity_score_params": {"include_last_label": last}}
        try:
            return oracle.predict_set(new, **more)[1][:, :, 0], oracle
        except ValueError as error:
            assert "too low" in str(error)  # noqa: PT017  # what is known of it is asserted, everything else goes on
            return None, oracle


def _draws(n: int) -> FloatArray:
    return np.random.RandomState(_SEED).uniform(size=n)


def _threshold(scores: FloatArray) -> float:
    return conformal_quantile(scores, np.ones(len(scores)), ALPHA)


@pytest.mark.parametrize("make", [distinct, alike])
@pytest.mark.parametrize("name", ["lac", "aps"])
def test_sets_equal_mapies_for_every_n(name: str, make: Any) -> None:
    """For n = 1..200, ties included, LAC's and APS's sets are MAPIE's; below 9 events they have all classes.

    MAPIE gives up below 10 = 1 / alpha, and below 5 for want of classes; with 9 the greatest score is the quantile.
    """
    score = ClassScore("lac" if name == "lac" else "aps")
    new = make(1, 60)
    for n in range(1, 201):
        p, true = make(n, n), true_of(n, n)
        scores = score.scores(p, true, _draws(n))
        threshold = _threshold(scores)
        ours = score.sets(new, threshold, np.zeros(60))
        if n < 9:
            assert ours.all()
            continue
        expected, _ = _mapie(name, True, p, true, new)
        if expected is None:
            assert (n, threshold) == (9, scores.max())
            continue
        assert np.array_equal(ours, expected)


def test_equal_probabilities_are_in_the_set_together_as_mapies_are() -> None:
    """At MAPIE's own threshold the sets agree where classes are tied; the scores there hang on how a machine sorts."""
    new = tied(1, 200)
    for n in range(10, 201, 5):
        expected, oracle = _mapie("aps", True, tied(n, n), true_of(n, n), new)
        assert expected is not None
        threshold = float(oracle._mapie_classifier.conformity_score_function_.quantiles_[0])
        assert np.array_equal(ClassScore("aps").sets(new, threshold, np.zeros(200)), expected)


def test_randomised_sets_equal_mapies_for_every_n() -> None:
    """With MAPIE's own draws, APS's randomised sets are MAPIE's for n = 10..200."""
    score, new = ClassScore("aps", randomised=True), distinct(2, 60)
    for n in range(10, 201):
        p, true = distinct(n, n), true_of(n, n)
        threshold = _threshold(aps(p, true, _draws(n)))
        expected, _ = _mapie("aps", "randomized", p, true, new)
        assert expected is not None
        assert np.array_equal(score.sets(new, threshold, _draws(60)), expected)


def test_raps_equals_mapies_for_every_n() -> None:
    """RAPS finds MAPIE's size, scores and sets, for 90 to 200 events beside those that its size is chosen on."""
    from mapie.conformity_scores import RAPSConformityScore

    new = distinct(4, 60)
    for n in range(100, 223):
        p, true = distinct(n, n), true_of(n, n)
        expected, oracle = _mapie("raps", True, p, true, new)
        inner: RAPSConformityScore = oracle._mapie_classifier.conformity_score_function_
        assert expected is not None
        held, held_true = inner.y_pred_proba_raps, inner.y_raps
        size, penalty = float(inner.k_star[0]), float(inner.lambda_star)
        tuned = ClassScore.tuned(held, held_true, ALPHA)
        assert tuned.size == pytest.approx(size)
        left = np.array([not (held == row).all(axis=1).any() for row in p])
        rest, labels = p[left], true[left]
        order = np.lexsort(rest.T)
        scores = raps(rest, labels, np.zeros(len(rest)), penalty, size)
        plain, cutoff = inner.get_true_label_cumsum_proba(labels, rest, np.arange(5))
        regularised = inner._regularize_conformity_score(inner.k_star, penalty, plain, cutoff)[:, 0, 0]
        assert np.allclose(scores[order], regularised[order], rtol=0, atol=1e-12)
        ours = ClassScore("raps", penalty=penalty, size=size)
        assert np.array_equal(ours.sets(new, float(inner.quantiles_[0]), np.zeros(60)), expected)


@pytest.mark.parametrize("make", [distinct, alike])
def test_scores_equal_mapies(make: Any) -> None:
    """Scores of the truth are those of MAPIE's classes, with its own draws, for n = 1..200."""
    from mapie.conformity_scores import APSConformityScore, LACConformityScore

    for n in range(1, 201):
        p, true = make(n, n), true_of(n, n)
        theirs = APSConformityScore()
        theirs.set_external_attributes(classes=np.arange(5), random_state=_SEED)
        expected = theirs.get_conformity_scores(true, p.copy(), y_enc=true)[:, 0]
        assert np.allclose(aps(p, true, _draws(n)), expected, rtol=0, atol=1e-12)
        assert np.array_equal(lac(p, true), LACConformityScore().get_conformity_scores(true, p, y_enc=true)[:, 0])


def test_a_truth_outside_the_classes_is_infinitely_nonconforming() -> None:
    """A label that the model has never heard of can be in no set but the infinite one."""
    p, true, draws = distinct(0, 2), np.array([-1, 1]), np.zeros(2)
    for name in ("lac", "aps", "raps"):
        scores = ClassScore(name, penalty=0.1, size=1.0).scores(p, true, draws)
        assert scores[0] == np.inf
        assert np.isfinite(scores[1])


@given(st.integers(0, 2**32 - 1), st.floats(-0.2, 2.5), st.sampled_from([0.0, 0.05, 0.5]))
def test_a_randomised_set_has_the_labels_whose_score_passes(seed: int, threshold: float, penalty: float) -> None:
    """Whatever the threshold, a label is in the set exactly if its score is at most that; the plain set has more."""
    r = np.random.default_rng(seed)
    p, draws = r.dirichlet(np.ones(4), 20), r.random(20)
    score = ClassScore("raps", randomised=True, penalty=penalty, size=1.0)
    each = np.stack([score.scores(p, np.full(20, k), draws) for k in range(4)], axis=1)
    sets = score.sets(p, threshold, draws)
    assert np.array_equal(sets, each - threshold <= MAPIE_EPSILON)
    plain = ClassScore("raps", penalty=penalty, size=1.0).sets(p, threshold, draws)
    assert plain[np.arange(20), p.argmax(axis=1)].all()
    assert (plain | ~sets).all()


def test_thresholds_of_their_own() -> None:
    """One threshold for each event gives what each gives alone."""
    p, bars = distinct(5, 30), np.random.default_rng(5).random(30)
    for name in ("lac", "aps"):
        score = ClassScore("lac" if name == "lac" else "aps")
        together = score.sets(p, bars[:, None], np.zeros(30))
        alone = [score.sets(p[i : i + 1], float(bars[i]), np.zeros(1))[0] for i in range(30)]
        assert np.array_equal(together, np.array(alone))


@pytest.mark.parametrize("name", ["lac", "aps", "raps"])
def test_sets_cover_as_promised(name: str) -> None:
    """Calibrated on 500, sets of 20,000 new events cover .90: within 4 standard deviations of the beta law's .0134."""
    r = np.random.default_rng(11)
    p = r.dirichlet(np.full(6, 0.5), 20_500)
    true = (p.cumsum(axis=1) < r.random((20_500, 1))).sum(axis=1).clip(0, 5)
    draws = r.random(20_500)
    score = ClassScore(name, randomised=True, penalty=0.01, size=2.0)  # type: ignore[arg-type]  # a literal
    threshold = _threshold(score.scores(p[:500], true[:500], draws[:500]))
    covered = score.sets(p[500:], threshold, draws[500:])[np.arange(20_000), true[500:]].mean()
    assert abs(covered - 0.9) <= 4 * 0.0134 + 0.004
