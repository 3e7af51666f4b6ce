"""NannyML's drift of single features, and its estimate of accuracy without labels, chunk by chunk."""

from __future__ import annotations

from functools import partial
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


class Estimated:
    """CBPE of each chunk of so many events: accuracy as calibrated confidences tell it; an alert where it is too low.

    The threshold is so many standard deviations below the mean of what the reference's own chunks had; default is 3.
    Columns are the probability of class 1 and the truth, which is looked at in the reference alone.
    """

    block = 5000

    def __init__(self, chunk: int, deviations: float, reference: NDArray[np.float64]) -> None:
        self._chunk = chunk
        below = StandardDeviationThreshold(std_lower_multiplier=deviations, std_upper_multiplier=None)
        self._estimator = nannyml.CBPE(
            metrics=["accuracy"],
            y_pred_proba="stated",
            y_pred="label",
            y_true="truth",
            problem_type="classification_binary",
            chunk_size=chunk,
            thresholds={"accuracy": below},
        )
        self._estimator.fit(self._frame(reference).assign(truth=reference[:, 1].astype(int)))

    def _frame(self, rows: NDArray[Any]) -> pd.DataFrame:
        return pd.DataFrame({"stated": rows[:, 0], "label": (rows[:, 0] > 0.5).astype(int)})

    def take(self, rows: NDArray[np.float64]) -> list[int]:
        """Estimate some chunks; the last event of each that has an alert."""
        found = self._estimator.estimate(self._frame(rows)).filter(period="analysis").to_df()
        alerts = found["accuracy", "alert"].to_numpy(dtype=bool)
        ends = np.minimum((np.flatnonzero(alerts) + 1) * self._chunk, len(rows)) - 1
        return [int(each) for each in ends]


DETECTORS = {
    "chunks": Chunks,
    "CBPE, chunks of 100": partial(Estimated, 100),
    "CBPE, chunks of 500": partial(Estimated, 500),
}
"""Each from its setting and the reference of a run, (rows, features)."""
