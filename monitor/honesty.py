"""How honest stated probabilities are, and what answering the surest alone gains: in bounded memory, as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.calibration.reliability import (
    BINS,
    Reliability,
    RiskCoverage,
    bin_sums,
    reliability_of,
    risk_coverage_of,
)
from detectors.scores import softmax

__all__ = ["Honesty", "curve_json", "diagram_json", "own_probability"]

_RANKS = 1000
_POINTS = 50


class Honesty:
    """Adds up stated probabilities and outcomes of a stream."""

    def __init__(self) -> None:
        self._own, self._stated = np.zeros((5, BINS)), np.zeros((5, BINS))
        self._by_rank = np.zeros((2, _RANKS))

    def add(self, rows: Sequence[tuple[float, float, float, bool]]) -> None:
        """Take in answers: what the model said of its own, what was stated, the rank, and whether it was wrong."""
        if not rows:
            return
        own, stated, rank, wrong = np.array(rows, dtype=np.float64).T
        self._own += bin_sums(own, wrong)
        self._stated += bin_sums(stated, wrong)
        known = ~np.isnan(rank)
        cells = np.minimum((rank[known] * _RANKS).astype(np.int64), _RANKS - 1)
        self._by_rank += np.stack([np.bincount(cells, each, _RANKS) for each in (np.ones(len(cells)), wrong[known])])

    def result(self) -> dict[str, Any] | None:
        """Diagrams before and after, and the curve of the ranks; None where no outcome is known."""
        n, wrong = self._by_rank[:, ::-1]
        if not n.sum() and not self._own[0].sum():
            return None
        return {
            "before": diagram_json(reliability_of(self._own)),
            "after": diagram_json(reliability_of(self._stated)),
            "risk_coverage": curve_json(risk_coverage_of(n.astype(np.int64), wrong)),
        }


def diagram_json(found: Reliability) -> dict[str, Any] | None:
    """A reliability diagram; None without events."""
    if math.isnan(found.error):
        return None
    columns = zip(found.stated.tolist(), found.found.tolist(), found.n.tolist(), strict=True)
    bins = [{"stated": round(p, 6), "right": round(share, 6), "n": n} for p, share, n in columns if n]
    return {"n": int(found.n.sum()), "ece": found.error, "brier": found.brier, "bins": bins}


def curve_json(found: RiskCoverage) -> dict[str, Any] | None:
    """A risk-coverage curve, thinned to some points, with its whole area; None without events."""
    if math.isnan(found.area):
        return None
    wanted = np.searchsorted(found.coverage, np.linspace(0, 1, _POINTS + 1)[1:] - 1e-12)
    places = np.unique(wanted.clip(0, len(found.risk) - 1))
    coverage, risk = found.coverage[places].round(6).tolist(), found.risk[places].round(6).tolist()
    return {"aurc": found.area, "coverage": coverage, "risk": risk}


def own_probability(output: dict[str, Any] | None, label: str | None, classes: Sequence[str]) -> float:
    """What a model's output says of its answer: the label's probability; NaN where it does not say so."""
    if output is None:
        return math.nan
    stated = output.get("probabilities")
    if stated is None and output.get("logits"):
        logits = output["logits"]
        values = np.array([list(logits.values()) if isinstance(logits, dict) else logits], dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):  # what is no logit was held back with its reason
            shares = softmax(values)[0].tolist()
        stated = dict(zip(logits, shares, strict=True)) if isinstance(logits, dict) else shares
    if isinstance(stated, list):
        stated = dict(zip(classes, stated, strict=False)) if len(stated) == len(classes) else {}
    found = stated.get(label) if stated else output.get("probability")
    return found if isinstance(found, int | float) else math.nan
