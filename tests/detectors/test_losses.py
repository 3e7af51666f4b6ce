"""Losses of a regression: seen where they grow, rarely where they do not, whatever they did before."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.harm import HarmReading, upper_bound
from detectors.losses import LOSS_SHARES, Losses
from detectors.types import FloatArray

NONE = HarmReading(-np.inf, (), None, open=False)


def watch(losses: Losses, values: FloatArray, first: float = 0.0) -> list[tuple[int, str]]:
    """(labels until then, view) of each alarm, batches of 10, an hour each."""
    found = []
    for i in range(0, len(values), 10):
        reading = losses.update(values[i : i + 10], np.ones(10), 10.0, first + 360.0 * i, NONE)
        found += [(i + 10, alarm.view) for alarm in reading.alarms]
    return found


def test_losses_as_on_the_reference_rarely_alarm() -> None:
    """10 streams of 10,000 lognormal losses, references of 1,000, A = 100,000 labels, seed 1: at most 1 + 3 alarm.

    P(alarm by t) is at most t / A = .1 if every p0 bounds its rate, of which each is certain to 95 %.
    """
    rng = np.random.default_rng(1)
    alarmed = sum(
        bool(watch(Losses(rng.lognormal(size=1000), np.log(1e5)), rng.lognormal(size=10_000))) for _ in range(10)
    )
    assert alarmed <= 1 + 3


def rates(what: str) -> FloatArray:
    """(heights,): share of losses above each height of an exponential after the change."""
    heights = -np.log(np.array(LOSS_SHARES))
    if what == "all by a half":
        return np.asarray(np.exp(-heights / 1.5))
    return np.asarray(0.9 * np.exp(-heights) + 0.1 * np.exp(-heights / 10))


@pytest.mark.parametrize("what", ["all by a half", "a tenth by ten"])
def test_losses_that_grow_are_seen(what: str) -> None:
    """Exponential losses of 2,000 rows, A = 330,000 labels: the median of 9 seeds is at most 1.6 times ln(20 A) / KL.

    KL is that of the height that tells most, between the rate that 2,000 rows let be tolerated and the one after, and
    20 the weight of a height.
    """
    shares, q = np.array(LOSS_SHARES), rates(what)
    p = upper_bound(np.rint(2000 * shares), np.full(len(shares), 2000))
    divergence = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    delays = []
    for seed in range(9):
        rng = np.random.default_rng(seed)
        losses = Losses(rng.exponential(size=2000), np.log(3.3e5))
        grown = rng.exponential(size=3000)
        grown *= 1.5 if what == "all by a half" else np.where(rng.random(3000) < 0.1, 10.0, 1.0)
        delays.append(next((n for n, _ in watch(losses, grown)), 9999))
    assert np.median(delays) <= 1.6 * np.log(20 * 3.3e5) / divergence.max()


def test_losses_that_fell_and_came_back_do_not_alarm() -> None:
    """Half as large for 20,000 labels, then as on the reference again: the rate tolerated is fixed; seed 3."""
    rng = np.random.default_rng(3)
    losses = Losses(rng.exponential(size=5000), np.log(3.3e5))
    assert watch(losses, 0.5 * rng.exponential(size=20_000)) == []
    assert watch(losses, rng.exponential(size=10_000), 1e7) == []


def test_one_lasting_rise_is_one_episode_a_height() -> None:
    """Twice the losses for 20,000 labels: no height alarms twice, and what the alarm counts is mostly of the rise."""
    rng = np.random.default_rng(4)
    losses = Losses(rng.exponential(size=2000), np.log(1e5))
    views = [view for _, view in watch(losses, 2 * rng.exponential(size=20_000))]
    assert 1 <= len(views) == len(set(views)) <= len(LOSS_SHARES)
    assert losses.is_open


def test_a_restored_watch_continues_bit_for_bit() -> None:
    """Same next reading, an open episode included."""
    rng = np.random.default_rng(5)
    reference = rng.exponential(size=500)
    one, other = Losses(reference, np.log(1e3)), Losses(reference, np.log(1e3))
    watch(one, 3 * rng.exponential(size=200))
    assert one.is_open
    other.restore(one.state())
    values = rng.exponential(size=50)
    readings = [each.update(values, np.full(50, 0.5), 50.0, 1e6, NONE) for each in (one, other)]
    assert readings[0] == readings[1]
    assert {k: v.tobytes() for k, v in one.state().items()} == {k: v.tobytes() for k, v in other.state().items()}
