"""False alarms, delays and cost of the evidence, beside peers: the three tables of docs/benchmarks.md.

python -m benchmarks.evidence                    all of it
python -m benchmarks.evidence delay --effort 4   one table, from four times as many streams
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from threadpoolctl import threadpool_limits

from benchmarks.tables import SHORT, finish, machine, publish

from .cost import cost_table
from .delays import Group, delay_tables, groups, label_group
from .dependent import memory, seasons
from .false_alarms import by_time, many_features, single_features
from .judged import delay_aims, false_alarm_aims, far_apart, memory_aims
from .rivals import Peers

__all__ = ["main"]

Claims = list[tuple[bool, str]]


def false_alarms(effort: float) -> Claims:
    """The first table."""
    alone, single = single_features(effort)
    together, many = many_features(effort)
    early, kept = by_time(effort)
    remembering, remembered = memory(effort)
    season, seasonal = seasons(effort)
    ratios = {key: single.get(key, []) + many.get(key, []) for key in single | many}
    aims = [*false_alarm_aims(ratios, kept=kept), *memory_aims(remembered, seasonal)]
    publish("false alarms", machine(), alone, together, early, remembering, season, "\n".join(aims))
    worst = [each for some in ratios.values() for each in some if far_apart(each)]
    return [
        (not worst, f"false alarms came too often: {', '.join(map(str, worst))} A apart"),
        (kept, "more alarms by t than t / A"),
    ]


def delay_and_cost(effort: float) -> Claims:
    """The second and the third table, from the same streams."""
    with Peers(effort) as peers:
        made: list[Group] = [*groups(peers, effort), label_group(peers, effort)]
        about = f"{machine()[:-1]}; {peers.words}."
    publish("delay", about, *delay_tables(made), "\n".join(delay_aims(made)))
    costs, aims, claims = cost_table(made)
    publish("cost", about, costs, "\n".join(aims))
    return claims


_ALL: dict[str, Callable[[float], Claims]] = {"false-alarms": false_alarms, "delay": delay_and_cost}


def main(args: Sequence[str] | None = None) -> None:
    """Measure, print and publish what was asked for; fail where it is far from what is claimed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", help=f"of {' and '.join(_ALL)}; both if nothing is said")
    parser.add_argument("--effort", type=float, default=0.05 if SHORT else 1.0, help="streams, as a multiple")
    given = parser.parse_args(args)
    # one core: the threads of a matrix library would make a few features no faster, and the figures hard to read
    threadpool_limits(1)
    claims: Claims = []
    unknown = set(given.what) - set(_ALL)
    if unknown:
        parser.error(f"there is no {min(unknown)!r}; choose of {' and '.join(_ALL)}")
    for each in given.what or _ALL:
        claims += _ALL[each](given.effort)
    finish(claims)


if __name__ == "__main__":
    main()
