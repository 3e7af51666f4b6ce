"""frouros's detectors of changes in a stream."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from frouros.detectors.concept_drift import ADWIN, DDM, ADWINConfig, DDMConfig, PageHinkley, PageHinkleyConfig

from benchmarks.peers.each import Each, Step

__all__ = ["DETECTORS", "VERSION"]

VERSION = version("frouros")


_RAISED = 100.0


def _step(detector: Any, raised: float = 0.0) -> Step:
    def step(x: float) -> bool:
        detector.update(value=x + raised)
        if not detector.drift:
            return False
        detector.reset()
        return True

    return step


DETECTORS = {
    "ADWIN": lambda delta, reference: Each(lambda: _step(ADWIN(ADWINConfig(delta=delta)), _RAISED), reference),
    "Page-Hinkley": lambda level, reference: Each(
        lambda: _step(PageHinkley(PageHinkleyConfig(lambda_=level))), reference
    ),
    "DDM": lambda level, reference: Each(lambda: _step(DDM(DDMConfig(drift_level=level))), reference),
}
"""Each from its setting and the reference of a run. ADWIN refuses a sum below zero, so it is given x + 100."""
