"""Second opinions: told beside the evidence, and nothing follows from them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.types import RANK_CELLS, Labels
from monitor.errors import ConfigError
from monitor.judging.opinions import ERROR, _errors
from monitor.observing import Evidence
from tests.monitor.running import Run, broker
from tests.monitor.streams import configured, fitted, outcome, stream

N, DRIFT_AT = 2000, 800


def run(opinions: list[str]) -> Run:
    config = configured(evidence={"second_opinions": opinions})
    made = Run(config, fitted(config), broker(config))
    made.drain()
    predictions, truth = stream(N, 1, DRIFT_AT)
    records = [msgspec.json.encode(each) for each in predictions]
    labels = [outcome(str(i), label) for i, label in enumerate(truth)]
    for start in range(0, N, 20):
        made.feed(records[start : start + 20], labels[start : start + 20])
    return made


def told(made: Run) -> set[tuple[str, str]]:
    return {each for seen in made.seen if isinstance(seen, Evidence) for each in seen.opinions}


def rulings(made: Run) -> list[dict[str, Any]]:
    """Alarms, transitions and verdicts, without the digests and hashes that a configuration leaves its mark on."""
    lines = [msgspec.json.decode(line) for line in made.ledger()]
    left_out = {"hash", "prev", "rules"}
    return [
        {name: value for name, value in line.items() if name not in left_out}
        for line in lines
        if line["kind"] in ("alarm", "transition", "verdict", "epoch")
    ]


def test_they_see_what_moves_and_move_nothing() -> None:
    """ADWIN names the feature that moves and the errors that rise; what the judge writes is the same without it."""
    made, without = run(["adwin", "ddm"]), run([])
    assert ("adwin", "f3") in told(made)
    assert {("adwin", ERROR), ("ddm", ERROR)} & told(made)
    assert {view for by, view in told(made) if by == "ddm"} <= {ERROR}
    assert told(without) == set()
    assert rulings(made) == rulings(without)


def test_errors_are_spread_evenly() -> None:
    """As many as there were, never two together while there are fewer wrong than right."""
    counts = np.zeros((4, RANK_CELLS, 2), np.int64)
    counts[0, 3] = 7, 3
    errors = _errors([Labels(1.0, 0, counts, np.zeros((4, RANK_CELLS), np.int64))])
    assert (len(errors), sum(errors)) == (10, 3)
    assert not any(a and b for a, b in pairwise(errors))
    assert _errors([]) == []


def test_an_unknown_detector_is_refused() -> None:
    """With its path; those that know nothing are for tests and tables."""
    for name in ("adwine", "always"):
        with pytest.raises(ConfigError, match=r"evidence\.second_opinions"):
            configured(evidence={"second_opinions": [name]})
