"""Fits the maps: scaling by L-BFGS, of scipy or of torch, and Venn-Abers by MAPIE."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np

from detectors.errors import UnfitReference
from detectors.scores.confidence import softmax
from detectors.types import FloatArray, IntArray

from .maps import Map, Temperature, Tokens, Vector, VennAbers, log_of

__all__ = ["CALIBRATIONS", "Calibration", "Optimiser", "choose", "fit_map", "fit_tokens", "log_loss"]

Calibration = Literal["none", "temperature", "vector", "venn-abers", "auto"]
Optimiser = Literal["scipy", "torch"]
CALIBRATIONS: tuple[Calibration, ...] = ("none", "temperature", "vector", "venn-abers", "auto")
_RIDGE = 1e-4
"""Pull towards leaving all as it is: decides where nothing was wrong, and every scale would do."""
_MOST_ABERS = 2_000
_MOST_SCALED = 50_000
_LEAST = 20
_Loss = Callable[[FloatArray], tuple[float, FloatArray]]


def fit_map(
    name: Calibration, probabilities: FloatArray, true: IntArray, optimiser: Optimiser = "scipy", seed: int = 0
) -> Map | None:
    """Fit a map on labelled events; None for `none`, or where `auto` finds none that helps.

    Parameters
    ----------
    probabilities
        (events, classes).
    true
        (events,) index of the true class; events without one (-1) are left out.

    Raises
    ------
    UnfitReference
        Fewer than 20 labelled events; or `torch` is asked for and is not there.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> honest = rng.dirichlet(np.ones(3), 4000)
    >>> true = (honest.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    >>> boastful = honest**2 / (honest**2).sum(axis=1, keepdims=True)
    >>> found = fit_map("temperature", boastful, true)
    >>> round(found.temperature, 1)
    2.0
    """
    known = true >= 0
    if name == "none":
        return None
    if int(known.sum()) < _LEAST:
        raise UnfitReference(
            f"calibration needs at least {_LEAST} events with an outcome and probabilities, and has {int(known.sum())}"
        )
    p, labels = _some(probabilities[known], true[known], _MOST_SCALED, seed)
    if name == "auto":
        return choose(p, labels, optimiser, seed)
    if name == "venn-abers":
        return _venn_abers(*_some(p, labels, _MOST_ABERS, seed))
    return _scaling(name, log_of(p), labels, optimiser)


def choose(probabilities: FloatArray, true: IntArray, optimiser: Optimiser = "scipy", seed: int = 0) -> Map | None:
    """Fit the map with the least log-loss on events that it was not fitted on; None unless it gains a standard error.

    Each half is judged by what was fitted on the other.
    """
    n = len(true)
    first = np.zeros(n, dtype=np.bool_)
    first[np.random.default_rng(seed).permutation(n)[: n // 2]] = True
    if min(first.sum(), (~first).sum()) < _LEAST:
        return None
    plain = log_loss(probabilities, true)
    best: tuple[float, Calibration] = (0.0, "none")
    for name in ("temperature", "vector", "venn-abers"):
        losses = np.empty(n)
        for half in (first, ~first):
            found = fit_map(name, probabilities[half], true[half], optimiser, seed)
            losses[~half] = log_loss(
                probabilities[~half] if found is None else found.apply(probabilities[~half]), true[~half]
            )
        gain = plain - losses
        if gain.mean() > max(best[0], gain.std() / np.sqrt(n)):
            best = float(gain.mean()), name
    return fit_map(best[1], probabilities, true, optimiser, seed)


def log_loss(probabilities: FloatArray, true: IntArray) -> FloatArray:
    """Minus the logarithm of the true class's probability, (events,) in nats."""
    return -np.take_along_axis(log_of(probabilities), true[:, None], axis=1)[:, 0]


def fit_tokens(tokens: FloatArray, wrong: FloatArray) -> Tokens:
    """Fit a logistic on what is known of a language model's answers.

    Parameters
    ----------
    tokens
        (events, 4), in the order of `TOKENS`; NaN where missing.
    wrong
        (events,): 1 wrong, 0 right, NaN unknown.

    Raises
    ------
    UnfitReference
        Fewer than 20 events have log-probabilities and an outcome.
    """
    known = ~np.isnan(wrong) & ~np.isnan(tokens[:, 0])
    if int(known.sum()) < _LEAST:
        raise UnfitReference(
            f"confidence from token log-probabilities needs at least {_LEAST} events with these and an outcome, "
            f"and has {int(known.sum())}"
        )
    x, right = tokens[known], 1 - wrong[known]
    there = ~np.isnan(x)
    seen = np.maximum(there.sum(axis=0), 1)
    centre = np.where(there, x, 0).sum(axis=0) / seen
    spread = np.sqrt((np.where(there, x - centre, 0) ** 2).sum(axis=0) / seen)
    scale = np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(x)), np.nan_to_num((x - centre) / scale)])

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        logit = design @ weights
        rate = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
        value = float(np.mean(np.logaddexp(0, logit) - right * logit))
        pull = _RIDGE * weights * np.append(0.0, np.ones(x.shape[1]))
        return value + float(pull @ weights) / 2, design.T @ (rate - right) / len(x) + pull

    return Tokens(centre, scale, _least(loss, np.zeros(design.shape[1])))


