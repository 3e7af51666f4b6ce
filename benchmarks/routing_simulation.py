"""Does the promise on errors hold? A served classifier whose confidence goes wrong, routed by the production classes.

    python -m benchmarks.routing_simulation --seeds 20 --scenario change none impossible stop recovery

Prints error / acceptance by stretch of the stream, beside an oracle's threshold and a static Learn-then-Test one. With
`--generator classes` confidence and errors come from another family than the one that the design was tuned on.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from benchmarks.routing_streams import (
    GENERATORS,
    SCENARIOS,
    Stream,
    cells,
    make,
    oracle,
    ranks,
    reference,
    static_threshold,
)
from detectors.selective import Selective, SelectiveReading, SelectiveReference
from detectors.types import RANK_CELLS, BoolArray, FloatArray, IntArray, Labels, Stake

__all__ = ["BATCH", "Outcome", "Settings", "main", "route", "rows", "share", "stakes", "stretches"]

BATCH = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """How the stream is served."""

    max_error: float = 0.05
    known: Literal["all", "asked"] = "asked"
    propensity: float = 0.1
    delay: int = 500
    tau: float = 0.9
    evidence_at: int = 0


@dataclass(slots=True)
class Outcome:
    """What was accepted, and what the classes said batch by batch."""

    accepted: BoolArray
    readings: list[SelectiveReading] = field(default_factory=list)


def stakes(rank: FloatArray, reading: SelectiveReading) -> IntArray:
    """Say why each decision's label will count."""
    stake = np.full(rank.shape[0], int(Stake.HELD))
    if reading.threshold >= 1:
        stake[rank >= 0.9] = Stake.SUREST
    stake[rank >= reading.threshold] = Stake.SUSPECTED
    stake[rank >= reading.bar] = Stake.ACCEPTED
    return stake


@dataclass(frozen=True, slots=True)
class _Asked:
    """Decisions of one batch whose label was asked for: stake, cell, wrong, comes (decisions,) each."""

    at: int
    epoch: int
    stake: IntArray
    cell: IntArray
    wrong: BoolArray
    comes: BoolArray

    def labels(self, propensity: float, *, overdue: bool) -> Labels:
        """Count those that come, or those that do not as overdue."""
        counts = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
        late = np.zeros((len(Stake), RANK_CELLS), np.int64)
        if overdue:
            np.add.at(late, (self.stake[~self.comes], self.cell[~self.comes]), 1)
        else:
            np.add.at(counts, (self.stake[self.comes], self.cell[self.comes], self.wrong[self.comes].astype(int)), 1)
        return Labels(propensity, self.epoch, counts, late)


class _Desk:
    """Labels on their way: what was asked for, what comes, what is overdue after three delays."""

    def __init__(self, delay: int, propensity: float) -> None:
        self._delay, self._propensity = delay, propensity
        self._weights = np.array([1.0, propensity, 1.0, 0.0])
        self._open: deque[_Asked] = deque()
        self._late: deque[_Asked] = deque()
        self.outstanding = 0.0

    def ask(self, asked: _Asked) -> None:
        self._open.append(asked)
        self.outstanding += float(self._weights[asked.stake].sum())

    def come(self, now: int) -> list[Labels]:
        found = []
        while self._open and self._open[0].at <= now - self._delay:
            asked = self._open.popleft()
            found.append(self._settle(asked, asked.comes, overdue=False))
            self._late.append(asked)
        while self._late and self._late[0].at <= now - 3 * self._delay:
            asked = self._late.popleft()
            if not asked.comes.all():
                found.append(self._settle(asked, ~asked.comes, overdue=True))
        return found

    def _settle(self, asked: _Asked, which: BoolArray, *, overdue: bool) -> Labels:
        self.outstanding -= float(self._weights[asked.stake[which]].sum())
        return asked.labels(self._propensity, overdue=overdue)


def route(
    stream: Stream, ordered: FloatArray, known: SelectiveReference, s: Settings, r: np.random.Generator
) -> Outcome:
    """Serve the stream in batches of 100, labels late, and let the production classes judge."""
    selective = Selective(known, s.max_error, 0.95, s.known, s.tau)
    rank = ranks(ordered, stream.confidence)
    cell = cells(rank)
    propensity = s.propensity if s.known == "asked" else 1.0
    audited: BoolArray = np.less(r.random(rank.shape[0]), propensity)
    outcome = Outcome(np.zeros(rank.shape[0], dtype=np.bool_))
    desk = _Desk(s.delay, propensity)
    reading = selective.reading()
    for start in range(0, rank.shape[0], BATCH):
        part = slice(start, start + BATCH)
        stake = stakes(rank[part], reading)
        outcome.accepted[part] = stake == Stake.ACCEPTED
        asked = (stake != Stake.ACCEPTED) | audited[part]
        where = np.flatnonzero(asked) + start
        desk.ask(_Asked(start, reading.epoch, stake[asked], cell[where], stream.wrong[where], stream.comes[where]))
        alarm = bool(s.evidence_at) and start < s.evidence_at <= start + BATCH
        traffic = np.bincount(cell[part], minlength=RANK_CELLS)
        labels = desk.come(start + BATCH)
        reading = selective.update(labels, traffic, desk.outstanding, float(alarm), warning_alarm=alarm)
        outcome.readings.append(reading)
    return outcome


