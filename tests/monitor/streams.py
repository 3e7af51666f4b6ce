"""Small streams and profiles for the tests of the pipeline."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from detectors.profile import Profile
from monitor.config import Config, config_from
from monitor.events import format_time
from monitor.fit.fitting import fit_profile
from monitor.tables import RawBatch

__all__ = ["FIRST", "configured", "fitted", "outcome", "prediction", "raw", "stream"]

FIRST = 1_767_225_600.0
FEATURES = 4


def configured(**changes: Any) -> Config:
    """A configuration with small numbers, so that much happens in a short stream."""
    raw: dict[str, Any] = {
        "model": "m",
        "version": "1",
        "promise": {"max_error": "20%", "false_pages": "1 per 10000 events", "audit": "10%"},
        "outcomes": {"delay": 50},
        "columns": {"outcome": "target"},
        "breaker": {"backoff": "60s", "close_hold": "60s", "warning_hold": "10s"},
    }
    return config_from(raw | changes, {})


def stream(n: int, seed: int, drift_at: int | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """Predictions of a calibrated model, and the truth; from `drift_at` on a feature moves and answers turn wrong."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, FEATURES))
    p = 1 / (1 + np.exp(-2 * (x[:, 0] + x[:, 1])))
    truth = (rng.random(n) < p).astype(int)
    if drift_at is not None:
        x[drift_at:, 3] += 1.5
        turned = rng.random(n - drift_at) < 0.6
        truth[drift_at:] = np.where(turned, 1 - (p[drift_at:] > 0.5), truth[drift_at:])
    predictions = [
        prediction(str(i), {f"f{k}": float(x[i, k]) for k in range(FEATURES)}, float(p[i]), FIRST + i) for i in range(n)
    ]
    return predictions, [str(t) for t in truth]


def prediction(request: str, features: dict[str, Any], p: float, time: float) -> dict[str, Any]:
    """One record, still a dictionary, so that a test can spoil it."""
    output = {"label": str(int(p > 0.5)), "probabilities": {"0": 1 - p, "1": p}}
    stamp = format_time(time)
    return {"id": request, "time": stamp, "model": "m", "version": "1", "features": features, "output": output}


def outcome(request: str, label: str) -> bytes:
    """The record of what turned out to be true."""
    return msgspec.json.encode({"id": request, "label": label})


def raw(predictions: list[dict[str, Any]], truth: list[str]) -> RawBatch:
    """The stream as `fit` and a backtest read it."""
    n = len(predictions)
    return RawBatch(
        first=0,
        predictions=[msgspec.json.encode(each) for each in predictions],
        ids=[str(each["id"]) for each in predictions],
        times=FIRST + np.arange(n, dtype=float),
        outcomes=[outcome(str(each["id"]), label) for each, label in zip(predictions, truth, strict=True)],
        truth=list(truth),
        progress=1.0,
    )


def fitted(config: Config, n: int = 2000, seed: int = 0) -> Profile:
    """A profile of the undisturbed stream."""
    return fit_profile([raw(*stream(n, seed))], config).profile
