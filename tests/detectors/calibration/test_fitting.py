from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from detectors.calibration import Temperature, Vector, VennAbers, map_of
from detectors.calibration.fitting import choose, fit_map, fit_tokens, log_loss
from detectors.calibration.torch_fitting import torch_optimum
from detectors.errors import UnfitReference
from detectors.types import FloatArray, IntArray
from tests.tools import require_torch


def _drawn(seed: int, n: int, classes: int = 4, power: float = 1.0) -> tuple[FloatArray, IntArray]:
    """Probabilities raised to a power, and the truth drawn from what they were before."""
    r = np.random.default_rng(seed)
    honest = r.dirichlet(np.full(classes, 0.7), n)
    true = (honest.cumsum(axis=1) < r.random((n, 1))).sum(axis=1).clip(0, classes - 1)
    stated = np.maximum(honest, 1e-9) ** power
    return stated / stated.sum(axis=1, keepdims=True), true


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
def test_the_temperature_undoes_a_power(power: float) -> None:
    """Probabilities raised to a power and made to sum to one have that power as their temperature, within 10 %."""
    found = fit_map("temperature", *_drawn(1, 5000, power=power))
    assert isinstance(found, Temperature)
    assert found.temperature == pytest.approx(power, rel=0.1)


def test_vector_scaling_undoes_a_shift_of_the_classes() -> None:
    """What was multiplied by a factor a class, and made to sum to one, is divided by it again."""
    p, true = _drawn(2, 20_000)
    factors = np.array([0.3, 1.0, 2.0, 1.0])
    stated = p * factors / (p * factors).sum(axis=1, keepdims=True)
    found = fit_map("vector", stated, true)
    assert isinstance(found, Vector)
    apart = np.abs(found.apply(stated) - p)
    assert apart.mean() < 0.01
    assert log_loss(found.apply(stated), true).mean() < log_loss(stated, true).mean()


@pytest.mark.torch
@pytest.mark.parametrize("name", ["temperature", "vector"])
def test_the_optimum_is_that_of_torch(name: Any) -> None:
    """torch's L-BFGS, in the same precision, finds the same optimum to six digits."""
    require_torch()
    p, true = _drawn(3, 3000, power=1.7)
    ours, theirs = fit_map(name, p, true), fit_map(name, p, true, "torch")
    assert ours is not None
    assert theirs is not None
    for key, array in ours.state().items():
        assert np.allclose(array, theirs.state()[key], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["temperature", "vector"])
def test_the_optimum_has_no_slope(name: Any) -> None:
    """Moving any parameter by a thousandth either way raises the loss that is minimised: no torch is needed to see."""
    p, true = _drawn(3, 3000, power=1.7)
    found = fit_map(name, p, true)
    assert found is not None
    if isinstance(found, Temperature):
        at, start = np.array([1 / found.temperature]), np.ones(1)
    else:
        assert isinstance(found, Vector)
        at, start = np.append(found.scale, found.shift), np.append(np.ones(4), np.zeros(4))

    def loss(x: FloatArray) -> float:
        logits = np.log(p) * (x[0] if len(x) == 1 else x[:4]) + (0 if len(x) == 1 else x[4:])
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-logs[np.arange(len(true)), true].mean() + 1e-4 * ((x - start) ** 2).sum())

    for i in range(len(at)):
        for step in (-1e-3, 1e-3):
            moved = at.copy()
            moved[i] += step
            assert loss(moved) > loss(at)


def test_without_torch_it_is_said_what_to_do() -> None:
    """Asked for torch where it is not installed, the message names the extra and the key."""
    if find_spec("torch") is None:
        with pytest.raises(UnfitReference, match=r"holdback\[torch\]"):
            torch_optimum(np.zeros((1, 2)), np.zeros(1, np.int64), np.ones(1), 0.0)


def test_a_model_that_was_never_wrong_is_not_made_sure_without_end() -> None:
    """The temperature stays above a twentieth, the vector finite."""
    p, _ = _drawn(4, 300)
    assert fit_map("temperature", p, p.argmax(axis=1)).temperature >= 0.05  # type: ignore[union-attr]
    assert np.isfinite(fit_map("vector", p, p.argmax(axis=1)).scale).all()  # type: ignore[union-attr]


