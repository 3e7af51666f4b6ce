from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.caution import SHORT_LIVED, Caution
from detectors.epochs import EpochDetector, Side
from detectors.logistic import RankLogistic
from detectors.types import RANK_CELLS, IntArray

FIT = RankLogistic(-2.3, -1.2, (0.0, 0.0, 0.0))
ALARMS = st.lists(st.tuples(st.sampled_from(Side), st.integers(0, 20_000)), max_size=40)


def doublings(alarms: list[tuple[Side, int]]) -> int:
    """As the docstring says it, from the whole course."""
    n = 0
    for (before, _), (side, labels) in pairwise(alarms):
        if before is Side.BETTER and side is Side.WORSE:
            n = min(n + 1, 4) if labels < SHORT_LIVED else max(n - 1, 0)
    return n


@given(memory=st.floats(1, 50), alarms=ALARMS, cut=st.integers(0, 40))
def test_each_opening_that_is_taken_back_soon_doubles_what_the_next_must_show(
    memory: float, alarms: list[tuple[Side, int]], cut: int
) -> None:
    """Up by one for those within 5,000 labels, down by one for those that lasted, between 0 and 4; state included."""
    caution = Caution(memory)
    for at, alarm in enumerate(alarms):
        if at == cut:
            state = caution.state()
            caution = Caution(memory)
            caution.restore(state)
        caution.alarm(*alarm)
    assert caution.divisor == memory * 2 ** doublings(alarms)


def spells(seed: int, labels: int) -> IntArray:
    """(batches of 50, rank cells, 2): errors a third as likely in every other 500 labels, and as fitted on average."""
    r = np.random.default_rng(seed)
    cell = r.integers(0, RANK_CELLS, labels)
    good = (np.arange(labels) // 500) % 2 == 0
    usual = FIT.rates()[cell]
    wrong = r.random(labels) < np.where(good, usual / 3, np.minimum(usual * 5 / 3, 0.95))
    counts = np.zeros((labels // 50, RANK_CELLS, 2), np.int64)
    np.add.at(counts, (np.arange(labels) // 50, cell, wrong.astype(int)), 1)
    return counts


def alarmed(seed: int, caution: Caution | None) -> tuple[int, int]:
    """How often errors seem to have fallen, and to have risen, in 20,000 labels of spells, in which nothing changes."""
    detector, found = EpochDetector(FIT), {Side.BETTER: 0, Side.WORSE: 0}
    for counts in spells(seed, 20_000):
        side = detector.update(counts, np.zeros(RANK_CELLS, np.int64))
        if side is not None:
            found[side] += 1
            if caution is not None:
                caution.alarm(side, detector.labels)
            detector = EpochDetector(FIT, 1.0 if caution is None else caution.divisor)
    return found[Side.BETTER], found[Side.WORSE]


def test_spells_open_the_bar_a_few_times_and_then_no_more() -> None:
    """Of twenty good ones twelve or more open it without caution, four at most with it; bad ones are seen as before."""
    hasty = np.array([alarmed(seed, None) for seed in range(5)])
    cautious = np.array([alarmed(seed, Caution()) for seed in range(5)])
    assert (hasty[:, 0] >= 12).all()
    assert (cautious[:, 0] <= 4).all()
    assert (cautious[:, 1] >= hasty[:, 1] - 8).all()


def test_what_lasts_is_seen_through_caution() -> None:
    """Errors that have fallen to a third for good are seen within 8 times the labels at four times the caution."""
    labels = {}
    for divisor in (1.0, 4.0):
        r, detector = np.random.default_rng(3), EpochDetector(FIT, divisor)
        for batch in range(2_000):
            cell = r.integers(0, RANK_CELLS, 50)
            wrong = r.random(50) < FIT.rates()[cell] / 3
            counts = np.zeros((RANK_CELLS, 2), np.int64)
            np.add.at(counts, (cell, wrong.astype(int)), 1)
            if detector.update(counts, np.zeros(RANK_CELLS, np.int64)) is Side.BETTER:
                labels[divisor] = 50 * (batch + 1)
                break
    assert labels[1.0] < labels[4.0] < 8 * labels[1.0]
