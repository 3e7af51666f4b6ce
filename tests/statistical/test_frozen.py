"""A trip that lasts raises no warnings by itself, and hides no change."""

from __future__ import annotations

import numpy as np

from detectors.evidence import Evidence
from detectors.pool import Pool
from detectors.profile import Fitted
from detectors.types import FloatArray, IntArray
from tests.statistical.test_null import fitted, gaussian, rows

BATCH, BLOCK, LEVEL = 100, 5000, 1e4
STARTS = np.arange(0, BLOCK + 1, BATCH)


class Still(Pool):
    """A reference that nothing joins, taken for exact: what a frozen one must not be."""

    def compared(self, counts: IntArray, cells: IntArray, active: IntArray) -> IntArray:  # noqa: ARG002
        """The reference and the part itself."""
        return self._pooled[cells] + counts

    def add(self, counts: IntArray, cells: IntArray, starts: IntArray, kept: FloatArray, active: IntArray) -> None:
        """Nothing joins."""


def profile(rng: np.random.Generator) -> Fitted:
    """Of 2,000 rows, 1,000 of which are counted."""
    return fitted(rows(rng.normal(size=(5, 2000))))


def judged(evidence: Evidence, reference: Fitted, stream: FloatArray, at: int) -> list[int]:
    """Events at which something alarmed in a block."""
    counts = reference.views.count(rows(stream), STARTS)
    moments = at + STARTS[1:].astype(float)
    return [
        at + int(STARTS[each.batch + 1])
        for each in evidence.update(counts, np.full(len(counts), float(BATCH)), moments).alarms
    ]


def first_alarms(runs: int, most: int, *, still: bool) -> list[int]:
    """Events until the first alarm of unchanged streams, begun anew after it, while the reference is frozen."""
    found = []
    for seed in range(runs):
        rng = np.random.default_rng([3, seed])
        reference = profile(rng)
        evidence = Evidence(reference.views.layout(), reference.counts, np.log(LEVEL))
        evidence.frozen = True
        if still:
            evidence._pool = Still(reference.counts)
        at, alarms = 0, list[int]()
        while at < most and not alarms:
            alarms = judged(evidence, reference, rng.normal(size=(5, BLOCK)), at)
            at += BLOCK
        found.append(alarms[0] if alarms else most)
    return found


def test_alarms_in_a_long_trip_come_as_far_apart_as_promised() -> None:
    """Forty trips of up to 5 A events beside a frozen reference of 2,000 rows: the mean time to the first alarm is 2 A.

    Were alarms as frequent as promised, one in A on average, it would be .99 A, with a deviation of .16 A: 2 A is out
    of its reach, and a detector that just keeps the promise fails here. Measured: 3.9 A.
    """
    assert np.mean(first_alarms(40, 50_000, still=False)) >= 2 * LEVEL


def test_a_reference_that_stands_still_does_not() -> None:
    """Or the test above would show nothing: most first alarms come before A."""
    assert np.median(first_alarms(20, 50_000, still=True)) < LEVEL


def test_a_change_in_a_trip_is_seen_in_it_and_one_that_stays_after_it() -> None:
    """Half a sigma from the 5,000th event of the trip on within 600; one from its first event on once it is over."""
    inside, after = [], []
    for seed in range(5):
        rng = np.random.default_rng([4, seed])
        reference = profile(rng)
        evidence = Evidence(reference.views.layout(), reference.counts, np.log(LEVEL))
        evidence.frozen = True
        moved = [gaussian(rng, 1, 5, shift)[0].numeric for shift in (0.0, 0.5, 0.5)]
        judged(evidence, reference, moved[0], 0)
        inside += [min(judged(evidence, reference, moved[1], 0), default=9999)]
        evidence = Evidence(reference.views.layout(), reference.counts, np.log(LEVEL))
        evidence.frozen = True
        judged(evidence, reference, moved[1][:, ::-1], 0)
        held = evidence.held.any()
        evidence.frozen = False
        after += [0 if held else min(judged(evidence, reference, moved[2], 0), default=9999)]
    assert np.median(inside) <= 600
    assert np.median(after) <= 600
