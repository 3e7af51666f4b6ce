"""Streams that are made to hurt: the long-run bound of tracking holds through alarms, suspicion and missing labels."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.routing.serving import BATCH, stakes
from detectors.selective import TAU, Selective, SelectiveReading, SelectiveReference
from detectors.tracking import LARGEST_STEP, step_size
from detectors.types import RANK_CELLS, BoolArray, FloatArray, IntArray, Labels, Stake

MAX_ERROR, PROPENSITY = 0.05, 0.1
DELAY, OVERDUE = 5, 15
Adversary = Callable[[int, SelectiveReading], tuple[float, float]]
"""From the batch and what was said after the one before: the share of wrong answers, and of their labels withheld."""


def reference() -> SelectiveReference:
    """4,000 labels of a useful model."""
    cells = (np.arange(RANK_CELLS) + 0.5) / RANK_CELLS
    wrong = np.round(80 * 0.4 * (1 - cells) ** 2).astype(np.int64)
    return SelectiveReference(np.stack([80 - wrong, wrong], axis=1), 4_000, 86_400.0)


def counted(stake: IntArray, cell: IntArray, wrong: BoolArray, *, overdue: bool) -> Labels:
    """Labels that come, or that are found to be overdue."""
    counts = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
    late = np.zeros((len(Stake), RANK_CELLS), np.int64)
    if overdue:
        np.add.at(late, (stake, cell), 1)
    else:
        np.add.at(counts, (stake, cell, wrong.astype(int)), 1)
    return Labels(PROPENSITY, 0, counts, late)


@dataclass
class Duel:
    """A judge against an adversary: the errors that count so far, and the bound on them, batch by batch."""

    selective: Selective = field(default_factory=lambda: Selective(reference(), MAX_ERROR, 0.95, "asked"))
    excess: float = 0.0
    labels: float = 0.0
    answered: int = 0
    wrong: int = 0
    _fallen: float = 0.0
    _paid: float = 0.0
    _steps: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._first = self.selective.reading().threshold
        self._come: deque[tuple[int, Labels]] = deque()
        self._late: deque[tuple[int, Labels]] = deque()

    def fight(self, adversary: Adversary, batches: int, r: np.random.Generator) -> None:
        """Some batches of 100; after each the bound must hold."""
        for at in range(batches):
            labels = [queue.popleft()[1] for queue in (self._come, self._late) if queue and queue[0][0] <= at]
            self._serve(at, adversary, r)
            self._judge(labels, r)
            assert self.excess <= self.bound + 1e-6

    @property
    def bound(self) -> float:
        """The second one of `Tracking`'s docstring; with no labels yet there is nothing to bound."""
        if not self._steps:
            return 0.0
        top = 1 + 2 * LARGEST_STEP
        return top * (1 / self._steps[-1] + self._fallen) - self._first / self._steps[0] + self._paid

    def _serve(self, at: int, adversary: Adversary, r: np.random.Generator) -> None:
        reading = self.selective.reading()
        share, withheld = adversary(at, reading)
        rank = r.random(BATCH)
        stake, cell = stakes(rank, reading), (rank * RANK_CELLS).astype(np.int64)
        wrong: BoolArray = np.less(r.random(BATCH), share)
        accepted = stake == Stake.ACCEPTED
        asked = ~accepted | np.less(r.random(BATCH), PROPENSITY)
        comes = ~(wrong & np.less(r.random(BATCH), withheld))
        self.answered += int(accepted.sum())
        self.wrong += int((accepted & wrong).sum())
        for queue, wait, which in ((self._come, DELAY, asked & comes), (self._late, OVERDUE, asked & ~comes)):
            labels = counted(stake[which], cell[which], wrong[which], overdue=queue is self._late)
            queue.append((at + wait, labels))

    def _judge(self, labels: list[Labels], r: np.random.Generator) -> None:
        # whatever is outstanding: the bound does not ask where the steps come from
        outstanding = float(r.integers(0, 400))
        tracking = self.selective._tracking
        before = tracking.openings
        self.selective.update(labels, r.multinomial(BATCH, np.full(RANK_CELLS, 1 / RANK_CELLS)), outstanding)
        if labels:
            step = step_size(outstanding)
            self._fallen += max(1 / self._steps[-1] - 1 / step, 0.0) if self._steps else 0.0
            self._paid += (tracking.openings - before) / step
            self._steps.append(step)
        for each in labels:
            by_stake, late = each.counts.sum(axis=1), each.overdue.sum(axis=1)
            weights: FloatArray = np.array([1.0, PROPENSITY, 0.0, 0.0])
            terms = by_stake[:, 1] + late - TAU * MAX_ERROR * (by_stake.sum(axis=1) + late)
            self.excess += float(weights @ terms)
            self.labels += float(weights @ (by_stake.sum(axis=1) + late))


def always(_at: int, _reading: SelectiveReading) -> tuple[float, float]:
    """Errors of three in ten, and nobody ever learns of one."""
    return 0.3, 1.0


def growing(at: int, _reading: SelectiveReading) -> tuple[float, float]:
    """Odds of an error that double every 100 batches."""
    odds = 0.02 * 2 ** (at / 100)
    return odds / (1 + odds), 0.0


def treacherous(_at: int, reading: SelectiveReading) -> tuple[float, float]:
    """Right until much passes, then wrong in half of the answers, with every second of these labels withheld."""
    return (0.5, 0.5) if reading.could_pass > 0.4 else (0.0, 0.0)


@pytest.mark.parametrize("adversary", [always, growing, treacherous])
def test_the_bound_holds_against(adversary: Adversary) -> None:
    """800 batches; and those who err without end are not answered for long."""
    duel = Duel()
    duel.fight(adversary, 800, np.random.default_rng(0))
    assert duel.labels > 100
    if adversary is not treacherous:
        assert duel.selective.reading().could_pass <= 0.1


def test_errors_that_are_never_told_close_the_gate() -> None:
    """Of 80,000 answers with three in ten wrong, all labels of wrong ones withheld, at most 5 % are given."""
    duel = Duel()
    duel.fight(always, 800, np.random.default_rng(1))
    assert duel.answered <= 0.05 * 80_000


RATES = st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(RATES, RATES, RATES, st.floats(0, 1)), min_size=1, max_size=10), st.integers(0, 99))
def test_the_bound_holds_against_anyone(moves: list[tuple[float, float, float, float]], seed: int) -> None:
    """Whoever errs so much while more than `much` passes and so much otherwise, and withholds as it pleases."""

    def adversary(at: int, reading: SelectiveReading) -> tuple[float, float]:
        open_, closed, withheld, much = moves[at // 20 % len(moves)]
        return (open_ if reading.could_pass > much else closed), withheld

    Duel().fight(adversary, 20 * len(moves), np.random.default_rng(seed))
