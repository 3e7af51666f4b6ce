"""False alarms, delays and cost of the evidence, beside peers: tables of docs/benchmarks.md.

python -m benchmarks.evidence                    all of it
python -m benchmarks.evidence delay --effort 4   one table, from four times as many streams
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from threadpoolctl import threadpool_limits

from benchmarks.tables import SHORT, finish, machine, publish

from .cost import cost_table
from .delays import delay_tables, groups, label_group
from .dependent import memory, seasons
from .false_alarms import by_time, many_features, single_features
from .judged import delay_aims, false_alarm_aims, far_apart, memory_aim, season_aim
from .rivals import Peers
from .unlabelled import unlabelled_group

__all__ = ["main"]

Claims = list[tuple[bool, str]]


def false_alarms(effort: float) -> Claims:
    """The first table."""
    alone, single = single_features(effort)
    together, many = many_features(effort)
    early, kept = by_time(effort)
    remembering, remembered = memory(effort)
    ratios = {key: single.get(key, []) + many.get(key, []) for key in single | many}
    aims = [*false_alarm_aims(ratios, kept=kept), memory_aim(remembered)]
    publish("false alarms", machine(), alone, together, early, remembering, "\n".join(aims))
    worst = [each for some in ratios.values() for each in some if far_apart(each)]
    return [
        (not worst, f"false alarms came too often: {', '.join(map(str, worst))} A apart"),
        (kept, "more alarms by t than t / A"),
    ]


def daily_sine(effort: float) -> Claims:
    """The same for rows that follow the time of day."""
    season, seasonal = seasons(effort)
    publish("seasons", machine(), season, season_aim(seasonal))
    surely = [each for each in seasonal if far_apart(each)]
    return [(not surely, f"in its context the sine alarmed too often: {', '.join(map(str, surely))} A apart")]


def labels(effort: float) -> Claims:
    """An error that rises."""
    with Peers(effort) as peers:
        group = label_group(peers, effort)
        about = f"{machine()[:-1]}; {peers.words}."
    publish("labels", about, *delay_tables([group]), "\n".join([*group.paired, *delay_aims([group])]))
    return []


def unlabelled(effort: float) -> Claims:
    """Accuracy that is estimated, for want of labels."""
    # fitting CBPE takes seconds a stream
    with Peers(6 * effort, ("nannyml",)) as peers:
        group = unlabelled_group(peers, effort)
        about = f"{machine()[:-1]}; {peers.words}."
    publish("unlabelled", about, *delay_tables([group]))
    return []


def delay_and_cost(effort: float) -> Claims:
    """Changes of features: delay and cost, from the same streams."""
    with Peers(effort) as peers:
        made = groups(peers, effort)
        about = f"{machine()[:-1]}; {peers.words}."
    publish("delay", about, *delay_tables(made), "\n".join(delay_aims(made)))
    costs, aims, claims = cost_table(made)
    publish("cost", about, costs, "\n".join(aims))
    return claims


_ALL: dict[str, Callable[[float], Claims]] = {
    "false-alarms": false_alarms,
    "seasons": daily_sine,
    "delay": delay_and_cost,
    "labels": labels,
    "unlabelled": unlabelled,
}


def main(args: Sequence[str] | None = None) -> None:
    """Measure, print and publish what was asked for; fail where it is far from what is claimed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", help=f"of {', '.join(_ALL)}; all if nothing is said")
    parser.add_argument("--effort", type=float, default=0.05 if SHORT else 1.0, help="streams, as a multiple")
    given = parser.parse_args(args)
    # one core: the threads of a matrix library would make a few features no faster, and the figures hard to read
    threadpool_limits(1)
    claims: Claims = []
    unknown = set(given.what) - set(_ALL)
    if unknown:
        parser.error(f"there is no {min(unknown)!r}; choose of {', '.join(_ALL)}")
    for each in given.what or _ALL:
        claims += _ALL[each](given.effort)
    finish(claims)


if __name__ == "__main__":
    main()
