"""What an event costs to count and to judge, beside river's ADWIN and Page-Hinkley on the same columns.

python -m benchmarks.bench_counting
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from river.drift import ADWIN, PageHinkley

from benchmarks.tables import SHORT, aim, best, cpu_time, finish, machine, publish, rounded, table
from detectors.counting import ViewSettings
from detectors.evidence import Evidence
from detectors.profile import Fitted, Reference, fit
from detectors.types import FloatArray, Rows

__all__ = ["Watch", "main"]

BATCH, AT_ONCE = 100, 10
BLOCK = BATCH * AT_ONCE
REPEATS = 15 if SHORT else 60
HISTORY = 200_000 if SHORT else 3_000_000
FEW, MANY = 20, 200


def rows_of(x: FloatArray) -> Rows:
    """Rows of numeric features, (features, events), without an output."""
    n = x.shape[1]
    nothing = np.full(n, np.nan)
    return Rows(x, (), [None] * n, nothing, nothing, nothing, nothing)


def fitted(features: int, settings: ViewSettings, rng: np.random.Generator) -> Fitted:
    """A profile of 10,000 independent Gaussian rows."""
    names = tuple(f"f{i}" for i in range(features))
    rows = rows_of(rng.normal(size=(features, 10_000)))
    return fit(Reference(rows, names, (), np.full(len(rows), np.nan), np.empty(0), 86400.0), settings)


@dataclass
class Watch:
    """Counts and judges blocks of ten batches of 100 events, and notes the CPU time of both."""

    profile: Fitted
    clock: float = 0.0
    counting: list[float] = field(default_factory=list)
    judging: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin at the reference; the level is high, so that an alarm, which is work of its own, is not in the way."""
        self.evidence = Evidence(self.profile.views.layout(), self.profile.counts, np.log(1e9))
        self._starts = np.arange(0, BLOCK + 1, BATCH)
        self._events = np.full(AT_ONCE, float(BATCH))

    def take(self, rows: Rows) -> None:
        """A block of events."""
        times = self.clock + np.arange(AT_ONCE, dtype=float)
        self.clock = times[-1] + 1
        counts = [np.empty((0, 0), np.int64)]
        self.counting.append(cpu_time(lambda: counts.append(self.profile.views.count(rows, self._starts))))
        self.judging.append(cpu_time(lambda: self.evidence.update(counts[1], self._events, times)))

    @property
    def state_bytes(self) -> int:
        """Size of all that the evidence remembers."""
        return sum(array.nbytes for array in self.evidence.state().values())


def river_time(new: Callable[[], Any], x: FloatArray) -> float:
    """CPU seconds of a detector a column over some events, values handed over as river takes them."""
    detectors = [new() for _ in x]
    events = x.T.tolist()

    def learn() -> None:
        for event in events:
            for detector, value in zip(detectors, event, strict=True):
                detector.update(value)

    return cpu_time(learn)


@dataclass(frozen=True)
class Cost:
    """µs an event at a number of features."""

    features: int
    views: int
    count: float
    judge: float
    adwin: float
    page_hinkley: float

    @property
    def both(self) -> float:
        """Counting and judging."""
        return self.count + self.judge


def cost(features: int, settings: ViewSettings) -> Cost:
    """Measure side by side: a block for us, then the same columns for river, and again."""
    rng = np.random.default_rng(features)
    watch = Watch(fitted(features, settings, rng))
    watch.take(rows_of(rng.normal(size=(features, BLOCK))))
    watch.counting, watch.judging = [], []
    adwin, page_hinkley = [], []
    for repeat in range(REPEATS):
        x = rng.normal(size=(features, BLOCK))
        watch.take(rows_of(x))
        if repeat % 5 == 0:  # river takes its time, and its figures hardly vary
            adwin.append(river_time(ADWIN, x))
            page_hinkley.append(river_time(PageHinkley, x))
    per_event = [best(times) / BLOCK * 1e6 for times in (watch.counting, watch.judging, adwin, page_hinkley)]
    return Cost(features, len(watch.profile.views.layout().names), *per_event)


def history() -> tuple[str, float, float]:
    """A stream at its beginning beside one that is long under way, block by block in turn: µs an event, and state."""
    rng = np.random.default_rng(7)
    profile = fitted(FEW, ViewSettings(), rng)
    blocks = [rows_of(rng.normal(size=(FEW, BLOCK))) for _ in range(20)]
    new, old = Watch(profile), Watch(profile)
    for i in range(HISTORY // BLOCK):
        old.take(blocks[i % len(blocks)])
    old.counting, old.judging = [], []
    for i in range(2 * REPEATS):
        new.take(blocks[i % len(blocks)])
        old.take(blocks[i % len(blocks)])
    costs = [best(np.add(each.counting, each.judging).tolist()) / BLOCK * 1e6 for each in (new, old)]
    sizes = [each.state_bytes for each in (new, old)]
    names = ("in the beginning", f"after {HISTORY:,} events")
    lines = [(name, each, f"{size / 1024:,.0f} kB") for name, each, size in zip(names, costs, sizes, strict=True)]
    text = table((f"{FEW} features, counted and judged", "µs an event", "state"), lines)
    return text, costs[1] / costs[0], sizes[1] / sizes[0]


def main() -> None:
    """Measure, print, publish; fail if a claim does not hold by far."""
    every, alone = ViewSettings(), ViewSettings(joint=False)
    costs = {(n, joint): cost(n, every if joint else alone) for n in (FEW, MANY) for joint in (True, False)}
    lines = [
        (
            f"{n} features{'' if joint else ', each alone'}",
            f"{each.views:,}",
            each.count,
            each.judge,
            f"**{rounded(each.both)}**",
            each.adwin,
            each.page_hinkley,
            each.adwin / each.both,
            each.page_hinkley / each.both,
        )
        for (n, joint), each in costs.items()
    ]
    head = ("µs an event", "views", "count", "judge", "both", "ADWIN", "Page-Hinkley", "ADWIN / both", "P.-H. / both")
    text, slower, larger = history()
    growth = costs[MANY, True].both / costs[FEW, True].both
    aims = [
        aim(f"at most 2 µs an event at {FEW} features", costs[FEW, True].both, 2.0),
        aim("ten times the features cost at most ten times as much", growth, MANY / FEW),
        aim("as fast after a long history as in the beginning, within a tenth", slower, 1.1),
    ]
    publish("counting", machine("river"), table(head, lines), text, "\n".join(aims))
    all_views, alone_views = (costs[FEW, joint].adwin / costs[FEW, joint].both for joint in (True, False))
    finish(
        [
            (all_views > 0.5, f"all views of {FEW} features cost {1 / all_views:.1f} times ADWIN on each"),
            (alone_views > 1.2, f"{FEW} features, each alone, cost {1 / alone_views:.1f} times ADWIN on each"),
            (growth < 2 * MANY / FEW, f"{MANY} features cost {growth:.1f} times {FEW}: far more than linear"),
            (slower < 1.5, f"after {HISTORY:,} events one takes {slower:.2f} times as long: history is not free"),
            (larger <= 1.0, f"after {HISTORY:,} events the state is {larger:.2f} times as large"),
        ]
    )


if __name__ == "__main__":
    main()
