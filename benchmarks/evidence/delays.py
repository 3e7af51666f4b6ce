"""Delays and cost, of us and of peers, on the same streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.tables import SHORT, rounded, table

from .changes import CHANGES, Change
from .labels import LabelStream, watch_labels
from .ours import Found, watch
from .rivals import Peers, Told, tell

__all__ = ["BATCHES", "LEVEL", "Group", "delay_tables", "groups", "label_group"]

LEVEL = 3.3e5
BATCHES = (10, 100)
_RUNS = {1: 100, 20: 20, 50: 8, 200: 4}
_HEALTHY = {1: (20, 100_000), 20: (4, 50_000), 50: (4, 20_000), 200: (2, 10_000)}


@dataclass
class Group:
    """Changes of as many features: ours by batch and change, and the peers'."""

    title: str
    kind: str
    features: int
    changes: Sequence[str]
    ours: dict[int, list[Found]] = field(default_factory=dict)
    healthy: dict[int, Found] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    paired: list[str] = field(default_factory=list)
    """What the same streams say of two columns, in words."""


def groups(peers: Peers, effort: float) -> list[Group]:
    """All changes of features."""
    kinds: dict[tuple[str, str, int], list[Change]] = {}
    for change in CHANGES:
        kind = "category" if change.categories else "one" if change.features == 1 else str(change.features)
        title = {"one": "one feature", "category": "one category"}.get(kind, f"{kind} features")
        kinds.setdefault((title, kind, change.features), []).append(change)
    made = []
    for (title, kind, features), changes in kinds.items():
        if SHORT and features > 20:
            continue
        group = Group(title, kind, features, [each.name for each in changes])
        runs = 4 if SHORT else max(int(_RUNS[features] * effort), 2)
        many, events = (2, 5000) if SHORT else _HEALTHY[features]
        healthy = [changes[0].healthy(run, events) for run in range(many)]
        streams = [[each.stream(run, 10) for run in range(runs)] for each in changes]
        for batch in BATCHES:
            group.healthy[batch] = Found()
            for stream in healthy:
                watch(changes[0], stream, batch, LEVEL, group.healthy[batch])
            group.ours[batch] = []
            for i, change in enumerate(changes):
                found = Found()
                for run in range(runs):
                    # in batches of 100 the change is at a random place of those
                    stream = streams[i][run] if batch == 10 else change.stream(run, batch)
                    watch(change, stream, batch, LEVEL, found)
                group.ours[batch].append(found)
        group.told = tell(peers, kind, LEVEL, healthy, streams)
        made.append(group)
        print(f"measured: {title}", flush=True)
    return made


def label_group(peers: Peers, effort: float) -> Group:
    """An error of 10 % that becomes 30 %, by what is known of the rate and by how long all was well."""
    cases: tuple[tuple[str, int | None, int], ...] = (
        ("rate known", None, 500),
        ("500 labels", 500, 500),
        ("500 labels, 50,000 healthy", 500, 50_000),
        ("2,000 labels", 2000, 500),
    )
    group = Group("error .10 to .30, labels", "labels", 1, [name for name, *_ in cases])
    runs = 4 if SHORT else max(int(100 * effort), 2)
    # the same reference and the same labels after the change in each case: columns can be set beside each other
    streams = [
        [LabelStream.draw(run, min(healthy, 5000) if SHORT else healthy, 1500) for run in range(runs)]
        for _, _, healthy in cases
    ]
    healthy = [LabelStream.draw(run, 5000 if SHORT else 200_000, 0) for run in range(2 if SHORT else 5)]
    for batch in BATCHES:
        group.healthy[batch] = Found()
        for seed, stream in enumerate(healthy):
            watch_labels(stream, seed, 500, 100, LEVEL, group.healthy[batch])
        group.ours[batch] = []
        by_stream = []
        for (_, known, _), each in zip(cases, streams, strict=True):
            found = Found()
            by_stream.append(
                [watch_labels(stream, seed, known, batch, LEVEL, found) for seed, stream in enumerate(each)]
            )
            group.ours[batch].append(found)
        group.paired.append(_paired(group.changes[1:3], batch, *by_stream[1:3]))
    # a peer has no reference of labels: it learns the last 1,000 before the stream begins
    for_peers = [[each.as_stream(1000) for each in case] for case in streams]
    group.told = tell(peers, "labels", LEVEL, [each.as_stream(1000) for each in healthy], for_peers)
    return group


def _paired(names: Sequence[str], batch: int, first: Sequence[float | None], second: Sequence[float | None]) -> str:
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    apart = np.array([b - a for a, b in pairs])
    noise = float(apart.std() / np.sqrt(len(apart)))
    means = [rounded(float(np.mean(each))) for each in zip(*pairs, strict=True)]
    return (
        f"- n = {batch}, {names[1]} beside {names[0]}, {len(pairs)} pairs of the same reference and labels after the "
        f"change: {means[1]} and {means[0]} labels, {apart.mean():.1f} ± {noise:.1f} apart. Left out are "
        f"{len(first) - len(pairs)} with a false alarm before it."
    )


def _table(group: Group) -> str:
    lines = []
    for batch, found in group.ours.items():
        lines.append(
            (
                f"**Holdback**, n = {batch}",
                "A = 3.3·10⁵",
                _rate(group.healthy[batch]),
                *(_delay(each) for each in found),
            )
        )
    for one in group.told:
        name = f"{one.peer}, {one.detector}"
        if one.missing:
            lines.append((name, "not here", "", *("" for _ in group.changes)))
        else:
            lines.append((name, _setting(one.setting), _rate(one.healthy), *(_delay(each) for each in one.changes)))
    return table((group.title, "set to", "events a false alarm", *group.changes), lines)


def delay_tables(made: Sequence[Group]) -> list[str]:
    """One table a group."""
    return [_table(group) for group in made]


def _setting(setting: Any) -> str:
    return ", ".join(f"{each:g}" for each in setting) if isinstance(setting, tuple | list) else f"{setting:g}"


def _rate(found: Found) -> str:
    """Healthy events a false alarm."""
    events = f"{found.healthy:,.0f}"
    return f"{found.healthy / found.false:,.0f} ({found.false})" if found.false else f"none in {events}"


def _delay(found: Found) -> str:
    """Mean delay and its standard error, and what was missed."""
    if not found.delays:
        return "not measured"
    if found.missed == len(found.delays):
        return f"missed, {found.missed} of {found.missed}"
    missed = f", missed {found.missed} of {len(found.delays)}" if found.missed else ""
    return f"{'> ' if missed else ''}{rounded(found.delay)} ± {rounded(found.noise)}{missed}"
