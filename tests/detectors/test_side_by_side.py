"""Two versions side by side: how often a verdict is wrong, how soon it comes, and what survives a restart."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.side_by_side import SideBySide, SideBySideVerdict
from detectors.types import FloatArray

ALPHA = 0.05


def shown(rng: np.random.Generator, n: int, error: float, doubt: float = 0.5, held: float = 0.3) -> list[FloatArray]:
    """What a version shows in a batch: errors, doubt, and what is held back."""
    doubts = rng.beta(4 * doubt, 4 * (1 - doubt), n)
    return [(rng.random(n) < error).astype(float), doubts, (rng.random(n) < held).astype(float)]


def verdicts(seeds: int, candidate: dict[str, float], batches: int = 60, margin: float = 0.02) -> list[tuple[str, int]]:
    """The verdict of each seed, and after how many labels of the candidate; an error of .05 is the baseline's."""
    found = []
    for seed in range(seeds):
        rng, test = np.random.default_rng(seed), SideBySide(margin, 0.05, ALPHA)
        reading, n = test.reading(), 0
        while reading.verdict is SideBySideVerdict.UNDECIDED and n < 5 * batches:
            reading = test.update(shown(rng, 45, 0.05), shown(rng, 5, **candidate))
            n += 5
        found.append((reading.verdict.value, n))
    return found


def test_the_expected_growth_is_at_most_one() -> None:
    """All draws of one group from two equal rates, every bet: E[1 + λ(c - b̄)] = 1, and below it for a better one."""
    for p, k, bet in product((0.05, 0.4), (1, 3), (0.02, 0.8)):
        total = 0.0
        for new, *base in product((0, 1), repeat=k + 1):
            chance = math.prod(p if each else 1 - p for each in (new, *base))
            total += chance * (1 + bet * (new - sum(base) / k))
        assert total == pytest.approx(1.0)


@pytest.mark.slow
def test_a_good_candidate_is_rarely_called_worse() -> None:
    """2,000 seeds of two equal versions, looked at 60 times each: wrong verdicts within the binomial bound of 5 %."""
    wrong = sum(verdict == "worse" for verdict, _ in verdicts(2000, {"error": 0.05}))
    assert wrong <= 2000 * ALPHA + 3 * np.sqrt(2000 * ALPHA * (1 - ALPHA))


def test_a_good_candidate_is_rarely_called_worse_in_short() -> None:
    """The same with fewer seeds."""
    wrong = sum(verdict == "worse" for verdict, _ in verdicts(150, {"error": 0.05}))
    assert wrong <= 150 * ALPHA + 3 * np.sqrt(150 * ALPHA * (1 - ALPHA))


def test_a_candidate_that_errs_by_the_margin_more_is_rarely_called_safe() -> None:
    """It is just not safe: at most 5 % of seeds say so."""
    found = verdicts(150, {"error": 0.07})
    assert sum(verdict == "safe" for verdict, _ in found) <= 150 * ALPHA + 3 * np.sqrt(150 * ALPHA * (1 - ALPHA))


@pytest.mark.parametrize(
    ("candidate", "most"),
    [({"error": 0.15}, 150), ({"error": 0.05, "doubt": 0.75}, 200), ({"error": 0.05, "held": 0.7}, 150)],
)
def test_a_worse_candidate_is_found_soon(candidate: dict[str, float], most: int) -> None:
    """Three times the errors, much more doubt, or twice as much held back: found in nearly all seeds."""
    found = verdicts(40, candidate, margin=0.001)
    assert sum(verdict == "worse" for verdict, _ in found) >= 38
    assert np.median([n for _, n in found]) <= most


def test_a_hard_morning_is_hard_for_both() -> None:
    """Error rates that rise and fall together are no difference."""
    rng, test = np.random.default_rng(5), SideBySide(0.02, 0.05, ALPHA)
    for k in range(200):
        error = 0.05 + 0.4 * (k // 20 % 2)
        reading = test.update(shown(rng, 45, error), shown(rng, 5, error))
    assert reading.verdict is not SideBySideVerdict.WORSE


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=20), st.integers(0, 100))
def test_nothing_is_left_over_and_a_restored_one_goes_on_the_same(sizes: list[tuple[int, int]], seed: int) -> None:
    """Whatever the sizes: every value is dealt or waits, and a copy restored midway ends with the same bits."""
    rng = np.random.default_rng(seed)
    batches = [(shown(rng, a, 0.3), shown(rng, b, 0.3)) for a, b in sizes]
    whole, first, second = (SideBySide(0.02, 0.05, ALPHA) for _ in range(3))
    for pair in batches:
        whole.update(*pair)
    half = len(batches) // 2
    for pair in batches[:half]:
        first.update(*pair)
    second.restore(first.state())
    for pair in batches[half:]:
        second.update(*pair)
    for name, array in whole.state().items():
        assert np.array_equal(array, second.state()[name], equal_nan=True), name
    waiting = whole.state()
    assert min(len(waiting["pool_0_0"]), len(waiting["pool_0_1"])) == 0


def test_what_waits_for_the_other_side_is_bounded() -> None:
    """A candidate that never comes costs no memory."""
    test, nothing = SideBySide(0.02, 0.05, ALPHA), [np.empty(0)] * 3
    for _ in range(30):
        test.update([np.zeros(1000)] * 3, nothing)
    assert len(test.state()["pool_0_0"]) == 10_000


def test_worse_stands_until_it_begins_again() -> None:
    """Good behaviour afterwards does not wash it off; an operator's word does."""
    rng, test = np.random.default_rng(1), SideBySide(0.02, 0.05, ALPHA)
    for _ in range(30):
        test.update(shown(rng, 50, 0.05), shown(rng, 50, 0.5))
    for _ in range(200):
        reading = test.update(shown(rng, 50, 0.5), shown(rng, 50, 0.05))
    assert (reading.verdict, reading.what) == (SideBySideVerdict.WORSE, "error")
    test.begin_again()
    assert test.reading().verdict is SideBySideVerdict.UNDECIDED
