from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.logistic import NORMAL_SCORES, RankLogistic, fit_logistic
from detectors.platt import OnlinePlatt, stated_probability
from detectors.types import RANK_CELLS, FloatArray, IntArray, Labels, Stake

NOTHING = np.zeros((4, RANK_CELLS), np.int64)
DESIGN = np.stack([np.ones(RANK_CELLS), NORMAL_SCORES], axis=1)


def labels(counts: IntArray, stake: Stake = Stake.ACCEPTED, propensity: float = 1.0) -> list[Labels]:
    """Right and wrong answers by cell, all of one stake."""
    table = np.zeros((4, RANK_CELLS, 2), np.int64)
    table[stake] = counts
    return [Labels(propensity, 0, table, NOTHING)]


def drawn(r: np.random.Generator, truth: FloatArray, n: int) -> IntArray:
    """Counts of n answers that are right with these probabilities by cell."""
    cells = r.integers(0, RANK_CELLS, n)
    counts = np.zeros((RANK_CELLS, 2), np.int64)
    np.add.at(counts, (cells, (r.random(n) >= truth[cells]).astype(np.int64)), 1)
    return counts


def right(intercept: float, slope: float) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-(intercept + slope * NORMAL_SCORES))))


def fitted(r: np.random.Generator, truth: FloatArray, n: int = 4000) -> RankLogistic:
    return fit_logistic(drawn(r, truth, n).astype(np.float64))


def apart(platt: OnlinePlatt, truth: FloatArray) -> float:
    """Mean difference of what is stated and what is so, over ranks."""
    return float(np.abs(right(platt.intercept, platt.slope) - truth).mean())


@pytest.mark.parametrize("change", [(1.2, 1.0), (4.0, 1.6), (0.0, 0.0)])
def test_it_follows_a_change(change: tuple[float, float]) -> None:
    """3,000 labels after a change stated probabilities are .035 off on average at most, before it .02."""
    r, truth = np.random.default_rng(1), right(2.6, 1.6)
    platt = OnlinePlatt(fitted(r, truth))
    for _ in range(300):
        platt.update(labels(drawn(r, truth, 20)))
    assert apart(platt, truth) < 0.02
    after = right(*change)
    for _ in range(150):
        platt.update(labels(drawn(r, after, 20)))
    assert apart(platt, after) < 0.035


