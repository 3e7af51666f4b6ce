"""What a score costs beside MAPIE's, and what calibration does to probabilities on scikit-learn's digits.

python -m benchmarks.bench_scores
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from mapie.classification import SplitConformalClassifier
from mapie.conformity_scores import (
    AbsoluteConformityScore,
    APSConformityScore,
    LACConformityScore,
    ResidualNormalisedScore,
)
from mapie.regression import ConformalizedQuantileRegressor, SplitConformalRegressor
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier

from benchmarks.tables import SHORT, best, cpu_time, finish, machine, publish, table
from detectors.calibration.fitting import fit_map
from detectors.calibration.reliability import reliability, risk_coverage
from detectors.scores import (
    ClassScore,
    Stated,
    ValueScore,
    energy,
    entropy,
    margin,
    max_logit,
    mutual_information,
    predicted,
)
from detectors.types import FloatArray, IntArray

__all__ = ["main"]

BATCH, CLASSES, WINDOW, MEMBERS = 100, 10, 200, 10
REPEATS = 20 if SHORT else 200
SEEDS = 2 if SHORT else 20
MAX_ERROR = 0.02
_Maps = Literal["none", "temperature", "vector", "venn-abers", "auto"]
MAPS: tuple[_Maps, ...] = ("none", "temperature", "vector", "venn-abers", "auto")


class _Said:
    """A fitted estimator whose predictions are in its input."""

    def __init__(self, classes: int = 1, column: int = 0) -> None:
        self.classes, self.column = classes, column
        self.classes_ = np.arange(classes)
        self.n_features_in_ = max(classes, column + 1)
        self.is_fitted_ = True

    def fit(self, *_: object) -> _Said:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, x: FloatArray) -> FloatArray:
        return x

    def predict(self, x: FloatArray) -> Any:
        return np.argmax(x, axis=1) if self.classes > 1 else x[:, self.column]


def said(kind: str, *of: int) -> Any:
    """A classifier or a regressor of that kind."""
    mixin: type = ClassifierMixin if kind == "classifier" else RegressorMixin
    return type("Said", (_Said, mixin, BaseEstimator), {})(*of)


def timed(work: Callable[[], object]) -> float:
    """µs an event of a batch."""
    work()
    return best(cpu_time(work) for _ in range(REPEATS)) / BATCH * 1e6


def of_classes(name: str, rng: np.random.Generator) -> tuple[float, float]:
    """A batch's truths scored and its sets served: ours, and MAPIE's on the same threshold."""
    p, true = rng.dirichlet(np.ones(CLASSES), BATCH), rng.integers(0, CLASSES, BATCH)
    draws = rng.random(BATCH)
    ours = ClassScore({"aps": "aps", "raps": "raps"}.get(name, "lac"), penalty=0.01, size=2.0)  # type: ignore[arg-type]  # of these
    reference, known = rng.dirichlet(np.ones(CLASSES), WINDOW), rng.integers(0, CLASSES, WINDOW)
    known[:CLASSES] = np.arange(CLASSES)
    oracle = SplitConformalClassifier(
        said("classifier", CLASSES), confidence_level=0.9, conformity_score=name, prefit=True
    ).conformalize(reference, known)
    inner = LACConformityScore() if name == "lac" else APSConformityScore()
    inner.set_external_attributes(classes=np.arange(CLASSES), random_state=1)

    def theirs() -> None:
        oracle.predict_set(p)
        inner.get_conformity_scores(true, p, y_enc=true)  # of RAPS that of APS: its own wants the held-out rows again

    return timed(lambda: (ours.scores(p, true, draws), ours.sets(p, 0.9, draws))), timed(theirs)


def of_values(name: str, rng: np.random.Generator) -> tuple[float, float]:
    """A batch's truths scored and its intervals served: ours, and MAPIE's."""

    def drawn(n: int) -> FloatArray:
        value, spread = rng.normal(size=n), rng.uniform(0.5, 2, n)
        return np.stack([value + rng.normal(size=n), value, value - spread, value + spread, spread], axis=1)

    reference, x = drawn(WINDOW), drawn(BATCH)
    stated = Stated(*x.T[1:])
    ours = ValueScore({"normalised": "normalised", "cqr": "cqr"}.get(name, "residual"))  # type: ignore[arg-type]  # of these
    if name == "cqr":
        every = [said("regressor", 1, column) for column in (2, 3, 1)]
        quantile = ConformalizedQuantileRegressor(every, confidence_level=0.9, prefit=True)
        quantile.conformalize(reference, reference[:, 0])
        return timed(lambda: (ours.scores(x[:, 0], stated), ours.intervals(stated, 1.0))), timed(
            lambda: quantile.predict_interval(x, symmetric_correction=True)
        )
    score = (
        ResidualNormalisedScore(said("regressor", 1, 4), prefit=True)
        if name == "normalised"
        else AbsoluteConformityScore()
    )
    oracle = SplitConformalRegressor(said("regressor", 1, 1), confidence_level=0.9, conformity_score=score, prefit=True)
    oracle.conformalize(reference, reference[:, 0])

    def theirs() -> None:
        oracle.predict_interval(x)
        score.get_conformity_scores(x[:, 0], x[:, 1], X=x)

    return timed(lambda: (ours.scores(x[:, 0], stated), ours.intervals(stated, 1.0))), timed(theirs)


def costs(rng: np.random.Generator) -> tuple[str, float]:
    """The table of costs, and the least ratio."""
    rows: list[tuple[str | float, ...]] = []
    ratios = []
    for name in ("lac", "aps", "raps", "residual", "normalised", "cqr"):
        ours, theirs = (of_classes if name in ("lac", "aps", "raps") else of_values)(name, rng)
        ratios.append(theirs / ours)
        rows.append((name, ours, theirs, theirs / ours))
    p, logits = rng.dirichlet(np.ones(CLASSES), BATCH), rng.normal(size=(BATCH, CLASSES))
    samples, label = rng.dirichlet(np.ones(CLASSES), (BATCH, MEMBERS)), predicted(p)
    for name, work in (
        ("margin", lambda: margin(p, label)),
        ("entropy", lambda: entropy(p)),
        ("energy", lambda: energy(logits)),
        ("max-logit", lambda: max_logit(logits)),
        (f"mutual information of {MEMBERS}", lambda: mutual_information(samples)),
    ):
        rows.append((name, timed(work), "", ""))
    return table(("µs an event, batches of 100", "ours", "MAPIE", "MAPIE / ours"), rows), min(ratios)


def models(x: FloatArray, y: IntArray, seed: int) -> dict[str, Any]:
    """Small classifiers: one that is too sure, one that is not bad, and a network."""
    return {
        "naive Bayes": GaussianNB(var_smoothing=1e-2).fit(x, y),
        "logistic regression": LogisticRegression(C=1.0, max_iter=300).fit(x, y),
        "network of 32": MLPClassifier((32,), max_iter=300, random_state=seed).fit(x, y),
    }


def digits() -> tuple[str, float]:
    """Calibration error, Brier score, area and what may pass, by map; and what temperature scaling cures."""
    x, y = load_digits(return_X_y=True)
    x = x / 16.0 + np.random.default_rng(0).normal(scale=0.25, size=x.shape)  # noise: the clean task is too easy
    found: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(len(y))
        train, fit, test = np.split(order, [600, 1000])
        for model, clf in models(x[train], y[train], seed).items():
            p, q = clf.predict_proba(x[fit]), clf.predict_proba(x[test])
            for name in MAPS:
                fitted = fit_map(name, p, y[fit])
                after = q if fitted is None else fitted.apply(q)
                label = predicted(q)  # the answer stays the model's own
                sure = after[np.arange(len(label)), label]
                wrong = (label != y[test]).astype(np.float64)
                honest = reliability(sure, wrong)
                row = (honest.error, honest.brier, risk_coverage(sure, wrong).area, surest_of(sure, wrong))
                found.setdefault((model, name), []).append(row)
    means = {key: np.mean(rows, axis=0) for key, rows in found.items()}
    lines = [
        (f"{model}, {name}", *(f"{value:.4f}" for value in mean[:3]), f"{mean[3]:.3f}")
        for (model, name), mean in means.items()
    ]
    head = ("digits with noise", "calibration error", "Brier score", "AURC", f"may pass at {MAX_ERROR:.0%}")
    cured = means["naive Bayes", "none"][0] / means["naive Bayes", "temperature"][0]
    return table(head, lines), float(cured)


def surest_of(sure: FloatArray, wrong: FloatArray) -> float:
    """The greatest share that can be answered with at most 2 % wrong."""
    curve = risk_coverage(sure, wrong)
    fine = curve.coverage[curve.risk <= MAX_ERROR]
    return float(fine.max()) if len(fine) else 0.0


def main() -> None:
    """Measure, print, publish; fail if a claim does not hold by far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text, ratio = costs(np.random.default_rng(1))
        honest, cured = digits()
    publish("scores", machine("mapie", "scikit-learn"), text, honest)
    finish(
        [
            (ratio > 2, f"a score costs {1 / ratio:.1f} times as much as MAPIE's"),
            (cured > 1.2, f"temperature scaling leaves {1 / cured:.0%} of naive Bayes's calibration error"),
        ]
    )


if __name__ == "__main__":
    main()
