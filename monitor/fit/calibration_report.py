"""What probabilities and confidence were worth on the reference, before and after calibration, as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.calibration.reliability import reliability, risk_coverage
from detectors.logistic import fit_logistic
from detectors.method import Method
from detectors.platt import OnlinePlatt, stated_probability
from detectors.profile import Fitted
from detectors.scores import of_label
from detectors.types import FloatArray
from monitor.fit.uncertainty import Settled
from monitor.honesty import curve_json, diagram_json

__all__ = ["calibration_report"]


def calibration_report(settled: Settled, fitted: Fitted, wrong: FloatArray) -> dict[str, Any]:
    """Reliability before and after the map, and risk by coverage before and after.

    `wrong`, (events,), is NaN for rows whose outcomes something was fitted on, so the map is judged on others. `stated`
    is what decisions begin with: two numbers fitted on these very ranks, too few to flatter themselves by much.
    """
    part, method = settled.part, settled.schema.method
    own = _own(settled)
    if method.confidence == "language":
        after = part.rows.confidence
    else:
        after = of_label(part.probabilities, part.said.chosen) if part.probabilities.shape[1] else own
    start = OnlinePlatt(fit_logistic(fitted.rank_counts.astype(np.float64)))
    stated = stated_probability(fitted.rank(part.rows.confidence), start.intercept, start.slope)
    return {
        **_named(method),
        "judged_on": int((~np.isnan(wrong)).sum()),
        "spent": int(settled.spent.sum()),
        "before": diagram_json(reliability(own, wrong)),
        "after": diagram_json(reliability(after, wrong)),
        "stated": diagram_json(reliability(stated, wrong)),
        "risk_coverage": {
            "before": curve_json(risk_coverage(settled.before, wrong)),
            "after": curve_json(risk_coverage(part.rows.confidence, wrong)),
        },
    }


def _named(method: Method) -> dict[str, Any]:
    return {
        "confidence": method.confidence,
        "map": "none" if method.calibration is None else method.calibration.name,
        "score": {"classes": method.classes.name, "values": method.values.name},
    }


def _own(settled: Settled) -> FloatArray:
    """What the model said of its answers, by itself."""
    said = settled.part.said
    if not said.probabilities.shape[1]:
        return said.sure if settled.schema.method.confidence == "probability" else np.full(len(said), np.nan)
    return of_label(said.probabilities, said.chosen)
