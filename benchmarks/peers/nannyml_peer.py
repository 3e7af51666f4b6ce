"""NannyML's drift of single features, chunk by chunk."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import nannyml
import numpy as np
import pandas as pd
from nannyml.thresholds import StandardDeviationThreshold
from numpy.typing import NDArray

__all__ = ["DETECTORS", "VERSION"]

VERSION = version("nannyml")
_CHUNK = 100


class Chunks:
    """Kolmogorov-Smirnov (or Jensen-Shannon, for few values) of each chunk of 100 events against the reference.

    The threshold is so many standard deviations above the mean of the reference's own chunks; the default is 3.
    """

    block = 1000

    def __init__(self, deviations: float, reference: NDArray[np.float64]) -> None:
        few = len(np.unique(reference[:, 0])) <= 20
        method = "jensen_shannon" if few else "kolmogorov_smirnov"
        self._names = [f"f{i}" for i in range(reference.shape[1])]
        self._calculator = nannyml.UnivariateDriftCalculator(
            column_names=self._names,
            treat_as_categorical=self._names if few else None,
            continuous_methods=[method],
            categorical_methods=["jensen_shannon"],
            chunk_size=_CHUNK,
            thresholds={method: StandardDeviationThreshold(std_lower_multiplier=None, std_upper_multiplier=deviations)},
        )
        self._calculator.fit(self._frame(reference))
        self._method = method

    def _frame(self, rows: NDArray[Any]) -> pd.DataFrame:
        return pd.DataFrame(rows, columns=self._names)

    def take(self, rows: NDArray[np.float64]) -> list[int]:
        """Learn some chunks; the last event of each that has an alert."""
        found = self._calculator.calculate(self._frame(rows)).filter(period="analysis").to_df()
        alerts = np.array([found[name, self._method, "alert"].to_numpy(dtype=bool) for name in self._names])
        return [int((chunk + 1) * _CHUNK - 1) for chunk in np.flatnonzero(alerts.any(axis=0))]


DETECTORS = {"chunks": Chunks}
"""Each from its setting and the reference of a run, (rows, features)."""
