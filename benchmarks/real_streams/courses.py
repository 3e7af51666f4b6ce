"""What the production pipeline, and river's detectors, say of a served stream."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from detectors.baselines import opinion
from detectors.types import FloatArray
from monitor.backtest import backtest, rows_of
from monitor.config import config_from
from monitor.fit.fitting import fit_profile
from monitor.tables import read_stream

from .streams import Columns, Served

__all__ = ["Alarms", "Course", "course", "errors_of", "features_of", "heard", "stretches"]

_HISTORY = 1000
_OUTPUTS = frozenset({"confidence", "entropy", "set size", "predicted value", "predicted label"})


@dataclass(frozen=True)
class Alarms:
    """Where something alarmed, in order; `seen` events were looked at."""

    at: tuple[int, ...]
    seen: int

    def first(self, begin: int, end: int) -> int | None:
        """Events from `begin` to the end of the first alarm in [begin, end), that event included."""
        return next((at - begin + 1 for at in self.at if begin <= at < end), None)

    def before(self, end: int) -> int:
        """How many there were before."""
        return sum(at < end for at in self.at)


@dataclass(frozen=True)
class Course:
    """A backtest: its result, and its alarms by what they are about: inputs, outputs, outcomes."""

    result: dict[str, Any]
    alarms: dict[str, Alarms]


def course(served: Served) -> Course:
    """Fit the profile on the reference, and run the events through the production pipeline."""
    config = config_from(served.config, {})
    with tempfile.TemporaryDirectory() as folder:
        reference, events = Path(folder) / "reference.csv", Path(folder) / "events.csv"
        _write(reference, served.reference)
        _write(events, served.events)
        profile = fit_profile(read_stream(reference, config), config).profile
        categorical = profile.fitted.views.categorical
        stream = rows_of(read_stream(events, config, labels=profile.classes, categorical=categorical))
        result = backtest(config, {"1": profile}, stream)
    found: dict[str, list[int]] = {"inputs": [], "outputs": [], "outcomes": []}
    for each in result["alarms"]:
        kind = "outcomes" if each["level"] == "page" else "outputs" if each["view"] in _OUTPUTS else "inputs"
        found[kind].append(each["event"])
    return Course(result, {name: Alarms(tuple(sorted(at)), result["events"]) for name, at in found.items()})


def heard(name: str, before_and_then: Sequence[FloatArray], most: int) -> Alarms:
    """One of river's detectors a stream, (streams, events), the first `most` events; each goes on after an alarm.

    It is given the end of the reference first, (streams, rows), and what it says of that is not counted.
    """
    before, streams = before_and_then
    at = []
    for known, values in zip(before[:, -_HISTORY:].tolist(), streams[:, :most].tolist(), strict=True):
        detector = opinion(name)
        for value in known:
            detector.update(value)
        at += [event for event, value in enumerate(values) if detector.update(value)]
    return Alarms(tuple(sorted(at)), min(most, streams.shape[1]))


def features_of(columns: Columns, names: Sequence[str]) -> FloatArray:
    """(features, events): the numeric columns."""
    return np.array([columns[name] for name in names], dtype=np.float64)


def errors_of(events: Columns) -> FloatArray:
    """(1, events): whether each answer is wrong; the absolute error where it is a number."""
    if "label" in events:
        wrong = np.array(events["label"]) != np.array(events["target"])
        return np.asarray(wrong, dtype=np.float64)[None]
    off = np.array(events["y_hat"], dtype=np.float64) - np.array(events["target"], dtype=np.float64)
    return np.asarray(np.abs(off)[None], dtype=np.float64)


def stretches(served: Served) -> list[tuple[int, int]]:
    """From each known change to the next, or to the end."""
    return list(pairwise([*served.drift, len(served.events["target"])]))


def _write(path: Path, columns: Columns) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
