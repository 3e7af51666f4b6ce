"""river's drift detectors."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from river import drift
from river.drift import binary

from benchmarks.peers.each import Each, Step

__all__ = ["DETECTORS", "VERSION"]

VERSION = version("river")
_drift: Any = drift
_binary: Any = binary


def _step(detector: Any) -> Step:
    def step(x: float) -> bool:
        detector.update(x)
        return bool(detector.drift_detected)

    return step


DETECTORS = {
    "ADWIN": lambda delta, reference: Each(lambda: _step(_drift.ADWIN(delta=delta)), reference),
    "Page-Hinkley": lambda setting, reference: Each(
        lambda: _step(_drift.PageHinkley(delta=setting[0], threshold=setting[1])), reference
    ),
    "KSWIN": lambda alpha, reference: Each(lambda: _step(_drift.KSWIN(alpha=alpha, seed=0)), reference),
    "DDM": lambda threshold, reference: Each(lambda: _step(_binary.DDM(drift_threshold=threshold)), reference),
    "HDDM-A": lambda confidence, reference: Each(lambda: _step(_binary.HDDMA(drift_confidence=confidence)), reference),
}
"""Each from its setting and the reference of a run, (rows, features)."""
