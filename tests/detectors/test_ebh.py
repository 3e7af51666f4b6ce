"""The list of views in an alarm: how many of its names are false, and when it says the change came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.change_point import ChangePoints
from detectors.ebh import e_bh
from detectors.evidence import Evidence
from detectors.layout import Layout
from detectors.types import FloatArray


def e_values(rng: np.random.Generator, n: int, views: int, moved: int, common: float) -> FloatArray:
    """(n, views) logarithms: likelihood ratios of a shift by 3 of Gaussians that share a part; the first are moved."""
    z = np.sqrt(common) * rng.normal(size=(n, 1)) + np.sqrt(1 - common) * rng.normal(size=(n, views))
    z[:, :moved] += 3
    return np.asarray(3 * z - 4.5)


@pytest.mark.parametrize("common", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("moved", [0, 5, 20])
def test_the_share_of_false_names_is_bounded_under_dependence(common: float, moved: int) -> None:
    """40 views, 4,000 lists, correlation 0, .5 and .99, rate .1, seed 4: the mean share of false names is at most .1.

    A mean of 4,000 shares in [0, 1] has a standard error of at most .008; three of them are allowed above the bound.
    """
    log_e = e_values(np.random.default_rng(4), 4000, 40, moved, common)
    shares = [float((named >= moved).mean()) if len(named := e_bh(row)) else 0.0 for row in log_e]
    assert np.mean(shares) <= 0.1 + 0.024


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=30), st.sampled_from([0.01, 0.1, 0.5]))
def test_it_is_the_procedure_as_it_is_written(log_e: list[float], rate: float) -> None:
    """Against all k in turn: the greatest k whose k-th largest e-value is at least K / (k rate)."""
    ranked = sorted(log_e, reverse=True)
    ks = [k for k in range(1, len(ranked) + 1) if ranked[k - 1] + np.log(k) >= np.log(len(ranked) / rate)]
    named = e_bh(np.array(log_e), rate)
    assert len(named) == max(ks, default=0)
    assert sorted((log_e[i] for i in named), reverse=True) == ranked[: len(named)]


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=40))
def test_the_change_point_maximises_the_evidence(growth: list[float]) -> None:
    """Against the sums from every start: the one from the point that is told is the greatest, if it is above zero."""
    points = ChangePoints(1)
    for time, each in enumerate(growth):
        points.add(np.array([each]), float(time))
    sums = [sum(growth[s:]) for s in range(len(growth))]
    at = int(points.since(np.array([True])))
    assert sums[at] == pytest.approx(max(sums), abs=1e-9)


def test_an_alarm_names_what_moved_and_since_when() -> None:
    """Two of ten views move in batch 30 of 40, seed 5: the list holds these alone, and the change is dated within 2."""
    rng = np.random.default_rng(5)
    names = tuple(f"x{i}" for i in range(10))
    layout = Layout(names, 10, (), (), (), ("single",) * 10)
    usual, moved = np.full(8, 1 / 8), np.linspace(1, 3, 8) / 16

    def batch(at: int) -> list[int]:
        shares = [moved if at >= 30 and view < 2 else usual for view in range(10)]
        return [n for share in shares for n in [*rng.multinomial(100, share), 0, 0]]

    counts = np.array([batch(at) for at in range(40)])
    reference = np.tile([250] * 8 + [0, 0], 10)
    evidence = Evidence(layout, reference, np.log(1e6))
    alarm = evidence.update(counts, np.full(40, 100.0), np.arange(40.0) * 60).alarms[0]
    assert alarm.view in (0, 1)
    assert set(alarm.moved) == {0, 1}
    assert 28 * 60 <= alarm.since <= 32 * 60
