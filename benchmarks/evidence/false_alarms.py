"""How far apart are false alarms, against what was promised? Healthy streams, judged by the production detector."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, chi2

from benchmarks.tables import SHORT, table
from detectors.evidence import Evidence
from detectors.types import Rows

from .side_by_side import Panel, fitted
from .streams import HEALTHY, correlated, numbers

__all__ = ["Ratio", "by_time", "many_features", "run_lengths", "single_features"]

LEVELS = (1e4, 1e5)
REFERENCES = (200, 1000, 10_000)
BATCHES = (1, 10, 100)
_HORIZON = 2.0
"""Streams end after so many A, or at their first alarm."""
_FEW = 3
_THOROUGH = 4.0
"""Effort from which event by event is measured at the higher level with every reference: an hour."""


@dataclass(frozen=True)
class Ratio:
    """Events a false alarm over A: what was seen, and what it may be, by the Poisson law of few alarms.

    Attributes
    ----------
    at_risk
        Events until the first alarms, in units of A.
    alarms
        How many there were.
    """

    at_risk: float
    alarms: int

    @property
    def value(self) -> float:
        """The ratio; with no alarm what it surely is."""
        return self.at_risk / self.alarms if self.alarms else self.low

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return float(2 * self.at_risk / chi2.ppf(0.975, 2 * self.alarms + 2))

    @property
    def high(self) -> float:
        """Upper end of it."""
        return float(2 * self.at_risk / chi2.ppf(0.025, 2 * self.alarms)) if self.alarms else np.inf

    def __str__(self) -> str:
        """The ratio and its interval; few alarms say at least how much."""
        if self.alarms < _FEW:
            return f"≥ {self.low:.2g}"
        return f"{self.value:.2g} ({self.low:.2g}–{self.high:.2g})"


def measured(
    draw: Callable[[np.random.Generator, int, int], Rows],
    level: float,
    rows: int,
    batch: int,
    wanted: float,
    temper: Callable[[Rows], np.ndarray] | None = None,
) -> Ratio:
    """So many A of independent streams, side by side."""
    streams = max(int(np.ceil(wanted / _HORIZON)), 2)
    rng = np.random.default_rng([rows, batch, int(level)])
    reference = draw(rng, streams, rows)
    panel = Panel(reference, level, batch, temper=None if temper is None else temper(reference))
    return run_lengths(panel, lambda n: draw(rng, streams, n), level)


def run_lengths(panel: Panel, more: Callable[[int], Rows], level: float) -> Ratio:
    """Take rows until all streams have alarmed or ended."""
    while panel.at < _HORIZON * level and (panel.first < 0).any():
        panel.take(more(panel.chunk))
    return Ratio(panel.at_risk() / level, panel.alarms)


def single_features(effort: float) -> tuple[str, dict[tuple[int, int], list[Ratio]]]:
    """A table over all kinds of streams, references, levels and batches; and the ratios by batch and reference."""
    wanted = {1: 8 * effort, 10: 20 * effort, 100: 50 * effort}
    found: dict[tuple[int, int], list[Ratio]] = {}
    lines = []
    for name, draw in HEALTHY.items():
        for rows in REFERENCES if not SHORT else (1000,):
            ratios = []
            for level in LEVELS if not SHORT else (1e3,):
                for batch in BATCHES:
                    if batch == 1 and level == LEVELS[-1] and rows != 1000 and effort < _THOROUGH:
                        ratios.append("")
                        continue
                    ratio = measured(draw, level, rows, batch, wanted[batch])
                    found.setdefault((batch, rows), []).append(ratio)
                    ratios.append(str(ratio))
            lines.append((f"{name}, {rows:,} rows", *ratios))
            print(*lines[-1], sep=" | ", flush=True)
    return _table("one feature", lines), found


def _table(what: str, lines: Iterable[tuple[str, ...]]) -> str:
    levels = ("10⁴", "10⁵") if not SHORT else ("10³",)
    return table((what, *(f"A = {level}, n = {n}" for level in levels for n in BATCHES)), lines)


def many_features(effort: float) -> tuple[str, dict[tuple[int, int], list[Ratio]]]:
    """A hundred features with all joint views: each run has a reference of its own, and ends at its first alarm."""
    features = 10 if SHORT else 100
    events = {(1e4, 1): 10_000, (1e4, 10): 40_000, (1e4, 100): 200_000, (1e5, 100): 300_000, (1e3, 100): 5_000}
    found: dict[tuple[int, int], list[Ratio]] = {}
    lines = []
    for rho in (0.0, 0.5, 0.9):
        for rows in REFERENCES if not SHORT else (1000,):
            texts = []
            for level in LEVELS if not SHORT else (1e3,):
                for batch in BATCHES:
                    total = int(events.get((level, batch), 0) * effort)
                    if not total or (batch == 1 and rows != 1000):
                        texts.append("")
                        continue
                    ratio = _of_all_views(rho, features, rows, level, batch, total)
                    found.setdefault((batch, rows), []).append(ratio)
                    texts.append(str(ratio))
            lines.append((f"correlation {rho}, {rows:,} rows", *texts))
            print(*lines[-1], sep=" | ", flush=True)
    return _table(f"{features} features", lines), found


def _of_all_views(rho: float, features: int, rows: int, level: float, batch: int, total: int) -> Ratio:
    draw = correlated(rho)
    seen = alarms = run = 0
    starts = np.arange(0, 10 * batch + 1, batch)
    clock = np.full(10, float(batch))
    while seen < total:
        rng = np.random.default_rng([run, rows, batch])
        profile = fitted(draw(rng, features, rows))
        evidence = Evidence(profile.views.layout(), profile.counts, float(np.log(level)))
        at, alarm = 0, None
        while at < total - seen and alarm is None:
            counts = profile.views.count(draw(rng, features, int(starts[-1])), starts)
            found = evidence.update(counts, clock, at + starts[1:].astype(float)).alarms
            alarm = int(starts[found[0].batch + 1]) if found else None
            at += int(starts[-1]) if alarm is None else alarm
        seen, alarms, run = seen + at, alarms + (alarm is not None), run + 1
    return Ratio(seen / level, alarms)


def by_time(effort: float) -> tuple[str, bool]:
    """How often an alarm comes by t, against t / A: batches that are large beside their reference."""
    lines, kept = [], True
    panels, streams = max(int((1 if SHORT else 16) * effort), 1), 200 if SHORT else 1000
    for counted, batch in ((200, 1000), (200, 200), (1000, 1000)):
        for level in (1e4, 1e6, 1e8):
            early = 0
            for seed in range(panels):
                rng = np.random.default_rng([seed, counted, batch])
                panel = Panel(numbers(rng.normal(size=(streams, 2 * counted))), level, batch)
                for _ in range(3):
                    panel.take(numbers(rng.normal(size=(streams, batch))))
                early += panel.alarms
            n, bound = panels * streams, 3 * batch / level
            low = float(beta.ppf(0.05, early, n - early + 1)) if early else 0.0
            high = float(beta.ppf(0.95, early + 1, n - early))
            kept &= low <= bound
            size = f"{batch / counted:g}"
            lines.append(
                (
                    size,
                    f"{counted:,}",
                    f"{level:.0e}",
                    f"{3 * batch:,}",
                    f"{bound:.1g}",
                    f"{early:,} of {n:,}",
                    f"{high:.1g}",
                )
            )
    head = ("n / reference", "counted rows", "A", "t", "t / A", "alarms by t", "at most, 95 %")
    return table(head, lines), kept
