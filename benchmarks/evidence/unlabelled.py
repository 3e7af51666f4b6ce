"""Estimated accuracy without labels: events until it is said to have fallen, ours beside NannyML's CBPE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.tables import SHORT, cpu_time
from detectors.estimated import EstimatedError
from detectors.profile import cells_of, rank_of
from detectors.types import RANK_CELLS, FloatArray

from .changes import Stream
from .delays import BATCHES, LEVEL, Group
from .ours import Found
from .rivals import Peers, tell

__all__ = ["unlabelled_group"]

_REFERENCE = 5000
_BEFORE, _AFTER = 1000, 4000
_SPREAD = 1.5
"""Standard deviation of the logits; the error that they tell of is 26 %."""


@dataclass(frozen=True)
class _Change:
    """What becomes of the logits that are stated, and of those by which truths are drawn."""

    name: str
    stated: float
    true: float


_CHANGES = (
    _Change("less sure: logits × .8", 0.8, 0.8),
    _Change("less sure: logits × .5", 0.5, 0.5),
    _Change("overconfident: truths by logits × .5", 1.0, 0.5),
)


def _draw(rng: np.random.Generator, n: int, stated: float = 1.0, true: float = 1.0) -> FloatArray:
    """(2, events): the stated probability of class 1, and the truth by the true one; calibrated if both are alike."""
    logits = _SPREAD * rng.normal(size=n)
    likely = 1 / (1 + np.exp(-true * logits))
    return np.stack([1 / (1 + np.exp(-stated * logits)), (rng.random(n) < likely).astype(float)])


def _stream(change: _Change, run: int) -> Stream:
    rng = np.random.default_rng([run, _CHANGES.index(change), 11])
    # at a random place in a batch or chunk of 100
    begins = _BEFORE + int(rng.integers(100))
    events = [_draw(rng, begins), _draw(rng, _BEFORE + _AFTER - begins, change.stated, change.true)]
    return Stream(_draw(rng, _REFERENCE), np.concatenate(events, axis=1), begins)


def _healthy(run: int, events: int) -> Stream:
    rng = np.random.default_rng([run, 13])
    return Stream(_draw(rng, _REFERENCE), _draw(rng, events), events)


def _watch(stream: Stream, batch: int, found: Found) -> None:
    """Estimate until the first alarm; no label ever comes."""
    surer = np.maximum(stream.reference[0], 1 - stream.reference[0])
    knots, wrong = np.sort(surer), (stream.reference[0] > 0.5) != (stream.reference[1] > 0)
    counts = np.zeros((RANK_CELLS, 2), np.int64)
    np.add.at(counts, (cells_of(rank_of(surer, knots)), wrong.astype(np.int64)), 1)
    estimated = EstimatedError(counts)
    cells = cells_of(rank_of(np.maximum(stream.events[0], 1 - stream.events[0]), knots))
    alarm = None
    for start in range(0, len(cells), batch):
        traffic = np.bincount(cells[start : start + batch], minlength=RANK_CELLS)
        n = int(traffic.sum())
        found.seconds += cpu_time(lambda: estimated.update(traffic, 0, float(n)))  # noqa: B023
        found.events += n
        if estimated.log_evidence >= np.log(LEVEL):
            alarm = start + n - 1
            break
    if alarm is not None and alarm < stream.begins:
        found.runs, found.false, found.healthy = found.runs + 1, found.false + 1, found.healthy + alarm + 1
    else:
        found.note([] if alarm is None else [alarm], stream.begins, len(cells))


def unlabelled_group(peers: Peers, effort: float) -> Group:
    """A binary classifier whose probabilities are calibrated, until it is less sure, or surer than it should be."""
    group = Group("accuracy, estimated without labels", "unlabelled", 2, [each.name for each in _CHANGES])
    runs, many, events = (3, 2, 5000) if SHORT else (max(int(40 * effort), 2), max(int(8 * effort), 2), 50_000)
    healthy = [_healthy(run, events) for run in range(many)]
    streams = [[_stream(change, run) for run in range(runs)] for change in _CHANGES]
    for batch in BATCHES:
        group.healthy[batch] = Found()
        for stream in healthy:
            _watch(stream, batch, group.healthy[batch])
        group.ours[batch] = [Found() for _ in _CHANGES]
        for found, each in zip(group.ours[batch], streams, strict=True):
            for stream in each:
                _watch(stream, batch, found)
    group.told = tell(peers, "unlabelled", LEVEL, healthy, streams)
    return group
