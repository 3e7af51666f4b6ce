"""How far apart are false alarms, and how soon is a change seen? The production detectors on seeded streams.

    python -m benchmarks.evidence_simulation false delays reference dependent harm

Prints the figures of docs/evidence.md; ten minutes for all of them. A is counted in events (harm: in labels).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from scipy.signal import lfilter

from detectors.counting import ViewSettings
from detectors.evidence import Evidence
from detectors.harm import Harm
from detectors.payoffs import OrderedBets
from detectors.profile import Fitted, Reference, fit
from detectors.types import RANK_CELLS, FloatArray, IntArray, Labels, Rows, Stake
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


def with_gaps(rng: np.random.Generator, n: int) -> Rows:
    """One feature, a fifth of it missing."""
    x = rng.normal(size=(1, n))
    x[0, rng.random(n) < 0.2] = np.nan
    return numbers(x)


def rare(rng: np.random.Generator, n: int) -> Rows:
    """A flag that is up in one of fifty."""
    return numbers((rng.random((1, n)) < 0.02).astype(float))


def categories(rng: np.random.Generator, n: int) -> Rows:
    """Ten of unequal frequency, and nothing else."""
    return numbers(np.empty((0, n)), [f"c{k}" for k in rng.geometric(0.3, n).clip(max=10)])


def twenty(rng: np.random.Generator, n: int) -> Rows:
    """Twenty features that go together (correlation .5), with all joint views."""
    return numbers((rng.normal(size=(20, n)) + rng.normal(size=n)) / np.sqrt(2))


def profile(draw: Draw, rng: np.random.Generator, rows: int) -> Fitted:
    """Fit on a reference of so many rows."""
    made = draw(rng, rows)
    names, kinds = tuple(f"f{i}" for i in range(len(made.numeric))), ("kind",) * len(made.categorical)
    reference = Reference(made, names, kinds, np.full(rows, np.nan), np.empty(0), 86400.0)
    return fit(reference, ViewSettings() if len(made.numeric) > 1 else _ALONE)


def first_alarm(
    fitted: Fitted, level: float, batch: int, most: int, stream: Callable[[int, int], Rows], *, frozen: bool = False
) -> int | None:
    """Events until the first alarm; None if there is none in `most`. `stream(at, n)` gives the rows from `at` on."""
    evidence = Evidence(fitted.views.layout(), fitted.counts, float(np.log(level)))
    evidence.frozen = frozen
    for at in range(0, most, _CHUNK):
        starts = np.arange(0, _CHUNK + 1, batch)
        counts = fitted.views.count(stream(at, _CHUNK), starts)
        alarms = evidence.update(counts, np.full(len(counts), float(batch)), at + starts[1:].astype(float)).alarms
        if alarms:
            return at + int(starts[alarms[0].batch + 1])
    return None


def between_alarms(draw: Draw, level: float, batch: int, events: int, rows: int = 2000) -> tuple[float, int]:
    """Events a false alarm, in units of A, each run begun anew with a reference of its own; and the alarms seen."""
    seen = alarms = run = 0
    while seen < events:
        rng = np.random.default_rng([run, batch])
        at = first_alarm(profile(draw, rng, rows), level, batch, int(5 * level), lambda _at, n: draw(rng, n))  # noqa: B023
        seen, alarms, run = seen + (int(5 * level) if at is None else at), alarms + (at is not None), run + 1
    return seen / max(alarms, 1) / level, alarms


def delay(level: float, rows: int, change: Callable[[FloatArray], FloatArray], features: int, runs: int = 60) -> float:
    """Mean events from a change of the first feature after 1,000 events to the alarm; batches of 10."""
    delays = []
    for run in range(runs):
        rng = np.random.default_rng([run, rows])
        fitted = profile(lambda r, n: numbers(r.normal(size=(features, n))), rng, rows)
        begins = 1000 + int(rng.integers(10))

        def stream(at: int, n: int) -> Rows:
            x = rng.normal(size=(features, n))  # noqa: B023
            x[0] = np.where(np.arange(at, at + n) >= begins, change(x[0]), x[0])  # noqa: B023
            return numbers(x)

        at = first_alarm(fitted, level, 10, 30_000, stream)
        delays.append((30_000 if at is None else at) - begins)
    return float(np.mean([each for each in delays if each > 0]))


def autoregressive(phi: float) -> Draw:
    """One feature that remembers: x <- phi x + noise, of variance one."""

    def draw(rng: np.random.Generator, n: int) -> Rows:
        noise = rng.normal(size=n + 100) * np.sqrt(1 - phi**2)
        return numbers(lfilter([1.0], [1.0, -phi], noise)[None, 100:])

    return draw


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


def labels(rng: np.random.Generator, n: int, factor: float = 1.0) -> IntArray:
    """Right and wrong answers by rank cell: 10 % wrong in all, surer ones less often, odds times `factor`."""
    odds = factor * np.exp(-1.2 - 2.6 * (np.arange(RANK_CELLS) + 0.5) / RANK_CELLS)
    cells = rng.multinomial(n, np.full(RANK_CELLS, 1 / RANK_CELLS))
    wrong = rng.binomial(cells, odds / (1 + odds))
    return np.stack([cells - wrong, wrong], axis=1).astype(np.int64)


def first_harm(level: float, known: int, seed: int, most: int, factor: float = 1.0) -> int | None:
    """Labels until the first harm alarm, in batches of 10; the error is `factor` times the reference's odds."""
    rng = np.random.default_rng([seed, known])
    harm = Harm(labels(rng, known), max_error=0.99, miss_rate=0.1, log_level=float(np.log(level)))
    nothing = np.zeros((len(Stake), RANK_CELLS), np.int64)
    for at in range(0, most, 10):
        counts = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
        counts[Stake.ACCEPTED] = labels(rng, 10, factor)
        if harm.update([Labels(1.0, 0, counts, nothing)], 0, 0, 10.0, float(at)).alarms:
            return at + 10
    return None


