"""MAPIE's conformal methods on outputs that are there already."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.types import FloatArray, IntArray

__all__ = ["alike", "classifier", "distinct", "regressor", "tied", "true_of"]


class _Fixed:
    """A fitted estimator whose predictions are a column, or all columns, of the inputs."""

    def __init__(self, classes: int = 1, column: int = 0) -> None:
        self.classes = classes
        self.column = column
        self.classes_ = np.arange(classes)
        self.n_features_in_ = max(classes, column + 1)
        self.is_fitted_ = True

    def fit(self, *_: object) -> _Fixed:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, x: FloatArray) -> FloatArray:
        return x

    def predict(self, x: FloatArray) -> NDArray[np.generic]:
        return np.argmax(x, axis=1) if len(self.classes_) > 1 else x[:, self.column]


def classifier(classes: int) -> Any:
    """A classifier whose probabilities are its input."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    return type("Fixed", (_Fixed, ClassifierMixin, BaseEstimator), {})(classes)


def regressor(column: int = 0) -> Any:
    """A regressor whose value is a column of its input."""
    from sklearn.base import BaseEstimator, RegressorMixin

    return type("Fixed", (_Fixed, RegressorMixin, BaseEstimator), {})(1, column)


def distinct(seed: int, n: int, classes: int = 5) -> FloatArray:
    """Probabilities without ties."""
    return np.random.default_rng([seed, n]).dirichlet(np.ones(classes), n)


def alike(seed: int, n: int) -> FloatArray:
    """Probabilities of five classes in thirty-seconds: ties between rows alone, and nothing that rounds."""
    r = np.random.default_rng([seed, n, 3])
    values = np.array([[1, 2, 3, 4, 22], [1, 3, 5, 8, 15], [2, 4, 6, 8, 12], [1, 2, 6, 10, 13]])[r.integers(0, 4, n)]
    return np.asarray(r.permuted(values, axis=1) / 32)


def tied(seed: int, n: int, classes: int = 5) -> FloatArray:
    """Probabilities in sixteenths: ties between rows and between classes, and nothing that rounds."""
    counts = np.random.default_rng([seed, n, 7]).multinomial(16 - classes, np.full(classes, 1 / classes), n) + 1
    return np.asarray(counts / 16)


def true_of(seed: int, n: int, classes: int = 5) -> IntArray:
    """True classes; every one of them occurs where there are enough."""
    true = np.random.default_rng([seed, n, 9]).integers(0, classes, n)
    true[: min(classes, n)] = np.arange(classes)[:n]
    return true
