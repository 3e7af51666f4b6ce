from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.epochs import Side
from detectors.logistic import NOTHING_PASSES
from detectors.selective import LABELS_TO_LEARN, Selective, SelectiveReading, SelectiveReference
from detectors.suspicion import HOLD_REQUESTS, Suspicion, suspicion_level
from detectors.types import RANK_CELLS, FloatArray, IntArray, Labels, Stake

CELLS = (np.arange(RANK_CELLS) + 0.5) / RANK_CELLS
RATES: FloatArray = 0.45 * (1 - CELLS) ** 2
TRAFFIC = np.full(RANK_CELLS, 2)
NOT_LATE = np.zeros((len(Stake), RANK_CELLS), np.int64)
Known = Literal["all", "asked"]


def reference(n: int = 80, rates: FloatArray = RATES) -> SelectiveReference:
    """A reference with `n` labelled rows a cell, wrong at `rates`."""
    wrong = np.round(n * rates).astype(np.int64)
    return SelectiveReference(np.stack([n - wrong, wrong], axis=1), n * RANK_CELLS, 86_400.0)


def unlabelled() -> SelectiveReference:
    return SelectiveReference(np.zeros((RANK_CELLS, 2), np.int64), 4_000, 86_400.0)


def selective(known: Known = "asked", of: SelectiveReference | None = None) -> Selective:
    return Selective(reference() if of is None else of, max_error=0.05, confidence=0.95, known=known)


def labels(counts: IntArray, stake: Stake = Stake.ACCEPTED, epoch: int = 0) -> Labels:
    by_stake = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
    by_stake[stake] = counts
    return Labels(0.1, epoch, by_stake, NOT_LATE)


def draw(r: np.random.Generator, rates: FloatArray, n: int = 2) -> IntArray:
    """Right and wrong of `n` labels a cell."""
    wrong = r.binomial(n, rates)
    return np.stack([n - wrong, wrong], axis=1).astype(np.int64)


def feed(judge: Selective, rates: FloatArray, batches: int, seed: int = 0) -> list[SelectiveReading]:
    """Labels of everything, held back below the threshold."""
    r, readings = np.random.default_rng(seed), [judge.reading()]
    for _ in range(batches):
        now, counts = readings[-1], draw(r, rates)
        by_stake = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
        passes = now.threshold <= CELLS
        by_stake[Stake.ACCEPTED, passes], by_stake[Stake.HELD, ~passes] = counts[passes], counts[~passes]
        readings.append(judge.update([Labels(1.0, now.epoch, by_stake, NOT_LATE)], TRAFFIC, outstanding=500))
    return readings[1:]


@pytest.mark.parametrize("max_error", [0.02, 0.05, 0.1])
def test_the_first_threshold_lets_through_what_the_reference_bears_out(max_error: float) -> None:
    """Above λ₁ the reference's smoothed errors are within τ·a*, one cell lower they are not; raw ones agree roughly."""
    judge = Selective(reference(), max_error, 0.95, "asked")
    at = judge.reading().threshold
    assert at <= 1
    cell = round(at * RANK_CELLS)
    smoothed = judge._fit.rates()
    assert smoothed[cell:].mean() <= 0.9 * max_error * (1 + 1e-6)
    assert smoothed[max(cell - 1, 0) :].mean() > 0.9 * max_error
    assert RATES[cell:].mean() <= 1.3 * max_error


def test_a_perfect_reference_lets_everything_pass() -> None:
    """Nobody is held back where 4,000 labels show no error."""
    assert selective(of=reference(rates=np.zeros(RANK_CELLS))).reading().threshold == 0


def test_a_hopeless_reference_lets_nothing_pass() -> None:
    """Where even the surest are wrong a third of the time, λ₁ is above every rank."""
    reading = selective(of=reference(rates=np.full(RANK_CELLS, 1 / 3))).reading()
    assert reading.threshold == NOTHING_PASSES > 1
    assert reading.could_pass == 0


def test_ties_count_as_traffic() -> None:
    """Where half of the reference shares the lowest cell, could_pass counts requests and not ranks."""
    counts = reference(40).counts.copy()
    counts[0] = 1_000, 1_000
    judge = selective(of=SelectiveReference(counts, 4_000, 1.0))
    assert judge.reading().could_pass < 0.5


def test_without_labels_nothing_passes_until_200_have_come() -> None:
    """No labels known: hold back, learn from the held back, then open at what they bear out; no epoch is counted."""
    judge = selective(of=unlabelled())
    assert judge.reading().threshold > 1
    r = np.random.default_rng(1)
    seen, reading = 0, judge.reading()
    while seen < LABELS_TO_LEARN:
        assert reading.threshold > 1
        counts = draw(r, RATES, 1)
        reading = judge.update([labels(counts, Stake.HELD)], TRAFFIC, outstanding=0)
        seen += int(counts.sum())
    assert 0.2 < reading.threshold < 0.9
    assert reading.epoch == 0
    assert reading.epoch_alarm is None


def test_errors_that_grow_begin_an_epoch_and_raise_the_threshold() -> None:
    """A worse epoch raises λ at once, voids the certificate, and holds full suspicion for 2,000 requests."""
    judge = selective("all")
    before = feed(judge, RATES, 60)
    assert before[-1].certified_from < 1
    after = feed(judge, np.minimum(RATES * 2 + 0.03, 1), 40, seed=1)
    at = next(i for i, reading in enumerate(after) if reading.epoch_alarm)
    assert after[at].epoch_alarm is Side.WORSE
    assert after[at].worse.alarm
    assert after[at].worse.log_evidence >= after[at].worse.log_threshold
    assert after[at].threshold > [*before, *after][59 + at].threshold + 0.1
    assert after[at].epoch == 1
    assert after[at].certified_from > 1
    assert after[at].suspicion == pytest.approx(0.4 * (1 - after[at].threshold))


