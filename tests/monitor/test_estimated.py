"""The estimate without labels in the pipeline: it raises the bar, is shown, and labels replace it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from monitor.observing import Evidence
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, outcome, prediction, stream

N = 800


def unsure(n: int, seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """A calibrated model whose confidence is drawn to a half, while every feature is as it was."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    p = 1 / (1 + np.exp(-0.4 * (x[:, 0] + x[:, 1])))
    truth = (rng.random(n) < p).astype(int)
    events = [prediction(str(i), {f"f{k}": float(x[i, k]) for k in range(4)}, float(p[i]), FIRST + i) for i in range(n)]
    return events, [str(t) for t in truth]


def run(events: list[dict[str, Any]], labels: list[bytes]) -> Run:
    config = configured()
    made = Run(config, fitted(config), broker(config))
    made.drain()
    records = [msgspec.json.encode(each) for each in events]
    for start in range(0, len(records), 100):
        made.feed(records[start : start + 100], labels[start : start + 100])
    return made


def last(made: Run) -> Evidence:
    return [each for each in made.seen if isinstance(each, Evidence)][-1]


def test_a_model_that_became_unsure_is_suspected_before_labels_come() -> None:
    """Without a single label the estimated error rises to that of the labels that never came; seed 1."""
    usual, (events, truth) = stream(N, 1)[0], unsure(N, 1)
    wrong = np.mean([each["output"]["label"] != label for each, label in zip(events, truth, strict=True)])
    before, after = run(usual, []), run(events, [])
    state = after.judge.versions["1"]
    assert state.verdict().suspicion > 0
    assert state._estimated.log_evidence > state.log_level
    assert abs(state._estimated.error() - wrong) <= 0.1
    assert before.judge.versions["1"]._estimated.log_evidence < state.log_level * 0.56
    assert last(after).since_profile > 2 > last(before).since_profile


def test_labels_replace_the_estimate() -> None:
    """With the label of every event nothing is left of its evidence."""
    events, truth = unsure(N, 1)
    made = run(events, [outcome(str(i), label) for i, label in enumerate(truth)])
    assert made.judge.versions["1"]._estimated.log_evidence <= np.log(200)
