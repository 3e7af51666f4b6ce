"""The instruments of `benchmarks.evidence` measure what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.evidence.changes import CHANGES
from benchmarks.evidence.false_alarms import Ratio
from benchmarks.evidence.rivals import Peers, Told
from benchmarks.evidence.side_by_side import Panel
from benchmarks.evidence.streams import HEALTHY, numbers
from benchmarks.peers.run import alarms_of
from detectors.types import FloatArray

LEVEL = 300.0


@pytest.mark.parametrize("kind", ["Gaussian", "10 categories"])
def test_a_stream_among_others_alarms_when_it_would_alone(kind: str) -> None:
    """Six streams side by side and each alone, A = 300 events, batches of 10, 2,000 events; seed 3."""
    draw = HEALTHY[kind]
    rng = np.random.default_rng(3)
    reference, events = draw(rng, 6, 400), draw(rng, 6, 2000)
    together = Panel(reference, LEVEL, 10)
    together.take(events)
    assert together.alarms >= 3
    for stream in range(6):
        own, more = (
            replace(rows, numeric=rows.numeric[stream : stream + 1], categorical=rows.categorical[stream : stream + 1])
            for rows in (reference, events)
        )
        alone = Panel(own, LEVEL, 10)
        alone.take(more)
        assert alone.first[0] == together.first[stream]


def test_time_at_risk_ends_with_the_first_alarm() -> None:
    """A stream that alarms at once counts little, one that never does counts all."""
    rng = np.random.default_rng(0)
    panel = Panel(numbers(rng.normal(size=(2, 1000))), 1e6, 10)
    panel.take(numbers(np.stack([rng.normal(size=1000) + 3, rng.normal(size=1000)])))
    assert panel.alarms == 1
    assert panel.at_risk() == 1000 + panel.first[0] < 1100


def test_the_interval_of_a_ratio_holds_it() -> None:
    """In 95 of 100 Poisson counts; of 400 at least 360 do, four standard deviations; seed 1."""
    rng = np.random.default_rng(1)
    ratios = [Ratio(20.0, int(alarms)) for alarms in rng.poisson(10, 400)]
    assert sum(each.low <= 2 <= each.high for each in ratios) >= 360
    assert str(Ratio(30.0, 0)) == "≥ 8.1"


class Third:
    """Alarms at every third event."""

    block = 4

    def __init__(self) -> None:
        self._seen = 0

    def take(self, rows: FloatArray) -> list[int]:
        """Count on."""
        found = [at for at in range(len(rows)) if (self._seen + at) % 3 == 2]
        self._seen += len(rows)
        return found


def test_a_peer_is_watched_until_its_first_alarm_after_the_change() -> None:
    """Alarms before it are kept as false ones; without a change all are."""
    events = np.zeros((20, 1))
    assert alarms_of(Third(), events, until=9, patience=60.0)[0] == [2, 5, 8, 11]
    assert alarms_of(Third(), events, until=20, patience=60.0)[:2] == ([2, 5, 8, 11, 14, 17], 20)


def test_a_peer_answers_from_its_own_process() -> None:
    """river's ADWIN sees one sigma within 200 events; a peer that is not there says why."""
    streams = [CHANGES[1].stream(run, 10) for run in range(2)]
    with Peers(1.0, ("river", "nobody")) as peers:
        reference, events = peers.write(streams)
        found = peers.run(Told("river", "ADWIN"), 0.002, reference, events, streams)
        missing = Told("nobody", "nothing")
        peers.run(missing, 1, reference, events, streams)
    assert found.missed == 0
    assert found.delay < 200
    assert "make peers" in missing.missing
