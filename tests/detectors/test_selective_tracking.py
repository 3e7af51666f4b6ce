from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.tracking import LARGEST_STEP, Tracking, step_size
from detectors.types import RANK_CELLS, Labels, Stake

TARGET = 0.045
Batch = tuple[tuple[tuple[int, int], ...], tuple[int, ...], float]
BATCHES = st.lists(
    st.tuples(
        st.tuples(*[st.tuples(st.integers(0, 9), st.integers(0, 9))] * 4),
        st.tuples(*[st.integers(-3, 5)] * 4),
        st.sampled_from([0.05, 0.5, 1.0]),
    ),
    max_size=30,
)


def labels(counts: dict[Stake, tuple[int, int]], overdue: dict[Stake, int], propensity: float = 0.1) -> Labels:
    """Right and wrong answers, and overdue labels, by stake; the cell does not matter to tracking."""
    counted = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
    late = np.zeros((len(Stake), RANK_CELLS), np.int64)
    for stake, pair in counts.items():
        counted[stake, 40] = pair
    for stake, n in overdue.items():
        late[stake, 40] = n
    return Labels(propensity, 0, counted, late)


def excess(each: Labels) -> float:
    """Weighted err - target of the labels that the bound is about, an overdue one being an error."""
    by_stake, late = each.counts.sum(axis=1), each.overdue.sum(axis=1)
    terms = by_stake[:, 1] - TARGET * by_stake.sum(axis=1) + (1 - TARGET) * late
    return float(terms[Stake.ACCEPTED] + each.propensity * terms[Stake.SUSPECTED])


@given(BATCHES, st.floats(0, 1))
def test_the_bound_holds_for_any_sequence(batches: list[Batch], first: float) -> None:
    """Summed excess is at most (1 + 2 eta - lambda_1 + openings) / eta, whatever comes, overdue labels included."""
    tracking, total = Tracking(TARGET, first), 0.0
    for counts, overdue, propensity in batches:
        each = labels(dict(zip(Stake, counts, strict=True)), dict(zip(Stake, overdue, strict=True)), propensity)
        total += excess(each)
        tracking.update([each], outstanding=0)
        assert 0 <= tracking.threshold <= 1 + 2 * LARGEST_STEP
        bound = (1 + 2 * LARGEST_STEP - first + tracking.openings) / LARGEST_STEP
        assert total <= bound + 1e-6


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 2, st.integers(-3, 5), st.integers(0, 2_000)), max_size=40))
def test_the_bound_holds_for_any_sequence_of_steps(batches: list[tuple[int, int, int, int]]) -> None:
    """With outstanding labels that come and go the docstring's second bound holds, whatever the labels say."""
    tracking, first = Tracking(TARGET, 0.4), 0.4
    total = fallen = paid = 0.0
    steps: list[float] = []
    for right, wrong, overdue, outstanding in batches:
        each = labels({Stake.ACCEPTED: (right, wrong), Stake.SUREST: (wrong, 0)}, {Stake.ACCEPTED: overdue})
        before = tracking.openings
        tracking.update([each], outstanding)
        steps.append(step_size(outstanding))
        total += excess(each)
        fallen += max(1 / steps[-2] - 1 / steps[-1], 0.0) if len(steps) > 1 else 0.0
        paid += (tracking.openings - before) / steps[-1]
        assert total <= (1 + 2 * LARGEST_STEP) * (1 / steps[-1] + fallen) - first / steps[0] + paid + 1e-6


def test_the_bound_holds_where_errors_follow_the_threshold() -> None:
    """An adversary who errs whenever much passes, 300 labels late, gets no more than the docstring's constant."""
    tracking = Tracking(TARGET, 0.3)
    pending: list[tuple[Stake, bool]] = []
    n = errors = 0
    for _ in range(20_000):
        passing = tracking.threshold < 1
        pending.append((Stake.ACCEPTED, tracking.threshold < 0.6) if passing else (Stake.SUREST, False))
        if len(pending) > 300:
            stake, wrong = pending.pop(0)
            tracking.update([labels({stake: (int(not wrong), int(wrong))}, {})], outstanding=90)
            if stake is Stake.ACCEPTED:
                n, errors = n + 1, errors + wrong
    bound = TARGET + (1 + 2 * LARGEST_STEP - 0.3 + tracking.openings) / (LARGEST_STEP * n)
    assert errors / n <= bound
    assert n > 1_000


def test_held_back_answers_never_move_the_threshold() -> None:
    """Errors among answers that nobody would have accepted say nothing about the threshold."""
    tracking = Tracking(TARGET, 0.5)
    tracking.update([labels({Stake.HELD: (0, 500)}, {Stake.HELD: 40})], outstanding=0)
    assert tracking.threshold == 0.5
    assert tracking.openings == 0


def test_suspected_answers_weigh_their_propensity() -> None:
    """Ten that suspicion alone held back, all labelled, move it like one audited answer of ten accepted."""
    moved = []
    for stake, n in ((Stake.ACCEPTED, 1), (Stake.SUSPECTED, 10)):
        tracking = Tracking(TARGET, 0.5)
        tracking.update([labels({stake: (0, n)}, {})], outstanding=0)
        moved.append(tracking.threshold)
    assert moved[0] == pytest.approx(moved[1])


def test_the_surest_tenth_reopens() -> None:
    """When nothing passes, right answers of the surest tenth bring the threshold back under 1, counted as openings."""
    tracking = Tracking(TARGET, 1 + 2 * LARGEST_STEP)
    tracking.update([labels({Stake.SUREST: (200, 0)}, {})], outstanding=0)
    assert tracking.threshold == pytest.approx(1.06 - 200 * LARGEST_STEP * TARGET)
    assert tracking.openings == pytest.approx(200 * LARGEST_STEP * TARGET)


def test_a_stop_of_labels_closes_and_their_coming_reopens() -> None:
    """Overdue labels raise the threshold above 1; when all come, right, it ends where their labels put it."""
    tracking = Tracking(TARGET, 0.3)
    for _ in range(10):
        tracking.update([labels({}, {Stake.ACCEPTED: 20})], outstanding=50)
    assert tracking.threshold > 1
    tracking.update([labels({Stake.ACCEPTED: (100, 0)}, {Stake.ACCEPTED: -100})], outstanding=50)
    assert 0.5 < tracking.threshold < 0.7, "half of the lift is left while half of the labels are missing"
    tracking.update([labels({Stake.ACCEPTED: (100, 0)}, {Stake.ACCEPTED: -100})], outstanding=50)
    assert 0 <= tracking.threshold <= 0.3


def test_the_step_shrinks_with_labels_outstanding() -> None:
    """With every label known 500 late the step is 3 / 500, a fifth of the largest."""
    assert step_size(500) == 0.006
    assert step_size(10) == LARGEST_STEP == step_size(-1)


@given(BATCHES, st.integers(0, 30))
def test_a_restored_tracker_goes_on_to_the_bit(batches: list[Batch], cut: int) -> None:
    """Cut anywhere, the state is all that the future depends on."""
    whole, first, second = (Tracking(TARGET, 0.4) for _ in range(3))
    for i, (counts, overdue, propensity) in enumerate(batches):
        each = labels(dict(zip(Stake, counts, strict=True)), dict(zip(Stake, overdue, strict=True)), propensity)
        if i == cut:
            second.restore(first.state())
        for tracking in (whole, first if i < cut else second):
            tracking.update([each], outstanding=i * 20)
    if cut < len(batches):
        assert np.array_equal(whole.state()["tracking"], second.state()["tracking"])