def share(accepted: BoolArray, wrong: BoolArray, a: int, b: int) -> tuple[float, float]:
    """Error and acceptance between a and b."""
    passed = accepted[a:b]
    return (float(wrong[a:b][passed].mean()) if passed.any() else 0.0), float(passed.mean())


def stretches(scenario: str, n: int) -> list[tuple[str, int, int]]:
    """Name the parts of the stream."""
    if scenario == "none":
        return [("all but 5,000", 5_000, n)]
    if scenario == "recovery":
        return [
            ("changed", n // 4 + 5_000, n // 2),
            ("first 5,000 back", n // 2, n // 2 + 5_000),
            ("then", n // 2 + 5_000, n),
        ]
    half = n // 2
    if scenario in {"impossible", "stop"}:
        return [
            ("before", 5_000, half),
            ("2,000 to 5,000", half + 2_000, half + 5_000),
            ("from 6,000", half + 6_000, n),
        ]
    return [("before", 5_000, half), ("first 5,000", half, half + 5_000), ("last 15,000", n - 15_000, n)]


def rows(
    scenario: str, generator: str, seed: int, rules: dict[str, Settings | None]
) -> dict[str, list[tuple[float, float]]]:
    """Give error and acceptance by rule and stretch, for one seed."""
    r = np.random.default_rng(seed)
    ordered, known = reference(generator, r)
    stream, truth = make(scenario, generator, r)
    n = truth.shape[0]
    found = {}
    for name, settings in rules.items():
        if settings is None:
            accepted = _baseline(name, stream, truth, ordered, known)
        else:
            outcome = route(stream, ordered, known, settings, np.random.default_rng([seed, 1]))
            accepted = outcome.accepted
            alarms = [reading.epoch_alarm for reading in outcome.readings if reading.epoch_alarm]
            found[f"{name}: epochs"] = [(float(len(alarms)), float(outcome.readings[-1].certified_from))]
        found[name] = [share(accepted, stream.wrong, a, b) for _, a, b in stretches(scenario, n)]
    return found


def _baseline(
    name: str, stream: Stream, truth: FloatArray, ordered: FloatArray, known: SelectiveReference
) -> BoolArray:
    if name == "static":
        return np.asarray(ranks(ordered, stream.confidence) >= static_threshold(known, 0.05))
    quarters = np.array_split(np.arange(truth.shape[0]), 4)
    cut = [np.full(q.shape[0], oracle(stream.confidence[q], truth[q], 0.05)) for q in quarters]
    return np.asarray(stream.confidence >= np.concatenate(cut))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table a scenario."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--scenario", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--generator", choices=GENERATORS, default="gaussian")
    parser.add_argument("--known", choices=["asked", "all"], default="asked")
    parser.add_argument("--delay", type=int, default=500)
    options = parser.parse_args(arguments)
    for scenario in options.scenario:
        rules = _rules(scenario, options.known, options.delay)
        _print(scenario, [rows(scenario, options.generator, seed, rules) for seed in range(options.seeds)])


def _rules(scenario: str, known: Literal["all", "asked"], delay: int) -> dict[str, Settings | None]:
    rules: dict[str, Settings | None] = {
        "oracle": None,
        "static": None,
        "tau .90": Settings(known=known, delay=delay),
        "tau .95": Settings(known=known, delay=delay, tau=0.95),
    }
    if scenario == "change":
        half = SCENARIOS[scenario][0] // 2
        rules["evidence at +300"] = Settings(known=known, delay=delay, evidence_at=half + 300)
    return rules


def _print(scenario: str, found: list[dict[str, list[tuple[float, float]]]]) -> None:
    names = [name for name, _, _ in stretches(scenario, SCENARIOS[scenario][0])]
    print(f"\n{scenario}, {len(found)} seeds (error / acceptance; worst seed's error)")
    print(" " * 24 + "".join(f"{name:>28}" for name in names))
    for rule in found[0]:
        table = np.array([each[rule] for each in found])
        mean, worst = table.mean(axis=0), table[:, :, 0].max(axis=0)
        texts = [f"{e:.3f} / {a:.2f}  ({w:.3f})" for (e, a), w in zip(mean, worst, strict=True)]
        print(f"{rule:24}" + "".join(f"{text:>28}" for text in texts))


if __name__ == "__main__":
    main()