@pytest.mark.parametrize("n", [20, 21, 57, 200])
def test_venn_abers_is_mapies_for_two_classes(n: int) -> None:
    """The table gives what MAPIE's calibrator gives, at the points of the fit and between them."""
    from mapie.calibration import VennAbersCalibrator
    from sklearn.base import BaseEstimator, ClassifierMixin

    p, true = _drawn(n, n, classes=2, power=1.5)
    p = np.round(p, 2) if n == 57 else p  # with ties
    p[:, 0] = 1 - p[:, 1]
    new = np.concatenate([_drawn(1, 500, classes=2)[0], p, [[0.0, 1.0], [1.0, 0.0]]])
    new[:, 0] = 1 - new[:, 1]
    told = {
        "classes_": np.array([0, 1]),
        "n_features_in_": 2,
        "predict_proba": lambda _, x: x,
        "predict": lambda _, x: x.argmax(axis=1),
        "__sklearn_is_fitted__": lambda _: True,
    }
    oracle = VennAbersCalibrator(type("Said", (ClassifierMixin, BaseEstimator), told)(), cv="prefit")
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore")
        oracle.fit(p, true)
        expected = oracle.predict_proba(new)[:, 1]
    found = fit_map("venn-abers", p, true)
    assert isinstance(found, VennAbers)
    up = found.values[2 * found.starts[1] + 1 + _index(found, 1, new[:, 1])]
    assert np.allclose(up, expected, rtol=0, atol=1e-12)
    assert np.allclose(found.apply(new).sum(axis=1), 1)


def _index(found: VennAbers, k: int, column: FloatArray) -> IntArray:
    points = found.points[found.starts[k] : found.starts[k + 1]]
    return np.asarray(np.searchsorted(points, column, "left") + np.searchsorted(points, column, "right"))


@pytest.mark.parametrize("name", ["temperature", "vector", "venn-abers"])
def test_a_map_survives_its_state_and_leaves_nan_alone(name: Any) -> None:
    """Read back it gives the same bits; a row without probabilities stays one."""
    p, true = _drawn(5, 400, power=2.0)
    found = fit_map(name, p, true)
    assert found is not None
    again = map_of(name, found.state())
    assert again is not None
    p[3] = np.nan
    result = found.apply(p)
    assert np.array_equal(result, again.apply(p), equal_nan=True)
    assert np.isnan(result[3]).all()
    assert np.allclose(np.delete(result.sum(axis=1), 3), 1)
    alone = [found.apply(p[i : i + 1])[0] for i in range(20)]
    assert np.allclose(result[:20], alone, rtol=0, atol=1e-15, equal_nan=True)


def test_auto_leaves_an_honest_model_alone_and_mends_another() -> None:
    """What is calibrated already gets no map; what is overconfident gets one that pays on other events."""
    assert choose(*_drawn(6, 2000)) is None
    p, true = _drawn(7, 2000, power=2.5)
    found = choose(p, true)
    assert found is not None
    other, truth = _drawn(8, 5000, power=2.5)
    assert log_loss(found.apply(other), truth).mean() < log_loss(other, truth).mean() - 0.05


def test_too_few_labels_are_refused() -> None:
    """Twenty are needed, and the message says how many there were."""
    p, true = _drawn(9, 30)
    true[11:] = -1
    with pytest.raises(UnfitReference, match="has 11"):
        fit_map("temperature", p, true)
    with pytest.raises(UnfitReference, match="has 0"):
        fit_tokens(np.full((5, 4), np.nan), np.zeros(5))


def test_tokens_find_what_tells_right_from_wrong() -> None:
    """Where log-probability and length decide how likely an answer is right, it gets that probability, within .05."""
    r = np.random.default_rng(10)
    tokens = r.normal(size=(6000, 4)) * [0.5, 1.0, 2.0, 1.0] + [-1.0, -3.0, 1.0, 4.0]
    rate = 1 / (1 + np.exp(-(1 + 3 * (tokens[:, 0] + 1) - 0.5 * (tokens[:, 3] - 4))))
    wrong = (r.random(6000) > rate).astype(float)
    tokens[::7, 1] = np.nan
    found = fit_tokens(tokens[:4000], wrong[:4000])
    assert np.abs(found.confidence(tokens[4000:]) - rate[4000:]).mean() < 0.05
