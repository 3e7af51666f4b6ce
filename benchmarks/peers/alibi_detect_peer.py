"""alibi-detect's online detectors."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
from alibi_detect.cd import CVMDriftOnline, FETDriftOnline, MMDDriftOnline
from numpy.typing import NDArray

__all__ = ["DETECTORS", "VERSION"]

VERSION = version("alibi-detect")
_WINDOWS = [20, 40, 80]
_FEW_WINDOWS = [20, 40]
_ROWS, _FEW_ROWS = 500, 200
_made: dict[tuple[Any, ...], Any] = {}


class Online:
    """One of them; every number of all features is given to it event by event, and it is reset after an alarm.

    The reference is 500 rows, 200 for several features: simulating thresholds takes minutes else. Where that does not
    look at the data it is done once.
    """

    block = 100

    def __init__(self, detector: Any) -> None:
        self._detector = detector
        detector.reset_state()

    def take(self, rows: NDArray[np.float64]) -> list[int]:
        """Learn some events; where in them it alarmed."""
        found = []
        for at, row in enumerate(rows):
            if self._detector.predict(row, return_test_stat=False)["data"]["is_drift"]:
                found.append(at)
                self._detector.reset_state()
        return found


def _cvm(ert: float, reference: NDArray[np.float64]) -> Online:
    features = reference.shape[1]
    rows, windows = (_ROWS, _WINDOWS) if features == 1 else (_FEW_ROWS, _FEW_WINDOWS)
    reference, key = reference[-rows:], ("cvm", ert, features)
    if key not in _made:
        _made[key] = CVMDriftOnline(reference, ert, windows, n_bootstraps=int(5 * ert * features), verbose=False)
    _made[key].x_ref = reference
    _made[key]._configure_ref()  # noqa: SLF001
    return Online(_made[key])


def _fet(ert: float, reference: NDArray[np.float64]) -> Online:
    reference = reference[-_ROWS:].astype(int)
    key = ("fet", ert, reference.tobytes())
    if key not in _made:
        _made[key] = FETDriftOnline(reference, ert, _WINDOWS, n_bootstraps=int(5 * ert), verbose=False)
    return Online(_made[key])


def _mmd(ert: float, reference: NDArray[np.float64]) -> Online:
    key = ("mmd", ert, reference.shape[1])
    if key not in _made:  # one reference for all runs: its thresholds are bootstrapped from it
        rows = reference[-_FEW_ROWS:].astype(np.float32)
        _made[key] = MMDDriftOnline(rows, ert, 20, n_bootstraps=int(5 * ert), verbose=False)
    return Online(_made[key])


DETECTORS = {"CVM": _cvm, "FET": _fet, "MMD": _mmd}
"""Each from its setting and the reference of a run, (rows, features)."""
