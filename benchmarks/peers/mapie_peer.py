"""MAPIE's test of exchangeability. It is no detector of changes: it may be wrong once in all its life."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
from mapie.exchangeability_testing import OnlineMartingaleTest
from mapie.regression import SplitConformalRegressor
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor

__all__ = ["DETECTORS", "VERSION"]

VERSION = version("mapie")
_FAR = -1000.0


class Martingale:
    """One test, of one number an event: a model that says -1,000 makes its score the number itself, the kindest case.

    Of 10,000 rows of reference it is given the last 1,000: it compares each event with all before, one by one.
    """

    block = 100

    def __init__(self, level: float, reference: NDArray[np.float64]) -> None:
        self._level, self._reference = level, reference[-1000:]
        self._begin()

    def _begin(self) -> None:
        nothing = np.zeros((len(self._reference), 1))
        model = DummyRegressor(strategy="constant", constant=_FAR).fit(nothing, np.full(len(nothing), _FAR))
        conformal = SplitConformalRegressor(model, prefit=True).conformalize(nothing, self._reference[:, 0])
        self._test = OnlineMartingaleTest(conformal, "regression", test_level=self._level, warn=False, random_state=0)
        self._test.update(nothing, self._reference[:, 0])

    def take(self, rows: NDArray[np.float64]) -> list[int]:
        """Learn some events; where in them the martingale passed its threshold, after which it begins anew."""
        before = len(self._test.martingale_value_history)
        self._test.update(np.zeros((len(rows), 1)), rows[:, 0])
        fresh = np.array(self._test.martingale_value_history[before:])
        over = np.flatnonzero(fresh >= self._test.reject_threshold)
        if not len(over):
            return []
        self._begin()
        return [int(over[0])]


DETECTORS = {"martingale": Martingale}
"""Each from its setting and the reference of a run, (rows, features)."""
