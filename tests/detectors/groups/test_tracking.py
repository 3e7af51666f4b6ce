from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.groups.counts import GroupLabels
from detectors.groups.tracking import GroupTracking
from detectors.tracking import LARGEST_STEP, Tracking
from detectors.types import RANK_CELLS, Labels, Stake

TARGET = 0.045
Batch = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...], tuple[int, ...], float, float]
PAIRS = st.tuples(*[st.tuples(st.integers(0, 9), st.integers(0, 9))] * 4)
BATCHES = st.lists(
    st.tuples(PAIRS, PAIRS, st.tuples(*[st.integers(-3, 5)] * 8), st.sampled_from([0.05, 1.0]), st.floats(0, 1.05)),
    max_size=25,
)


def labels(answers: object, late: object, propensity: float) -> GroupLabels:
    """Right and wrong answers of two groups by stake, all in the top band, and overdue labels."""
    counts = np.zeros((2, len(Stake), 10, 2), np.int64)
    counts[:, :, 9] = np.array(answers)
    return GroupLabels(propensity, counts, np.array(late).reshape(2, 4))


@given(BATCHES, st.floats(0, 1))
def test_the_bound_holds_in_each_group_for_any_sequence(batches: list[Batch], first: float) -> None:
    """Summed excess of a group is at most (1 + 2 eta - first + openings) / eta, overdue labels being errors."""
    tracking, total = GroupTracking(TARGET, np.full(2, first)), np.zeros(2)
    for one, other, late, propensity, shared in batches:
        each = labels([one, other], late, propensity)
        answers = each.counts.sum(axis=2)
        terms = answers[..., 1] - TARGET * answers.sum(axis=-1) + (1 - TARGET) * each.overdue
        total += terms[:, Stake.ACCEPTED] + propensity * terms[:, Stake.SUSPECTED]
        tracking.update([each], shared, np.zeros(2))
        assert ((tracking.offsets >= 0) & (tracking.offsets <= 1 + 2 * LARGEST_STEP)).all()
        assert (total <= (1 + 2 * LARGEST_STEP - first + tracking.openings) / LARGEST_STEP + 1e-6).all()


def test_one_group_alone_moves_as_the_shared_threshold_would() -> None:
    """The same recursion: with λ at 0 an offset is what `Tracking` makes of the same labels."""
    rng = np.random.default_rng(0)
    alone, group = Tracking(TARGET, 0.4), GroupTracking(TARGET, np.array([0.4]))
    for _ in range(300):
        counts = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
        counts[Stake.ACCEPTED, 45] = rng.binomial(9, [0.9, 0.1])
        counts[Stake.SUSPECTED, 45] = rng.binomial(9, [0.9, 0.1])
        late = np.zeros((len(Stake), RANK_CELLS), np.int64)
        late[Stake.ACCEPTED, 45] = rng.integers(-2, 3)
        alone.update([Labels(0.1, 0, counts, late)], outstanding=200)
        bands = counts.reshape(len(Stake), 10, -1, 2).sum(axis=2)[None]
        group.update([GroupLabels(0.1, bands, late.sum(axis=1)[None])], 0.0, np.array([200.0]))
        assert abs(group.offsets[0] - alone.threshold) < 1e-12


def test_overlapping_groups_that_an_adversary_sets_against_each_other_keep_their_bounds() -> None:
    """Whoever sees all bars, and errs only where one group has just come down, gets no more than the constant."""
    tracking = GroupTracking(TARGET, np.zeros(2))
    n, errors = np.zeros(2), np.zeros(2)
    for turn in range(20_000):
        member = np.array([turn % 3 != 0, turn % 3 != 1])
        bar = float(tracking.offsets[member].sum())
        passes = bar <= 1
        wrong = passes and bool(bar < 0.4)
        counts = np.zeros((2, len(Stake), 10, 2), np.int64)
        counts[member, Stake.ACCEPTED if passes else Stake.HELD, 9, int(wrong)] = 1
        tracking.update([GroupLabels(1.0, counts, np.zeros((2, 4), np.int64))], 0.0, np.zeros(2))
        n, errors = n + member * passes, errors + member * wrong
    bound = TARGET + (1 + 2 * LARGEST_STEP + tracking.openings) / (LARGEST_STEP * n)
    assert (n > 3_000).all()
    assert (errors / n <= bound).all()
    assert (bound < TARGET + 0.02).all()


def test_each_group_comes_to_the_target_where_their_errors_differ() -> None:
    """Error by rank r: .3 (1 - r) in one group, .1 (1 - r) in the other; sums over 20,000 labels each."""
    rng = np.random.default_rng(3)
    shared, tracking = Tracking(TARGET, 0.5), GroupTracking(TARGET, np.zeros(2))
    n, errors = np.zeros(2), np.zeros(2)
    for _ in range(4_000):
        group = rng.integers(2, size=10)
        rank = rng.random(10)
        passes = rank >= shared.threshold + tracking.offsets[group]
        wrong = rng.random(10) < np.where(group == 0, 0.3, 0.1) * (1 - rank)
        counts = np.zeros((2, len(Stake), 10, 2), np.int64)
        np.add.at(counts[:, Stake.ACCEPTED, 9], (group[passes], wrong[passes].astype(np.int64)), 1)
        cells = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
        cells[:, 45] = counts.sum(axis=(0, 2))
        shared.update([Labels(1.0, 0, cells, np.zeros((4, RANK_CELLS), np.int64))], 0)
        late = np.zeros((2, 4), np.int64)
        tracking.update([GroupLabels(1.0, counts, late)], shared.threshold, np.zeros(2))
        np.add.at(n, group[passes], 1)
        np.add.at(errors, group[passes], wrong[passes])
    # the easier group may be below the target: λ cannot go below 0
    rate = errors / n
    assert abs(rate[0] - TARGET) < 0.006
    assert rate[1] <= TARGET + 0.006
    assert n[1] / n.sum() > 0.5


def test_state_restores_it() -> None:
    """All four arrays come back to the bit."""
    tracking = GroupTracking(TARGET, np.array([0.1, 0.2]))
    each = labels([[(0, 5)] + [(0, 0)] * 3] * 2, [1] * 8, 1.0)
    tracking.update([each], 0.0, np.zeros(2))
    assert (tracking.offsets > [0.1, 0.2]).all()
    again = GroupTracking(TARGET, np.zeros(2))
    again.restore(tracking.state())
    for one in (tracking, again):
        one.update([each], 0.0, np.zeros(2))
    assert again.state()["offsets"].tobytes() == tracking.state()["offsets"].tobytes()