def _some(p: FloatArray, true: IntArray, most: int, seed: int) -> tuple[FloatArray, IntArray]:
    if len(true) <= most:
        return p, true
    chosen = np.sort(np.random.default_rng(seed).permutation(len(true))[:most])
    return p[chosen], true[chosen]


def _scaling(name: str, logs: FloatArray, true: IntArray, optimiser: Optimiser) -> Map:
    """Least mean log-loss plus a small pull towards scale 1 and shift 0; both are convex, so there is one optimum."""
    classes = logs.shape[1]
    if name == "temperature":
        (scale,) = _optimum(logs, true, np.ones(1), optimiser)
        # a model that was never wrong would be made surer without end
        return Temperature(float(1 / min(max(scale, 0.05), 20.0)))
    found = _optimum(logs, true, np.append(np.ones(classes), np.zeros(classes)), optimiser)
    return Vector(found[:classes], found[classes:])


def _optimum(logs: FloatArray, true: IntArray, start: FloatArray, optimiser: Optimiser) -> FloatArray:
    if optimiser == "torch":
        from .torch_fitting import torch_optimum

        return torch_optimum(logs, true, start, _RIDGE)
    n, classes = logs.shape
    hit = np.zeros((n, classes))
    hit[np.arange(n), true] = 1.0

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        one = len(at) == 1
        logits = logs * at[0] if one else logs * at[:classes] + at[classes:]
        p = softmax(logits)
        residual = (p - hit) / n
        top = logits.max(axis=1, keepdims=True)
        value = float(np.mean(top[:, 0] + np.log(np.exp(logits - top).sum(axis=1)) - logits[np.arange(n), true]))
        by_class = (residual * logs).sum(axis=0)
        gradient = by_class.sum(keepdims=True) if one else np.append(by_class, residual.sum(axis=0))
        apart = at - start
        return value + _RIDGE * float(apart @ apart), gradient + 2 * _RIDGE * apart

    return _least(loss, start)


def _least(loss: _Loss, start: FloatArray) -> FloatArray:
    from scipy.optimize import minimize

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9})
    return np.asarray(found.x, dtype=np.float64)


def _venn_abers(p: FloatArray, true: IntArray) -> VennAbers:
    points, values = zip(*(_predictor(p[:, k], true == k) for k in range(p.shape[1])), strict=True)
    starts = np.cumsum([0, *map(len, points)])
    return VennAbers(np.concatenate(points), np.concatenate(values), starts.astype(np.int64))


def _predictor(column: FloatArray, hit: IntArray) -> tuple[FloatArray, FloatArray]:
    """Points of one class's predictor and its values, asked of MAPIE at each point and between them."""
    points = np.unique(column)
    if hit.all() or not hit.any():
        # nothing can be learnt from one kind of label; Laplace's rule
        return points, np.full(2 * len(points) + 1, (hit.sum() + 1) / (len(hit) + 2))
    from mapie.calibration import VennAbersCalibrator
    from sklearn.base import BaseEstimator, ClassifierMixin

    oracle = VennAbersCalibrator(_said(ClassifierMixin, BaseEstimator), cv="prefit", inductive=True)
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a slope over no width, which it then passes over
        oracle.fit(np.column_stack([1 - column, column]), hit.astype(np.int64))
    asked = np.empty(2 * len(points) + 1)
    asked[1::2] = points
    asked[2:-1:2] = (points[:-1] + points[1:]) / 2
    asked[0], asked[-1] = np.nextafter(points[0], -1), np.nextafter(points[-1], 2)
    return points, np.asarray(oracle.predict_proba(np.column_stack([1 - asked, asked]))[:, 1], dtype=np.float64)


def _said(*bases: type) -> object:
    """A fitted classifier of two classes whose probabilities are its input."""

    def predict_proba(_: object, x: FloatArray) -> FloatArray:
        return x

    def predict(_: object, x: FloatArray) -> IntArray:
        return np.asarray(x.argmax(axis=1), dtype=np.int64)

    told = {"classes_": np.array([0, 1]), "n_features_in_": 2, "predict_proba": predict_proba, "predict": predict}
    return type("Said", bases, told | {"__sklearn_is_fitted__": lambda _: True})()