def test_errors_that_shrink_open() -> None:
    """A better epoch lowers λ at once, without suspicion."""
    judge = selective("all")
    readings = feed(judge, RATES / 4, 60)
    at = next(i for i, reading in enumerate(readings) if reading.epoch_alarm)
    assert readings[at].epoch_alarm is Side.BETTER
    assert readings[at].threshold < readings[at - 1].threshold
    assert readings[at].suspicion == 0


def test_labels_of_an_earlier_epoch_are_not_certified() -> None:
    """What was decided before an epoch began moves λ, but proves nothing about the epoch."""
    judge = selective()
    assert judge.begin_epoch() == 1
    counts = np.zeros((RANK_CELLS, 2), np.int64)
    counts[35:, 0] = 8
    assert judge.update([labels(counts, epoch=0)], TRAFFIC, outstanding=0).certified_from > 1
    assert judge.update([labels(counts, epoch=1)], TRAFFIC, outstanding=0).certified_from < 1


def test_where_all_is_known_every_label_weighs_one() -> None:
    """`known: all` ignores the audit share: suspected answers move λ as accepted ones do."""
    counts = np.zeros((RANK_CELLS, 2), np.int64)
    counts[45, 1] = 1
    moved = {}
    choices: tuple[Known, Known] = ("all", "asked")
    for known in choices:
        judge = selective(known)
        before = judge.reading().threshold
        moved[known] = judge.update([labels(counts, Stake.SUSPECTED)], TRAFFIC, 0).threshold - before
    assert moved["all"] == pytest.approx(10 * moved["asked"])


def test_nothing_moves_without_labels() -> None:
    """Traffic alone leaves threshold, evidence and certificate where they are, however much of it."""
    judge = selective()
    first = judge.reading()
    for _ in range(50):
        last = judge.update([], TRAFFIC, outstanding=10.0)
    assert last.threshold == first.threshold
    assert last.worse == first.worse
    assert last.certified_from == first.certified_from


@pytest.mark.parametrize(("name", "value"), [("max_error", 2.0), ("max_error", 0.0), ("confidence", 95.0)])
def test_a_promise_that_is_none_is_refused(name: str, value: float) -> None:
    """A percentage where a share is wanted is named in the error."""
    promise = {"max_error": 0.05, "confidence": 0.95, name: value}
    with pytest.raises(ValueError, match=f"{name} is"):
        Selective(reference(), promise["max_error"], promise["confidence"])


@given(st.integers(0, 60), st.sampled_from(["all", "asked"]), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_a_restored_judge_goes_on_to_the_bit(cut: int, known: Known, learning: bool, seed: int) -> None:
    """Cut anywhere, epoch alarms and learning included, the state is all that the future depends on."""
    of = unlabelled() if learning else reference()
    whole, first, second = (selective(known, of) for _ in range(3))
    r = np.random.default_rng(seed)
    for i in range(61):
        if i == cut:
            second.restore(first.state())
            assert first.reading() == second.reading()
        late = np.where(r.random((len(Stake), RANK_CELLS)) < 0.01, r.integers(-1, 3), 0)
        counts = np.stack([draw(r, np.minimum(RATES * (1 + 2 * (i > 30)), 1), 1) for _ in Stake])
        come = [Labels(0.1, i // 35, counts, late.astype(np.int64))]
        part = first if i < cut else second
        expected, found = (
            judge.update(come, TRAFFIC, 30.0, evidence=(i % 3) / 3, warning_alarm=i == 20) for judge in (whole, part)
        )
        assert found == expected
    for name, array in whole.state().items():
        assert np.array_equal(array, second.state()[name]), name


def test_suspicion_holds_for_2000_requests_and_then_waits_for_another_episode() -> None:
    """After an alarm x is 1 for 2,000 requests; the same lasting evidence then counts nothing, a new rise does."""
    suspicion = Suspicion()
    suspicion.update(100, 1.0, alarm=True)
    levels = []
    for _ in range(HOLD_REQUESTS // 100 + 3):
        levels.append(suspicion.level(0.0))
        suspicion.update(100, 1.0, alarm=False)
    assert levels == [1.0] * 20 + [0.0] * 3
    suspicion.update(100, 0.0, alarm=False)
    suspicion.update(100, 0.25, alarm=False)
    assert suspicion.level(0.0) == 0.25
    assert suspicion.level(0.5) == 0.5


def test_suspicion_adds_nothing_where_nothing_passes() -> None:
    """Above 1 the threshold needs no help, and the bar is never lowered by it."""
    suspicion = Suspicion()
    suspicion.update(1, 1.0, alarm=True)
    assert suspicion.bar(1.06, 1.0) == 0


@pytest.mark.parametrize("log_a", [2.0, 7.4, 7.5, 11.5, 30.0])
def test_suspicion_grows_from_nothing_to_the_alarm(log_a: float) -> None:
    """It is 0 well before the alarm, 1 at it, and never falls as evidence grows; small levels have no in-between."""
    levels = [suspicion_level(x, log_a) for x in np.linspace(-5, log_a, 200)]
    assert levels[0] == 0
    assert levels[-1] == 1
    assert levels == sorted(levels)
    assert (len(set(levels)) == 2) == (log_a < 7.5)
