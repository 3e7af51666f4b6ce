"""A proxy in the pipeline: it is harm when the outcome leaves the number that is being optimised."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from monitor.errors import UsageError
from monitor.fit.fitting import fit_profile
from tests.monitor.running import Run, broker
from tests.monitor.streams import configured, outcome, raw, stream


def clicked(n: int, seed: int, *, gamed: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """The usual stream; `f2` is high where the answer is right, in nine of ten, or, gamed, high nearly always."""
    rng = np.random.default_rng(seed)
    predictions, truth = stream(n, seed)
    for each, label in zip(predictions, truth, strict=True):
        right = each["output"]["label"] == label
        honest = 1.0 if right == (rng.random() < 0.9) else -1.0
        each["features"]["f2"] = (1.0 if gamed and rng.random() < 0.9 else honest) + 0.1 * rng.normal()
    return predictions, truth


def pages(*, gamed: bool) -> list[dict[str, Any]]:
    config = configured(views={"proxy": "f2"})
    profile = fit_profile([raw(*clicked(2000, 0, gamed=False))], config).profile
    assert profile.facts["proxy"] == "f2"
    run = Run(config, profile, broker(config))
    run.drain()
    predictions, truth = clicked(1500, 1, gamed=gamed)
    records = [msgspec.json.encode(each) for each in predictions]
    labels = [outcome(str(i), label) for i, label in enumerate(truth)]
    for start in range(0, 1500, 100):
        run.feed(records[start : start + 100], labels[start : start + 100])
    lines = [msgspec.json.decode(line) for line in run.ledger()]
    return [line for line in lines if line["kind"] == "alarm" and line["view"] == "f2 and outcome apart"]


def test_a_proxy_that_is_gamed_is_a_page_while_errors_are_as_they_were() -> None:
    """High for right and wrong answers alike: the two come apart, and without that nothing is said; seed 1."""
    found = pages(gamed=True)
    assert len(found) == 1
    assert found[0]["level"] == "page"
    assert found[0]["wrong"] > found[0]["tolerated"] * found[0]["n"]
    assert pages(gamed=False) == []


def test_a_proxy_that_is_no_numeric_feature_is_refused() -> None:
    """With the names that there are."""
    with pytest.raises(UsageError, match="'f9', which is no numeric feature; there are f0"):
        fit_profile([raw(*stream(400, 0))], configured(views={"proxy": "f9"}))
