"""How many bytes a model takes: its profile and the judge's state in a snapshot, beside river's ADWIN.

python -m benchmarks.bench_state
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from river.drift import ADWIN

from benchmarks.tables import SHORT, aim, finish, machine, publish, table
from detectors.profile import Profile, Reference, fit
from detectors.profile_bytes import dump, load
from detectors.types import RANK_CELLS, FloatArray, Rows
from monitor.building import breaker_policy
from monitor.config import config_from
from monitor.judging.snapshots import packed
from monitor.judging.version_judge import VersionJudge
from monitor.packing import pack
from monitor.summaries import VersionCounts

__all__ = ["Sizes", "main", "measured"]

ROWS = 10_000
EVENTS = 20_000 if SHORT else 1_000_000
ADWIN_EVENTS = 20_000
BATCH, AT_ONCE = 100, 20
FEATURES = (1, 20, 50) if SHORT else (1, 20, 50, 200)
AIM_AT, AIM = 50, 64.0
_KB = 1000
_BEGAN = 1.7e9


@dataclass(frozen=True)
class Sizes:
    """Bytes at a number of features."""

    features: int
    views: int
    profile: int
    state: int
    adwin: int

    @property
    def both(self) -> int:
        """Profile and state."""
        return self.profile + self.state


def _rows(x: FloatArray) -> Rows:
    nothing = np.full(x.shape[1], np.nan)
    return Rows(x, (), [None] * x.shape[1], nothing, nothing, nothing, nothing)


def _profile(features: int, rng: np.random.Generator) -> tuple[Profile, int]:
    """A profile of independent Gaussian rows, and its bytes: numbers with all their digits compress worst."""
    names = tuple(f"feature_{i}" for i in range(features))
    rows = _rows(rng.normal(size=(features, ROWS)))
    fitted = fit(Reference(rows, names, (), np.full(ROWS, np.nan), np.empty(0), 86400.0))
    data, _ = dump(Profile(fitted, "scorer", "1", "classification", ("no", "yes"), {}))
    return load(data), len(data)


def _adwin_bytes(x: FloatArray) -> int:
    """Bytes of a detector a column, as ADWIN's core serialises itself: its buckets and sums, and no frame around it."""
    total = 0
    for column in x.tolist():
        detector: Any = ADWIN()  # type: ignore[no-untyped-call]  # river has no types here
        for value in column:
            detector.update(value)
        total += len(detector._helper.__getstate__())  # noqa: SLF001  # the whole of it can't be serialised
    return total


def measured(features: int) -> Sizes:
    """Sizes after a stream of unchanged events."""
    rng = np.random.default_rng(features)
    profile, size = _profile(features, rng)
    config = config_from(
        {"model": "scorer", "version": "1", "promise": {"max_error": "5%", "false_pages": "1 per 90d"}}, {}
    )
    judge = VersionJudge(config, profile, breaker_policy(config))
    views = profile.fitted.views
    traffic, starts = pack(np.zeros(RANK_CELLS, dtype=np.int64)), np.arange(0, BATCH * AT_ONCE + 1, BATCH)
    for block in range(EVENTS // (BATCH * AT_ONCE)):
        counts = views.count(_rows(rng.normal(size=(features, BATCH * AT_ONCE))), starts)
        batches = [
            VersionCounts(version="1", profile=profile.digest, n=BATCH, counts=pack(each), traffic=traffic)
            for each in counts
        ]
        judge.judge(batches, [_BEGAN + block * AT_ONCE + i for i in range(AT_ONCE)], [[0] * 8] * AT_ONCE)
    judge.settle()
    adwin = _adwin_bytes(rng.normal(size=(features, ADWIN_EVENTS)))
    return Sizes(features, len(views.layout().names), size, len(packed(judge.state())), adwin)


def main() -> None:
    """Measure and publish."""
    sizes = [measured(features) for features in FEATURES]
    lines: list[tuple[str | float, ...]] = [
        (f"{each.features}", f"{each.views:,}", *(n / _KB for n in (each.profile, each.state, each.both, each.adwin)))
        for each in sizes
    ]
    head = ("features", "views", "profile, kB", "state, kB", "**both, kB**", "ADWIN, a column each, kB")
    at_aim = next(each.both for each in sizes if each.features == AIM_AT) / _KB
    publish(
        "state",
        machine("river", "zstandard"),
        table(head, lines),
        aim(f"profile and state under {AIM:.0f} kB at {AIM_AT} features", at_aim, AIM),
    )
    finish([(at_aim <= AIM, f"profile and state take {at_aim:.1f} kB at {AIM_AT} features; {AIM:.0f} are the most")])


if __name__ == "__main__":
    main()
