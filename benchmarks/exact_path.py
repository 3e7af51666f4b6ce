"""Event by event beside in batches: distance of false alarms, delay and cost; prints figures of docs/evidence.md.

python -m benchmarks.exact_path
"""

from __future__ import annotations

import numpy as np

from benchmarks.bench_counting import rows_of
from benchmarks.tables import cpu_time, table
from detectors.by_event import EvidenceByEvent
from detectors.counting import ViewSettings
from detectors.evidence import Evidence
from detectors.profile import Fitted, Reference, fit
from detectors.stakes import BetRules

__all__ = ["main"]

ROWS, BLOCK, MOST = 2000, 500, 3000
RUNS, CHANGES = 60, 30
COSTED = 400


def _fitted(features: int, rng: np.random.Generator, *, joint: bool) -> Fitted:
    names = tuple(f"f{i}" for i in range(features))
    reference = Reference(
        rows_of(rng.normal(size=(features, ROWS))), names, (), np.full(ROWS, np.nan), np.empty(0), 86400.0
    )
    return fit(reference, ViewSettings(joint=joint, by_event=True))


def _new(fitted: Fitted, level: float, seed: int, *, exact: bool) -> Evidence:
    layout, first = fitted.views.layout(), fitted.first
    if not exact or first is None:
        return Evidence(layout, fitted.reference, float(np.log(level)))
    return EvidenceByEvent(layout, fitted.reference, float(np.log(level)), BetRules(), first=first, seed=seed)


def first_alarm(seed: int, level: float, batch: int, shift: float, *, exact: bool) -> tuple[int, bool]:
    """Events of one Gaussian feature until the first alarm, or 3,000; and whether there was one."""
    rng = np.random.default_rng(seed)
    fitted = _fitted(1, rng, joint=False)
    evidence = _new(fitted, level, seed, exact=exact)
    for at in range(0, MOST, BLOCK):
        counts = fitted.views.count(rows_of(rng.normal(size=(1, BLOCK)) + shift), np.arange(0, BLOCK + 1, batch))
        clock, times = np.full(len(counts), float(batch)), at + np.arange(0.0, BLOCK, batch)
        if alarms := evidence.update(counts, clock, times).alarms:
            return at + (alarms[0].batch + 1) * batch, True
    return MOST, False


def cost(*, exact: bool) -> float:
    """µs an event at 20 features with all views, one event a batch, ten batches a call."""
    rng = np.random.default_rng(1)
    fitted = _fitted(20, rng, joint=True)
    evidence = _new(fitted, 1e9, 1, exact=exact)
    counts = fitted.views.count(rows_of(rng.normal(size=(20, COSTED))), np.arange(COSTED + 1))

    def judge() -> None:
        for at in range(0, COSTED, 10):
            evidence.update(counts[at : at + 10], np.ones(10), at + np.arange(10.0))

    return cpu_time(judge) / COSTED * 1e6


def main() -> None:
    """Print the table."""
    lines: list[tuple[str | float, ...]] = []
    for exact in (False, True):
        figures: list[float] = []
        for batch in (1, 10):
            runs = [first_alarm(seed, 1e3, batch, 0.0, exact=exact) for seed in range(RUNS)]
            alarms = sum(alarmed for _, alarmed in runs)
            figures.append(sum(events for events, _ in runs) / max(alarms, 1) / 1e3)
        for batch in (1, 10):
            delays = [first_alarm(100 + seed, 3.3e5, batch, 0.5, exact=exact)[0] for seed in range(CHANGES)]
            figures.append(float(np.mean(delays)))
        lines.append(("exact" if exact else "batch", *figures, cost(exact=exact)))
    head = ("path", "false alarms / A, n = 1", "n = 10", "half a σ, n = 1", "n = 10", "µs an event, n = 1")
    print(table(head, lines))


if __name__ == "__main__":
    main()
