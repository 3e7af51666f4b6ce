from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from detectors.groups.gaps import Gaps, reference_gaps
from detectors.harm import HarmReading

NONE = HarmReading(-np.inf, (), None, open=False)


def made(delta: float, level: float = 1e12, groups: int = 2) -> Gaps:
    """Gaps between groups of one name."""
    labels = [f"g={i}" for i in range(groups)]
    return Gaps("error", labels, np.zeros(groups, int), np.full(groups, delta), np.log(level))


@pytest.mark.parametrize(("p", "r"), [(0.3, 0.25), (0.1, 0.05), (0.5, 0.5), (0.05, 0.4)])
def test_a_bet_pays_at_most_one_on_average_over_all_batches(p: float, r: float) -> None:
    """Every outcome of a batch of four and five events, weighted with its chance, where the gap is tolerated."""
    delta = max(p - r, 0.0)
    gaps = made(delta)
    from math import comb

    paid = np.zeros(4)
    for k in range(5):
        for j in range(6):
            chance = comb(4, k) * p**k * (1 - p) ** (4 - k) * comb(5, j) * r**j * (1 - r) ** (5 - j)
            ours, theirs = k / 4, j / 5
            above, below = 4 * ours * (1 - theirs), 4 * (1 - ours) * theirs
            growth = above * gaps._more[0] + below * gaps._less[0] + (4 - above - below) * gaps._alike[0]
            paid += chance * np.exp(growth)
    assert (paid <= 1 + 1e-9).all()


def test_what_a_batch_gains_is_the_geometric_mean_over_all_ways_to_make_pairs() -> None:
    """Three events against four, every matching by hand."""
    gaps = made(0.1)
    ours, others = [1, 0, 1], [0, 1, 0, 0]
    bets = np.array([0.1, 0.3, 0.6, 0.9]) / 1.1
    logs = [
        np.sum([np.log1p(bets * (x - others[i] - 0.1)) for x, i in zip(ours, chosen, strict=True)], axis=0)
        for chosen in permutations(range(4), 3)
    ]
    p, r = 2 / 3, 1 / 4
    above, below = 3 * p * (1 - r), 3 * (1 - p) * r
    growth = above * gaps._more[0] + below * gaps._less[0] + (3 - above - below) * gaps._alike[0]
    assert np.allclose(growth, np.mean(logs, axis=0))


def test_no_false_alarm_comes_sooner_than_promised_while_the_rates_move_together() -> None:
    """Errors of both groups swing by .4 together, .04 apart, .05 tolerated; 40 runs of a tenth of A each.

    The chance of an alarm in a run is at most t / A = .1, so 4 are expected at most.
    """
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        gaps = made(0.05, level=2_000.0)
        for turn in range(200):
            p = 0.25 + 0.2 * np.sin(turn / 20)
            wrong = rng.binomial(20, [p, p + 0.04])
            said = gaps.count(np.stack([20 - wrong, wrong], axis=1).astype(float), 1.0, 60.0 * turn, NONE)
            alarms += len(said.alarms) > 0
    # ten or more would come with probability .005
    assert alarms < 10


def test_a_gap_is_found_and_named_and_says_between_whom() -> None:
    """One of four groups errs by .15 more."""
    rng = np.random.default_rng(5)
    gaps = made(0.03, level=1e5, groups=4)
    for turn in range(400):
        wrong = rng.binomial(10, [0.05, 0.05, 0.2, 0.05])
        said = gaps.count(np.stack([10 - wrong, wrong], axis=1).astype(float), 40.0, 60.0 * turn, NONE)
        if said.alarms:
            break
    assert said.alarms[0].view == "fairness: error of g=2 above others"
    assert turn < 200
    assert gaps.is_open


def test_groups_of_other_names_and_groups_without_events_are_not_compared() -> None:
    """A gap between a region and an age is none."""
    gaps = Gaps("error", ["a=x", "b=y"], np.array([0, 1]), np.full(2, 0.01), np.log(10.0))
    for turn in range(100):
        assert not gaps.count(np.array([[10.0, 0.0], [0.0, 10.0]]), 1.0, float(turn), NONE).alarms
    alone = made(0.01, level=10.0)
    for turn in range(100):
        assert not alone.count(np.array([[0.0, 0.0], [0.0, 10.0]]), 1.0, float(turn), NONE).alarms


def test_the_reference_says_what_is_tolerated() -> None:
    """No less than two points, and as much as it cannot rule out."""
    n = np.array([1e6, 1e6, 50.0])
    found = reference_gaps(np.array([1e5, 1e5, 20.0]), n, np.array([0, 0, 1]))
    assert found[0] == 0.02
    assert np.isinf(found[2])
