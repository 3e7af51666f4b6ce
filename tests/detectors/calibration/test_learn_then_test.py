from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest

from detectors.calibration.learn_then_test import NOTHING_CERTIFIED, learn_then_test, p_values
from detectors.logistic import RankLogistic
from detectors.types import RANK_CELLS, FloatArray, IntArray


def _counts(seed: int, n: int, truth: FloatArray) -> IntArray:
    """Right and wrong answers by rank cell, of n events with this error by cell."""
    r = np.random.default_rng(seed)
    cells = r.integers(0, RANK_CELLS, n)
    counts = np.zeros((RANK_CELLS, 2), np.int64)
    np.add.at(counts, (cells, (r.random(n) < truth[cells]).astype(np.int64)), 1)
    return counts


_TRUTH = RankLogistic(-3.0, -1.2, (0.0, 0.0, 0.0)).rates()


@pytest.mark.parametrize("n", [100, 500, 3000])
def test_p_values_equal_mapies(n: int) -> None:
    """Where enough answers pass, the p-values are those of MAPIE's controller for losses of 0 and 1."""
    from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value

    counts = _counts(n, n, _TRUTH)
    above = counts[::-1].cumsum(axis=0)[::-1]
    total = above.sum(axis=1)
    enough = total >= 30
    # MAPIE takes the ceiling of n times the rate, which rounding can make one error more than there were
    rate = np.maximum(above[enough, 1] - 1e-6, 0) / total[enough]
    expected = compute_hoeffding_bentkus_p_value(rate, total[enough], 0.05, binary=True)[:, 0]
    assert np.allclose(p_values(counts, 0.05)[enough], np.minimum(expected, 1), rtol=1e-4)
    assert (p_values(counts, 0.05)[~enough] == 1).all()


@pytest.mark.parametrize("seed", range(8))
def test_the_threshold_is_the_one_of_mapies_controller(seed: int) -> None:
    """MAPIE's controller of precision, in fixed sequence over the same thresholds, finds it or its neighbour."""
    from mapie.risk_control import BinaryClassificationController

    counts = _counts(seed, 3000, _TRUTH)
    cells = np.repeat(np.arange(RANK_CELLS), counts.sum(axis=1))
    right = np.concatenate([np.repeat([1, 0], each) for each in counts])
    rank = (cells + 0.5) / RANK_CELLS
    start = round(0.9 * RANK_CELLS)
    thresholds = np.arange(start, -1, -1) / RANK_CELLS
    controller = BinaryClassificationController(
        lambda x: np.column_stack([1 - x[:, 0], x[:, 0]]),
        risk="precision",
        target_level=0.95,
        confidence_level=0.975,
        list_predict_params=thresholds,
        fwer_method="fixed_sequence",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        controller.calibrate(rank[:, None], right)
    valid = controller.valid_predict_params
    expected = float(min(valid)) if len(valid) else NOTHING_CERTIFIED
    ours = learn_then_test(counts, 0.05, 0.05)
    # two starts find at least what one finds
    assert ours <= expected + 1e-9
    if not p_values(counts, 0.05)[start] > 0.025:
        assert ours >= expected - 1 / RANK_CELLS - 1e-9


def test_a_threshold_that_nobody_passes_stops_nothing() -> None:
    """Cells without answers at the top, of which the error is no number, leave what is below certified."""
    counts = _counts(3, 20_000, _TRUTH)
    counts[-3:] = 0
    assert np.isfinite(p_values(counts, 0.05)).all()
    assert learn_then_test(counts, 0.05, 0.05) < 1
    assert learn_then_test(np.zeros((RANK_CELLS, 2), np.int64), 0.05, 0.05) == NOTHING_CERTIFIED


def test_a_false_certificate_is_as_rare_as_promised() -> None:
    """With errors a shade above a* at every rank, at most delta of 2,000 references certify anything.

    Under the bound the number of false ones is at most Binomial(2000, .1), which exceeds 240 in less than 2 of 1,000.
    """
    false = sum(
        learn_then_test(_counts(seed, 1000, np.full(RANK_CELLS, 0.0501)), 0.05, 0.1) <= 1 for seed in range(2000)
    )
    assert 0 < false <= 240


def test_answers_that_come_in_spells_count_as_fewer() -> None:
    """With a memory of 4, four times the counts tell what they alone tell without; and what is proven is so no more."""
    counts = _counts(3, 3000, _TRUTH)
    assert np.array_equal(p_values(4 * counts, 0.05, memory=4.0), p_values(counts, 0.05))
    proven = [p_values(counts, 0.05, memory=v) <= 0.1 for v in (1.0, 1.5, 2.0, 5.0, 30.0)]
    assert all((before | ~after).all() for before, after in pairwise(proven))
    assert 0 < proven[2].sum() < proven[0].sum()


def _in_spells(seed: int, n: int, spell: int) -> tuple[FloatArray, FloatArray]:
    """Ranks and errors, 1.02 x .05 on average at each rank, three times that in one spell of three and none else."""
    r = np.random.default_rng(seed)
    bad = r.random(n // spell + 1) < 1 / 3
    rate = np.repeat(np.where(bad, 3 * 0.051, 0.0), spell)[:n]
    return r.random(n), (r.random(n) < rate).astype(np.float64)


def test_a_reference_in_spells_is_certified_falsely_no_more_often_than_promised() -> None:
    """300 references in spells of 100, on which every certificate is false, at δ = .1: Binomial's 99.9 % is 47."""
    from monitor.fit.error_memory import memory_of_errors

    false, naive = 0, 0
    for seed in range(300):
        rank, wrong = _in_spells(seed, 4_000, 100)
        counts = np.zeros((RANK_CELLS, 2), np.int64)
        np.add.at(counts, ((rank * RANK_CELLS).astype(np.int64), wrong.astype(np.int64)), 1)
        memory = memory_of_errors(rank, wrong).temper
        false += learn_then_test(counts, 0.05, 0.1, memory=memory) < NOTHING_CERTIFIED
        naive += learn_then_test(counts, 0.05, 0.1) < NOTHING_CERTIFIED
    assert false <= 47
    assert naive > 47
