"""An error that rises from 10 to 30 %: labels until the production detector of harm speaks up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from benchmarks.tables import cpu_time
from detectors.harm import Harm
from detectors.types import RANK_CELLS, FloatArray, IntArray, Labels, Stake

from .changes import Stream
from .ours import Found

__all__ = ["BEFORE", "ERROR", "LabelStream", "watch_labels"]

BEFORE, ERROR = 0.10, 0.30
_SLOPE = 2.6
_RANKS = (np.arange(RANK_CELLS) + 0.5) / RANK_CELLS
_KNOWN = 10_000_000


def _by_rank(error: float) -> FloatArray:
    """Chance of a wrong answer by rank of confidence, surer ones less often: (rank cells,)."""

    def odds(level: float) -> FloatArray:
        return np.asarray(1 / (1 + np.exp(_SLOPE * _RANKS - level)))

    return odds(brentq(lambda level: odds(level).mean() - error, -9.0, 9.0))


@dataclass(frozen=True)
class LabelStream:
    """Rank cell of each answer, whether it was wrong, and which is the first after the change."""

    cells: IntArray
    wrong: IntArray
    begins: int

    @classmethod
    def draw(cls, seed: int, healthy: int, after: int) -> LabelStream:
        """So many labels before the change and after it; those after it are the same however many come before."""
        parts = []
        for error, n, part in ((BEFORE, healthy, 0), (ERROR, after, 1)):
            rng = np.random.default_rng([seed, n, part])
            cells = rng.integers(0, RANK_CELLS, n)
            parts.append((cells, (rng.random(n) < _by_rank(error)[cells]).astype(np.int64)))
        (cells, wrong), (cells_after, wrong_after) = parts
        return cls(np.concatenate([cells, cells_after]), np.concatenate([wrong, wrong_after]), healthy)

    def as_stream(self, rows: int) -> Stream:
        """For peers: 1 for a wrong answer; the reference is of so many."""
        rng = np.random.default_rng(rows)
        return Stream((rng.random((1, rows)) < BEFORE).astype(float), self.wrong[None].astype(float), self.begins)


def _reference(seed: int, known: int | None) -> IntArray:
    """(rank cells, 2): so many labels of the reference; None for a rate that is known."""
    chance = _by_rank(BEFORE)
    if known is None:
        wrong = np.rint(chance * _KNOWN / RANK_CELLS).astype(np.int64)
        return np.stack([_KNOWN // RANK_CELLS - wrong, wrong], axis=1)
    rng = np.random.default_rng([seed, known, 5])
    cells = rng.multinomial(known, np.full(RANK_CELLS, 1 / RANK_CELLS))
    wrong = rng.binomial(cells, chance)
    return np.stack([cells - wrong, wrong], axis=1).astype(np.int64)


def watch_labels(
    stream: LabelStream, seed: int, known: int | None, batch: int, level: float, found: Found
) -> float | None:
    """Judge until the first alarm of harm; the promise itself is out of reach, and silent.

    Returns the delay of it; None if it was a false one, or there was no change.
    """
    harm = Harm(_reference(seed, known), max_error=0.99, miss_rate=0.1, log_level=float(np.log(level)))
    nothing = np.zeros((len(Stake), RANK_CELLS), np.int64)
    n, at, alarms = len(stream.wrong), 0, list[int]()
    # the change is at a random place in a batch: the first batch is shorter
    edges = np.unique(np.concatenate([[0], np.arange(seed % batch, n, batch), [n]]))
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        counts = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
        np.add.at(counts[Stake.ACCEPTED], (stream.cells[start:end], stream.wrong[start:end]), 1)
        labels, readings = [Labels(1.0, 0, counts, nothing)], []
        found.seconds += cpu_time(lambda: readings.append(harm.update(labels, 0, 0, float(end - start), float(end))))  # noqa: B023
        at = end
        if readings[0].alarms:
            alarms.append(end - 1)
            break
    found.events += at
    if alarms and alarms[0] < stream.begins < n:
        found.runs, found.false, found.healthy = found.runs + 1, found.false + 1, found.healthy + alarms[0]
    elif stream.begins == n:
        found.runs, found.false, found.healthy = found.runs + 1, found.false + len(alarms), found.healthy + at
    else:
        found.note(alarms, stream.begins, n)
        return found.delays[-1]
    return None
