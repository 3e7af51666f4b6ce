"""What would be if evidence were made otherwise, and seasons without a context: on seeded streams.

    python -m benchmarks.evidence_simulation reference season

Prints figures of docs/evidence.md. False alarms and delays are in `python -m benchmarks.evidence`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from detectors.counting import ViewSettings
from detectors.evidence import Evidence
from detectors.payoffs import OrderedBets
from detectors.pool import Pool
from detectors.profile import Fitted, Reference, fit
from detectors.types import FloatArray, IntArray, Rows
from detectors.views.numeric import NumericViews

__all__ = ["main"]

Draw = Callable[[np.random.Generator, int], Rows]
_ALONE = ViewSettings(joint=False)
_CHUNK = 1000


def numbers(x: FloatArray, kinds: Sequence[str] = ()) -> Rows:
    """Rows of numeric features (features, events), and perhaps a category."""
    nothing = np.full(x.shape[1], np.nan)
    column: list[str | None] = [*kinds]
    return Rows(x, (column,) if kinds else (), [None] * x.shape[1], nothing, nothing, nothing, nothing)


def gaussian(rng: np.random.Generator, n: int) -> Rows:
    """One feature."""
    return numbers(rng.normal(size=(1, n)))


def profile(draw: Draw, rng: np.random.Generator, rows: int) -> Fitted:
    """Fit on a reference of so many rows."""
    made = draw(rng, rows)
    names, kinds = tuple(f"f{i}" for i in range(len(made.numeric))), ("kind",) * len(made.categorical)
    reference = Reference(made, names, kinds, np.full(rows, np.nan), np.empty(0), 86400.0)
    return fit(reference, ViewSettings() if len(made.numeric) > 1 else _ALONE)


class _Still(Pool):
    """A reference that stands still, and is taken for exact."""

    def compared(self, counts: IntArray, cells: IntArray, active: IntArray) -> IntArray:  # noqa: ARG002
        """The reference and the part itself."""
        return self._pooled[cells] + counts

    def add(self, counts: IntArray, cells: IntArray, starts: IntArray, kept: FloatArray, active: IntArray) -> None:
        """Nothing joins."""


def first_alarm(
    fitted: Fitted, level: float, batch: int, most: int, stream: Callable[[int, int], Rows], *, still: bool = False
) -> int | None:
    """Events until the first alarm; None if there is none in `most`. `stream(at, n)` gives the rows from `at` on."""
    evidence = Evidence(fitted.views.layout(), fitted.counts, float(np.log(level)))
    if still:
        evidence._pool = _Still(fitted.counts)  # noqa: SLF001  # the production class knows no such mistake
    for at in range(0, most, _CHUNK):
        starts = np.arange(0, _CHUNK + 1, batch)
        counts = fitted.views.count(stream(at, _CHUNK), starts)
        alarms = evidence.update(counts, np.full(len(counts), float(batch)), at + starts[1:].astype(float)).alarms
        if alarms:
            return at + int(starts[alarms[0].batch + 1])
    return None


def season(days: int, a_day: int = 2400) -> tuple[int, float]:
    """Warnings, and share of time in an episode: a daily sine of one sigma, four days of reference, A = 90 days."""
    rng = np.random.default_rng(0)

    def rows(n: int) -> Rows:
        return numbers((np.sin(2 * np.pi * np.arange(n) / a_day) + rng.normal(size=n))[None])

    made = rows(4 * a_day)
    fitted = fit(Reference(made, ("f",), (), np.full(len(made), np.nan), np.empty(0), float(a_day)), _ALONE)
    evidence = Evidence(fitted.views.layout(), fitted.counts, float(np.log(90.0)))
    starts = np.arange(0, a_day + 1, 10)
    alarms, is_open = 0, []
    for day in range(days):
        counts, times = fitted.views.count(rows(a_day), starts), (day + starts[1:] / a_day) * 86400.0
        reading = evidence.update(counts, np.full(len(counts), 10 / a_day), times)
        alarms += len(reading.alarms)
        is_open.append(reading.is_open.mean())
    return alarms, float(np.mean(is_open))


def show_reference() -> None:
    """Why the reference grows, why a batch is counted before it is paid, and why `never seen` is no zero."""
    for still in (False, True):
        found = []
        for seed in range(12):
            rng = np.random.default_rng(seed)
            fitted = profile(gaussian, rng, 2000)
            at = first_alarm(fitted, 1e4, 100, 100_000, lambda _at, n: gaussian(rng, n), still=still)  # noqa: B023
            found.append(100_000 if at is None else at)
        print(f"{'still' if still else 'growing'} reference: half of the first false alarms by {np.median(found):,.0f}")
    rng, bets, passed = np.random.default_rng(0), OrderedBets(), np.zeros(2)
    for _ in range(2000):
        views = NumericViews.fit(rng.normal(size=(1, 200)), 32)
        before, batch = (
            np.bincount(views.bin(rng.normal(size=(1, n)))[0], minlength=views.bins).astype(float) for n in (200, 1000)
        )
        for i, pooled in enumerate((before, before + batch)):
            growth = bets.growth(pooled[None, None], batch[None, None])
            passed[i] += np.log(1000) + np.logaddexp.reduce(growth.ravel()) - np.log(bets.size) >= np.log(1e8)
    print("reference 200, batch 1,000, A 1e8: paid first {:.2%}, counted first {:.2%} pass".format(*passed / 2000))
    alarmed = np.zeros(2, np.int64)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        fitted = profile(lambda r, n: numbers(np.empty((0, n)), [f"c{k}" for k in r.zipf(1.6, n)]), rng, 2000)
        rows = numbers(np.empty((0, 20_000)), [f"c{k}" for k in rng.zipf(1.6, 20_000)])
        from_zero, starts = fitted.counts.copy(), np.arange(0, 20_001, 100)
        from_zero[len(fitted.views.stepped[0].frequent) + 1] = 0
        for i, used in enumerate((fitted.counts, from_zero)):
            evidence = Evidence(fitted.views.layout(), used, float(np.log(1e6)))
            reading = evidence.update(fitted.views.count(rows, starts), np.full(200, 100.0), starts[1:].astype(float))
            alarmed[i] += bool(reading.alarms)
    print("10 long tails, 20,000 events, A 1e6: {} alarm, with `never seen` from zero {}".format(*alarmed))


def show_season() -> None:
    """A night that differs from the day, without a context."""
    alarms, is_open = season(30)
    print(f"daily sine, 30 days: {alarms} warnings, an episode open {is_open:.0%} of the time")


_SHOWN = {"reference": show_reference, "season": show_season}


def main(args: Sequence[str] | None = None) -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", choices=[*_SHOWN, [*_SHOWN]], default=[*_SHOWN], metavar="what")
    for each in parser.parse_args(args).what:
        print(f"== {each}")
        _SHOWN[each]()


if __name__ == "__main__":
    main()
