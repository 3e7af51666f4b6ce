"""Detectors that watch all features of a stream, and where each of them first alarms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.evidence.streams import numbers
from detectors.baselines import SecondOpinion, opinion
from detectors.evidence import Evidence
from detectors.profile import Fitted
from detectors.types import FloatArray

__all__ = ["First", "always", "first_of_evidence", "first_of_opinions"]

First = Callable[[FloatArray], int | None]
"""From events, (features, events), to the place of the first one that alarms, from 0 on; None if none does."""
_AT_ONCE = 20


def first_of_evidence(profile: Fitted, level: float, batch: int = 1) -> First:
    """Our own detector on all views of a profile; `level` is A in events."""

    def first(x: FloatArray) -> int | None:
        evidence = Evidence(profile.views.layout(), profile.counts, float(np.log(level)))
        for at in range(0, x.shape[1], _AT_ONCE * batch):
            rows = numbers(x[:, at : at + _AT_ONCE * batch])
            edges = np.append(np.arange(0, len(rows), batch), len(rows))
            times = at + edges[1:].astype(float)
            alarms = evidence.update(profile.views.count(rows, edges), np.diff(edges).astype(float), times).alarms
            if alarms:
                return at + int(edges[alarms[0].batch + 1]) - 1
        return None

    return first


def first_of_opinions(new: Callable[[], SecondOpinion]) -> First:
    """A peer's detector a feature, with its own defaults; the first of them to alarm."""

    def first(x: FloatArray) -> int | None:
        detectors = [new() for _ in x]
        for at, event in enumerate(x.T.tolist()):
            if any(each.update(value) for each, value in zip(detectors, event, strict=True)):
                return at
        return None

    return first


def always() -> First:
    """The dummy that alarms at every event."""
    return first_of_opinions(lambda: opinion("always"))
