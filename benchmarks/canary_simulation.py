"""How often a canary's verdict is wrong, and how many labels of the candidate it takes.

python -m benchmarks.canary_simulation
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.tables import SHORT, finish, publish, table
from detectors.side_by_side import SideBySide
from detectors.types import FloatArray

__all__ = ["Case", "main"]

SEEDS = 30 if SHORT else 2000
POWER_SEEDS = 10 if SHORT else 100
ALPHA, MARGIN = 0.05, 0.01
BATCH = 100
BASELINE = 0.05


@dataclass(frozen=True)
class Case:
    """A candidate: its error, its share of the traffic, how much more of it is held back, and labels at most."""

    error: float
    share: float
    held: float = 0.3
    labels: int = 3000


def shown(rng: np.random.Generator, n: int, error: float, held: float) -> list[FloatArray]:
    """Errors, doubt, and what is held back of a batch."""
    return [(rng.random(n) < error).astype(float), rng.random(n), (rng.random(n) < held).astype(float)]


def verdict(case: Case, seed: int) -> tuple[str, int]:
    """The first verdict, and after how many labels of the candidate."""
    rng, test, labels = np.random.default_rng(seed), SideBySide(MARGIN, 0.05, ALPHA), 0
    while labels < case.labels:
        n = int(rng.binomial(BATCH, case.share))
        reading = test.update(shown(rng, BATCH - n, BASELINE, 0.3), shown(rng, n, case.error, case.held))
        labels += n
        if reading.verdict.value != "undecided":
            break
    return reading.verdict.value, labels


def wrong(cases: Sequence[tuple[str, Case, str]]) -> tuple[str, list[tuple[bool, str]]]:
    """A table of how often a verdict that would be wrong is given, and the claims that follow from it."""
    rows: list[list[str | float]] = []
    claims = []
    bound = SEEDS * ALPHA + 3 * math.sqrt(SEEDS * ALPHA * (1 - ALPHA))
    for name, case, would_be_wrong in cases:
        counts = Counter(verdict(case, seed)[0] for seed in range(SEEDS))
        n = counts[would_be_wrong]
        rows.append([name, would_be_wrong, f"{n / SEEDS:.4f}", f"{bound / SEEDS:.4f}"])
        claims.append((n <= bound, f"{name}: {n} of {SEEDS} are {would_be_wrong}, at most {bound:.0f} may be"))
    return table(["candidate", "wrong verdict", "how often", "bound"], rows), claims


def soon(cases: Sequence[tuple[str, Case]]) -> str:
    """A table of how many labels of the candidate a right verdict takes."""
    rows: list[list[str | float]] = []
    for name, case in cases:
        found = [verdict(case, seed) for seed in range(POWER_SEEDS)]
        counts = Counter(each for each, _ in found)
        share = [f"{counts[each] / POWER_SEEDS:.2f}" for each in ("worse", "safe")]
        rows.append([name, f"{100 * case.share:.0f} %", *share, f"{median(n for _, n in found):,.0f}"])
    return table(["candidate", "traffic", "worse", "safe", "median labels"], rows)


def main() -> None:
    """Measure, and write docs/benchmarks.md."""
    false, claims = wrong(
        [
            ("as good, half of the traffic", Case(0.05, 0.5, labels=2000), "worse"),
            ("as good, a tenth of it", Case(0.05, 0.1, labels=600), "worse"),
            ("errs by the margin more", Case(BASELINE + MARGIN, 0.3, labels=1500), "safe"),
        ]
    )
    power = soon(
        [
            ("error .10", Case(0.10, 0.5)),
            ("error .10", Case(0.10, 0.1)),
            ("error .07", Case(0.07, 0.1, labels=6000)),
            ("error .20", Case(0.20, 0.05)),
            ("60 % held back", Case(0.05, 0.1, held=0.6)),
            ("as good", Case(0.05, 0.1)),
            ("error .03", Case(0.03, 0.1)),
        ]
    )
    what = (
        f"The baseline errs in .05; margin .01, level .05, batches of {BATCH}; {SEEDS:,} seeds for wrong verdicts, "
        f"{POWER_SEEDS} for labels."
    )
    publish("canary", what, false, power)
    finish(claims)


if __name__ == "__main__":
    main()
