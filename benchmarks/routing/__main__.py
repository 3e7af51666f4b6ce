"""Is the promise on errors kept, what do sets cover, what does it cost: the tables on routing in docs/benchmarks.md.

python -m benchmarks.routing                               all of it
python -m benchmarks.routing errors --effort .2            one table, from a fifth of the streams
python -m benchmarks.routing coverage --streams FOLDER     where elec2.csv.gz and turbine_nox.csv.gz are
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.routing.certificates import DELTA, binomial_limit, false_certificates, power, power_table
from benchmarks.routing.cost import cost_told, measured
from benchmarks.routing.coverage import elec2, elec2_table, rolling, turbine, turbine_table
from benchmarks.routing.errors import (
    Claim,
    change,
    generators_aims,
    others,
    others_table,
    rules_table,
    told,
)
from benchmarks.routing.streams import GENERATORS
from benchmarks.tables import SHORT, aim, finish, machine, publish

__all__ = ["main"]

Claims = list[Claim]
_SEEDS, _OTHERS, _GENERATORS, _EPOCHS, _POWER = 100, 40, 40, 2_000, 40


def _count(full: int, effort: float) -> int:
    return max(round(full * effort), 2)


def errors(effort: float, _streams: Path | None) -> Claims:
    """Errors and acceptance, of the design's generator and of others."""
    seeds, fewer = _count(_SEEDS, effort), _count(_OTHERS, effort)
    main_table, rest = change(seeds), others(fewer)
    aims, claims = told(main_table, rest)
    publish(
        "routing errors",
        f"{seeds} streams; {machine()}",
        rules_table("error / acceptance", [("", main_table)]),
        f"What else may happen, {fewer} streams each:",
        others_table(rest),
        "\n".join(aims),
    )
    return claims


def generators(effort: float, _streams: Path | None) -> Claims:
    """The change again, in streams of which nothing was chosen."""
    seeds = _count(_GENERATORS, effort)
    groups = [(name, change(seeds, name, full=False)) for name in GENERATORS if name != "gaussian"]
    aims = generators_aims(groups)
    publish("routing generators", f"{seeds} streams each.", rules_table("error / acceptance", groups), "\n".join(aims))
    return []


def certificate(effort: float, _streams: Path | None) -> Claims:
    """How often it is false, and how soon it says something."""
    epochs = _count(_EPOCHS, effort)
    limit, found = binomial_limit(epochs, DELTA), false_certificates(range(epochs))
    seeds = _count(_POWER, effort)
    wanted = f"false in at most δ = {DELTA} of {epochs:,} epochs: Binomial's 99.9 % point is {limit}"
    publish(
        "routing certificate",
        f"A false certificate in {found} of {epochs:,} epochs, {found / epochs:.1%}.",
        aim(wanted, found, limit),
        f"Share of the traffic that is certified, {seeds} streams:",
        power_table(power(range(seeds))),
    )
    return [(found <= limit, f"{found} of {epochs} certificates are false")]


def coverage(_effort: float, streams: Path | None) -> Claims:
    """Sets and intervals on real streams; skipped where these are not there."""
    if streams is None or not (streams / "elec2.csv.gz").exists():
        print("coverage is skipped: it needs a folder with elec2.csv.gz and turbine_nox.csv.gz, as --streams FOLDER or")
        print("in HOLDBACK_STREAMS")
        return []
    sets, years = elec2(streams), turbine(streams)
    least = min(each[1] for each in years)
    most = max(each[1] for each in years)
    aims = [
        aim(
            f"elec2, labels {delay:,} late, at least {low} in any 1,000",
            rolling(sets["**Holdback**"][delay].covered)[0],
            low,
            most=False,
        )
        for delay, low in ((0, 0.881), (100, 0.865), (1_000, 0.805))
    ]
    aims += [
        aim("turbine_nox, at least .87 in every year", least, 0.87, most=False),
        aim("... and at most .93", most, 0.93),
    ]
    publish("routing coverage", elec2_table(sets), turbine_table(years), "\n".join(aims))
    return [(least >= 0.85, f"a year of turbine_nox is covered to {least:.3f}")]


def cost(_effort: float, _streams: Path | None) -> Claims:
    """Time and memory, beside peers."""
    found = measured()
    text, aims, claims = cost_told(found)
    publish("routing cost", machine("mapie"), text, aims)
    return claims


_ALL: dict[str, Callable[[float, Path | None], Claims]] = {
    "errors": errors,
    "generators": generators,
    "certificate": certificate,
    "coverage": coverage,
    "cost": cost,
}


def main(args: Sequence[str] | None = None) -> None:
    """Measure, print and publish what was asked for; fail where it is far from what is claimed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", help=f"of {', '.join(_ALL)}; all of them if nothing is said")
    parser.add_argument("--effort", type=float, default=0.02 if SHORT else 1.0, help="streams, as a multiple")
    parser.add_argument("--streams", type=Path, default=os.environ.get("HOLDBACK_STREAMS"), help="real streams")
    given = parser.parse_args(args)
    unknown = set(given.what) - set(_ALL)
    if unknown:
        parser.error(f"there is no {min(unknown)!r}; choose of {', '.join(_ALL)}")
    # one core: the threads of a matrix library would make small products no faster, and the figures hard to read
    threadpool_limits(1)
    claims: Claims = []
    for each in given.what or _ALL:
        claims += _ALL[each](given.effort, given.streams)
    finish(claims)


if __name__ == "__main__":
    main()