def test_forgetting_makes_it_faster() -> None:
    """Told that errors have changed, it is nearer 300 labels later than one that was not told."""
    truth, after = right(2.6, 1.6), right(1.2, 1.0)
    found = []
    for told in (True, False):
        r = np.random.default_rng(2)
        platt = OnlinePlatt(fitted(r, truth))
        if told:
            platt.forget()
        for _ in range(15):
            platt.update(labels(drawn(r, after, 20)))
        found.append(apart(platt, after))
    assert found[0] < 0.6 * found[1]


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("memory", [500.0, np.inf])
@pytest.mark.parametrize("adversary", ["against", "coin", "blocks"])
def test_the_regret_is_within_its_bound(adversary: str, memory: float, batch: int) -> None:
    """With a small gamma the log-loss is that of the best fixed line plus the bound of the docstring, whoever draws.

    `against` gives the label that was held for less likely, `blocks` 400 right ones, then 400 wrong ones, in turn.
    """
    r = np.random.default_rng(3)
    bound_of_logit = 1.0
    gamma = min(np.exp(-bound_of_logit), 1 / (8 * bound_of_logit)) / 2
    start = RankLogistic(-0.0, -0.1, (0.1, 0.0, 0.1))
    platt = OnlinePlatt(start, memory, gamma, box=(0.5, 0.2))
    first = platt.state()["platt_information"]
    theta0 = np.array([platt.intercept, platt.slope])
    total, loss = np.zeros((RANK_CELLS, 2)), 0.0
    for i in range(3000 // batch):
        p = right(platt.intercept, platt.slope)
        reached = np.abs(platt.intercept + platt.slope * NORMAL_SCORES).max()
        assert reached <= bound_of_logit
        counts = np.zeros((RANK_CELLS, 2), np.int64)
        cells = r.integers(0, RANK_CELLS, batch)
        wrong = {
            "against": p[cells] > 0.5,
            "coin": r.random(batch) < 0.45,
            "blocks": np.full(batch, (i * batch // 40) % 2 == 0),
        }[adversary]
        np.add.at(counts, (cells, wrong.astype(np.int64)), 1)
        loss -= float((counts[:, 0] * np.log(p) + counts[:, 1] * np.log1p(-p)).sum())
        total += counts
        platt.update(labels(counts))
    last = platt.state()["platt_information"]
    best = min(
        (-(total[:, 0] * np.log(right(a, b)) + total[:, 1] * np.log1p(-right(a, b))).sum(), a, b)
        for a in np.linspace(-0.5, 0.5, 41)
        for b in np.linspace(0, 0.2, 21)
    )
    way = theta0 - np.array(best[1:])
    n = total.sum()
    bound = gamma / 2 * way @ first @ way
    grown = np.linalg.slogdet(last.astype(float))[1] - np.linalg.slogdet(first.astype(float))[1]
    bound += batch / (2 * gamma) * (grown + 2 * n / memory)
    assert loss <= best[0] + bound
    assert bound < n / 3 or batch > 1  # one at a time it says something


@given(st.lists(st.lists(st.tuples(st.integers(0, RANK_CELLS - 1), st.integers(0, 1)), max_size=8), max_size=30))
def test_the_line_never_falls_and_stays_in_its_box(batches: list[list[tuple[int, int]]]) -> None:
    """Whatever the labels, a greater rank is at least as likely right, and the numbers are finite and bounded."""
    platt = OnlinePlatt(RankLogistic(-1.0, -0.3, (0.05, 0.0, 0.05)))
    for each in batches:
        counts = np.zeros((RANK_CELLS, 2), np.int64)
        for cell, wrong in each:
            counts[cell, wrong] += 50
        platt.update(labels(counts))
        assert 0 <= platt.slope <= 4
        assert abs(platt.intercept) <= 8
    stated = stated_probability(np.linspace(0, 1, 101), platt.intercept, platt.slope)
    assert (np.diff(stated) >= 0).all()


@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_it_restores_to_the_bit_and_does_not_care_how_labels_are_split(seed: int, cut: int) -> None:
    """A run continued from its state ends alike; labels of two replicas are the sum of theirs."""
    r = np.random.default_rng(seed)
    whole, first, second, split = (OnlinePlatt(RankLogistic(-2.0, -1.0, (0.01, 0.0, 0.01))) for _ in range(4))
    for i in range(21):
        one, other = (drawn(r, right(1.0, 0.5), int(r.integers(0, 9))) for _ in range(2))
        whole.update(labels(one + other, Stake.HELD, 0.1))
        split.update(labels(one, Stake.HELD, 0.1) + labels(other, Stake.HELD, 0.1))
        if i == cut:
            second.restore(first.state())
        (first if i < cut else second).update(labels(one + other, Stake.HELD, 0.1))
    assert np.allclose([split.intercept, split.slope], [whole.intercept, whole.slope], rtol=1e-9, atol=1e-9)
    for name, array in whole.state().items():
        assert np.array_equal(array, second.state()[name])


def test_ranks_that_are_unknown_have_no_probability() -> None:
    """Nor has any rank before anything is known; beyond the outermost cells all are alike."""
    assert np.isnan(stated_probability(np.array([np.nan]), 1.0, 1.0)).all()
    assert np.isnan(stated_probability(np.array([0.5]), np.nan, np.nan)).all()
    assert len(set(stated_probability(np.array([0.99, 1.0]), 1.0, 1.0).tolist())) == 1


def test_labels_of_one_cell_are_enough_for_ever() -> None:
    """A regression with one width for all has one rank: 200,000 labels of it, then others, and all stays finite."""
    r = np.random.default_rng(0)
    platt = OnlinePlatt(fitted(r, right(2.0, 1.0)))
    for _ in range(2000):
        counts = np.zeros((RANK_CELLS, 2), np.int64)
        counts[RANK_CELLS // 2] = r.multinomial(100, [0.9, 0.1])
        platt.update(labels(counts))
    assert platt.intercept == pytest.approx(np.log(9), abs=0.5)
    truth = right(1.0, 0.5)
    for _ in range(100):
        platt.update(labels(drawn(r, truth, 100)))
    assert apart(platt, truth) < 0.05