def show_false() -> None:
    """False warnings at A = 1,000, by the size of the batch."""
    for name, draw in (("gaussian", gaussian), ("gaps", with_gaps), ("rare", rare), ("categories", categories)):
        found = [between_alarms(draw, 1000.0, n, 200_000) for n in (1, 10, 100)]
        print(f"{name:12}", *(f"{ratio:6.2f} A ({alarms} alarms)" for ratio, alarms in found))
    print(
        f"{'twenty':12}",
        *("{:6.2f} A ({} alarms)".format(*between_alarms(twenty, 1000.0, n, 60_000)) for n in (10, 100)),
    )


def show_delays() -> None:
    """Delays by level, reference and change."""
    changes: dict[str, Callable[[FloatArray], FloatArray]] = {
        "1/4 sigma": lambda x: x + 0.25,
        "1/2 sigma": lambda x: x + 0.5,
        "1 sigma": lambda x: x + 1,
        "x 1.5": lambda x: 1.5 * x,
    }
    for level in (1e4, 3.3e5, 1e9):
        for rows in (2000, 20_000):
            told = [f"{name} {delay(level, rows, change, 1):.0f}" for name, change in changes.items()]
            print(f"A {level:.2g}, {rows} rows:", ", ".join(told))
    told = [f"{n} features {delay(3.3e5, 20_000, changes['1/2 sigma'], n, 20):.0f}" for n in (5, 20)]
    print("1/2 sigma in one of", ", ".join(told))
    show_pair()


def show_reference() -> None:
    """Why the reference grows, why a batch is counted before it is paid, and why `never seen` is no zero."""
    for frozen in (False, True):
        found = []
        for seed in range(12):
            rng = np.random.default_rng(seed)
            fitted = profile(gaussian, rng, 2000)
            at = first_alarm(fitted, 1e4, 100, 100_000, lambda _at, n: gaussian(rng, n), frozen=frozen)  # noqa: B023
            found.append(100_000 if at is None else at)
        print(
            f"{'frozen' if frozen else 'growing'} reference: half of the first false alarms by {np.median(found):,.0f}"
        )
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


def show_pair() -> None:
    """A correlation that goes from 0 to .6 in one of 190 pairs."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        fitted = profile(lambda r, n: numbers(r.normal(size=(20, n))), rng, 10_000)

        def stream(at: int, n: int) -> Rows:
            x = rng.normal(size=(20, n))  # noqa: B023
            x[6] = x[6] if at < 2000 else 0.6 * x[5] + 0.8 * x[6]
            return numbers(x)

        at = first_alarm(fitted, 1e6, 100, 10_000, stream)
        print(f"correlation seen after {'-' if at is None else at - 2000} events")


def show_dependent() -> None:
    """What is promised to nobody: rows that are not exchangeable."""
    for phi in (0.3, 0.6):
        ratio, alarms = between_alarms(autoregressive(phi), 10_000.0, 10, 300_000, 10_000)
        print(f"autoregressive {phi}: {ratio:.3f} A ({alarms} alarms)")
    alarms, is_open = season(30)
    print(f"daily sine, 30 days: {alarms} warnings, an episode open {is_open:.0%} of the time")


def show_harm() -> None:
    """False harm alarms at A = 10,000 labels, and the delay of three times the odds at 3.3e5."""
    for known in (500, 2000, 10_000):
        found = [first_harm(1e4, known, seed, 50_000) for seed in range(60)]
        seen, alarms = sum(50_000 if each is None else each for each in found), sum(each is not None for each in found)
        delays = [first_harm(3.3e5, known, seed, 5000, 3.0) or 5000 for seed in range(40)]
        print(f"reference {known}: {seen / max(alarms, 1) / 1e4:.1f} A ({alarms} alarms), delay {np.mean(delays):.0f}")


_SHOWN = {
    "false": show_false,
    "delays": show_delays,
    "reference": show_reference,
    "dependent": show_dependent,
    "harm": show_harm,
}


def main(args: Sequence[str] | None = None) -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", choices=[*_SHOWN, []], default=[*_SHOWN])
    for each in parser.parse_args(args).what:
        print(f"== {each}")
        _SHOWN[each]()


if __name__ == "__main__":
    main()
