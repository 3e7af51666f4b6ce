"""µs an event, from the streams that the delays were measured with."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.tables import aim, rounded, table

from .delays import Group
from .ours import Found

__all__ = ["cost_table"]


def cost_table(made: Sequence[Group]) -> tuple[str, list[str], list[tuple[bool, str]]]:
    """The table, lines on aims, and claims."""
    of_features = [group for group in made if group.kind not in ("labels", "category")]
    rows: dict[str, dict[int, float]] = {}
    for group in of_features:
        for batch, found in group.ours.items():
            rows.setdefault(f"**Holdback**, n = {batch}", {})[group.features] = _cost([group.healthy[batch], *found])
        for one in group.told:
            if not one.missing and one.changes:
                rows.setdefault(f"{one.peer}, {one.detector}", {})[group.features] = _cost([one.healthy, *one.changes])
    sizes = [group.features for group in of_features]
    lines = [(name, *(rounded(costs[n]) if n in costs else "" for n in sizes)) for name, costs in rows.items()]
    text = table(("µs an event", *(f"{n} feature{'s' if n > 1 else ''}" for n in sizes)), lines)
    ours, theirs = rows["**Holdback**, n = 100"], rows.get("river, ADWIN", {})
    if 50 in theirs:
        aims = [aim("at fifty features at most a quarter of river's ADWIN, n = 100", ours[50] / theirs[50], 0.25)]
    else:
        aims = []
    slower = {n: ours[n] / theirs[n] for n in theirs}
    return text, aims, [(ratio < 6, f"{n} features cost {ratio:.1f} times ADWIN") for n, ratio in slower.items()]


def _cost(found: Sequence[Found]) -> float:
    events = sum(each.events for each in found)
    return sum(each.seconds for each in found) / max(events, 1) * 1e6
