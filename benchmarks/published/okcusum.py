"""OKCUSUM's scale mixture: 20 features, and an average run length of 10⁴ and 10⁵.

Setting, from the authors' code (`example2_EDDvsARL.m`, `generate_stat_H1.m`; Wei & Xie, "Online kernel CUSUM for
change-point detection", arXiv 2211.15070): 10,000 rows of N(0, I) before, the change at the first event, after it
each event is N(0, I) with a probability of .3 and N(0, 4 I) otherwise; the delay counts the alarming event; 800 runs.
Their thresholds are calibrated by simulation to the run length, ours is the number itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.evidence.side_by_side import fitted
from benchmarks.evidence.streams import numbers
from benchmarks.tables import SHORT, aim, table
from detectors.baselines import opinion
from detectors.profile import Fitted
from detectors.types import FloatArray

from .runs import Lengths, lengths
from .watchers import First, always, first_of_evidence, first_of_opinions

__all__ = ["okcusum"]

_FEATURES, _ROWS = 20, 10_000
_LEVELS = {1e4: ("10⁴", 8.6, 6.2), 1e5: ("10⁵", 9.7, 7.4)}
_PROFILES, _RUNS = (1, 20) if SHORT else (5, 40)
_LONGEST = 300
_HEALTHY, _HEALTHY_RUNS = (500, 2) if SHORT else (2000, 20)


def _after(rng: np.random.Generator, n: int) -> FloatArray:
    scale = np.where(rng.random(n) < 0.3, 1.0, 2.0)
    return rng.normal(size=(_FEATURES, n)) * scale


def _changed(seed: int, runs: int) -> Iterator[FloatArray]:
    rng = np.random.default_rng([1, seed])
    return (_after(rng, _LONGEST) for _ in range(runs))


def _healthy(seed: int, runs: int, n: int) -> Iterator[FloatArray]:
    rng = np.random.default_rng([2, seed])
    return (rng.normal(size=(_FEATURES, n)) for _ in range(runs))


def _together(found: list[Lengths]) -> Lengths:
    return Lengths(np.concatenate([each.events for each in found]), sum(each.alarmed for each in found))


def _ours(profiles: list[Fitted], level: float) -> tuple[Lengths, Lengths]:
    watchers = [first_of_evidence(profile, level) for profile in profiles]
    runs = -(-_HEALTHY_RUNS // len(profiles))
    healthy = [lengths(each, _healthy(seed, runs, _HEALTHY), _counted) for seed, each in enumerate(watchers)]
    delays = [lengths(each, _changed(seed, _RUNS), _counted) for seed, each in enumerate(watchers)]
    return _together(healthy), _together(delays)


def _theirs(first: First, runs: int, healthy: int) -> tuple[Lengths, Lengths]:
    return lengths(first, _healthy(0, 2, healthy), _counted), lengths(first, _changed(0, runs), _counted)


def _counted(at: int) -> float:
    return at + 1.0


def okcusum() -> tuple[str, list[str]]:
    """The table, and what came of the aims."""
    profiles = []
    for seed in range(_PROFILES):
        rng = np.random.default_rng([0, seed])
        profiles.append(fitted(numbers(rng.normal(size=(_FEATURES, _ROWS)))))
    lines: list[tuple[str, ...]] = []
    aims = []
    for level, (name, published, prototype) in _LEVELS.items():
        healthy, delay = _ours(profiles, level)
        lines.append((f"**Holdback**, n = 1, A = {name}", str(healthy), f"**{delay}**"))
        lines.append(("OKCUSUM, as published", f"{name}, by calibration", str(published)))
        aims.append(aim(f"the scale mixture in at most {published} events at A = {name}", delay.mean, published))
        aims.append(aim(f"in at most the {prototype} of a prototype", delay.mean, prototype))
    for what, name, runs, unchanged in (("ADWIN", "adwin", 20, 20_000), ("KSWIN", "kswin", 5, 500)):
        healthy, delay = _theirs(first_of_opinions(partial(opinion, name)), runs, unchanged)
        lines.append((f"river, {what} on each feature", str(healthy), str(delay)))
    healthy, delay = _theirs(always(), 20, 10)
    lines.append(("a dummy that always alarms", str(healthy), str(delay)))
    return table(("scale mixture, 20 features", "events a false alarm", "delay in events"), lines), aims
