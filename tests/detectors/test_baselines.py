"""Second opinions: each keeps the same contract, and the two that know nothing stand at its ends."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.baselines import OPINIONS, opinion

NULL = ("never", "always")
REAL = [name for name in OPINIONS if name not in NULL]


def stream(name: str, n: int, *, changed: bool, seed: int = 1) -> list[float]:
    """Errors for those that watch errors, normal scores for the others; from the middle on changed, or not."""
    rng = np.random.default_rng(seed)
    late = np.arange(n) >= n // 2
    if OPINIONS[name][1]:
        return [float(x) for x in rng.random(n) < np.where(late & changed, 0.5, 0.1)]
    return [float(x) for x in rng.normal(size=n) + np.where(late & changed, 2.0, 0.0)]


def alarms(name: str, values: list[float]) -> list[int]:
    detector = opinion(name)
    return [i for i, x in enumerate(values) if detector.update(x)]


@pytest.mark.parametrize("name", REAL)
def test_each_sees_a_large_change(name: str) -> None:
    """Two standard deviations, or errors from 10 to 50 %, at event 2,000: an alarm within 500 events; seed 1."""
    assert any(2000 <= i < 2500 for i in alarms(name, stream(name, 4000, changed=True)))


@pytest.mark.parametrize("name", list(OPINIONS))
def test_each_is_deterministic(name: str) -> None:
    """The same numbers, the same alarms: those that draw have a seed."""
    values = stream(name, 800, changed=True)
    assert alarms(name, values) == alarms(name, values)


@pytest.mark.parametrize("name", list(OPINIONS))
def test_a_missing_number_changes_nothing(name: str) -> None:
    """NaN here and there: the alarms come at the same numbers, and none is silenced. (`always` alarms at NaN, too.)"""
    values = stream(name, 1000, changed=True)
    holes = [x for value in values for x in (value, float("nan"))]
    found = [i // 2 for i in alarms(name, holes)]
    assert sorted(set(found)) == alarms(name, values)


@pytest.mark.parametrize("name", list(OPINIONS))
def test_an_alarm_is_a_plain_truth_value(name: str) -> None:
    """True or False, whatever the library returns."""
    assert type(opinion(name).update(0.0)) is bool


def test_the_two_that_know_nothing() -> None:
    """One never alarms, one always: a table without them cannot tell a good detector from a loud one."""
    values = stream("adwin", 100, changed=True)
    assert alarms("never", values) == []
    assert alarms("always", values) == list(range(100))


def test_importing_them_does_not_import_river() -> None:
    """It is loaded when an opinion is asked for."""
    import subprocess
    import sys

    code = "import sys, detectors.baselines; print('river' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
