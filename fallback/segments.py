"""What is in force for each request of a batch, where groups of requests have rulings of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fallback.types import BreakerState, Verdict

__all__ = ["SEVERITY", "InForce", "in_force"]

SEVERITY: tuple[BreakerState, ...] = (
    BreakerState.CLOSED,
    BreakerState.FORCED_CLOSED,
    BreakerState.DEGRADED,
    BreakerState.HALF_OPEN,
    BreakerState.OPEN,
    BreakerState.FORCED_OPEN,
)
"""States from the mildest to the strictest: of a request's breakers, the strictest holds."""
_RANK = {state: rank for rank, state in enumerate(SEVERITY)}


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds for each request, by its own groups and by its version; arrays have one entry an event.

    Attributes
    ----------
    offset
        What the groups add to the version's threshold.
    set_threshold
        The most cautious of the groups' thresholds on scores; the version's where no group has one.
    state
        Place in `SEVERITY` of the strictest breaker.
    ramp
        The least share that may pass while a breaker is closing again.
    ruled_by
        Place among the groups of the one whose breaker holds; -1 where that is the version's.
    """

    offset: NDArray[np.float64]
    set_threshold: NDArray[np.float64]
    state: NDArray[np.int64]
    ramp: NDArray[np.float64]
    ruled_by: NDArray[np.int64]


def in_force(verdict: Verdict, inside: NDArray[np.bool_], labels: Sequence[str]) -> InForce:
    """Find what holds for each request of a batch.

    `inside`, (events, groups), tells who is in which group, `labels` what these are called in the verdict.
    """
    n, groups = inside.shape
    place = {label: i for i, label in enumerate(labels)}
    offset, sets, ramp = np.zeros(groups), np.full(groups, verdict.set_threshold), np.ones(groups)
    state = np.zeros(groups, dtype=np.int64)
    for each in verdict.groups:
        at = place.get(each.group)
        if at is None:
            # a verdict on another profile: its groups are not ours
            continue
        offset[at], state[at], ramp[at] = each.offset, _RANK[each.state], each.ramp
        sets[at] = verdict.set_threshold if each.set_threshold is None else each.set_threshold
    grouped = inside.any(axis=1)
    cautious = np.where(inside, sets, -np.inf).max(axis=1, initial=-np.inf)
    by_group = np.where(inside, state, -1)
    strictest = by_group.max(axis=1, initial=-1)
    own = _RANK[verdict.state]
    return InForce(
        offset=inside @ offset,
        set_threshold=np.where(grouped, cautious, verdict.set_threshold),
        state=np.maximum(strictest, own),
        ramp=np.minimum(np.where(inside, ramp, 1.0).min(axis=1, initial=1.0), verdict.ramp),
        ruled_by=np.where(strictest > own, by_group.argmax(axis=1) if groups else -1, -1) if n else np.empty(0, int),
    )
