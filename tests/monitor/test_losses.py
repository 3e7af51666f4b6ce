"""Losses of a regression in the pipeline: a page names the height above which there are too many."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from detectors.profile import Profile
from monitor.config import Config
from monitor.events import format_time
from monitor.fit.fitting import fit_profile
from monitor.tables import RawBatch
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured

N = 1500


def regression(n: int, seed: int, wild: bool = False) -> tuple[list[bytes], list[bytes], list[float]]:
    """Predictions, outcomes and the truth; of the wild a twentieth of the residuals is ten times as large."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    residual = rng.normal(size=n) * (np.where(rng.random(n) < 0.05, 10, 1) if wild else 1)
    truth = (x[:, 0] + residual).tolist()
    predictions: list[dict[str, Any]] = [
        {
            "id": str(i),
            "time": format_time(FIRST + i),
            "model": "m",
            "version": "1",
            "features": {"a": float(x[i, 0]), "b": float(x[i, 1])},
            "output": {"value": float(x[i, 0])},
        }
        for i in range(n)
    ]
    outcomes = [msgspec.json.encode({"id": str(i), "value": value}) for i, value in enumerate(truth)]
    return [msgspec.json.encode(each) for each in predictions], outcomes, truth


def profiled() -> tuple[Config, Profile]:
    config = configured(promise={"max_error": "20%", "false_pages": "1 per 10000 events", "within": 3})
    predictions, outcomes, truth = regression(N, 0)
    ids = [str(i) for i in range(N)]
    batch = RawBatch(0, predictions, [*ids], FIRST + np.arange(N, dtype=float), [*outcomes], [*truth], 1.0)
    return config, fit_profile([batch], config).profile


def pages(wild: bool) -> list[dict[str, Any]]:
    config, profile = profiled()
    run = Run(config, profile, broker(config))
    run.drain()
    predictions, outcomes, _ = regression(1000, 1, wild)
    for start in range(0, 1000, 100):
        run.feed(predictions[start : start + 100], outcomes[start : start + 100])
    lines = [msgspec.json.decode(line) for line in run.ledger()]
    return [line for line in lines if line["kind"] == "alarm" and line["level"] == "page"]


def test_a_few_losses_that_grew_far_are_a_page_that_names_their_height() -> None:
    """A twentieth of the residuals ten times as large: a height near the top alarms, and none without; seed 1."""
    found = [page for page in pages(wild=True) if page["view"].startswith("loss above")]
    assert found
    height = float(found[0]["view"].removeprefix("loss above "))
    assert height > 1.5  # 1.64 is the height of a tenth, 2.17 that of 3 %
    assert "such in the last" in found[0]["why"]
    assert pages(wild=False) == []
