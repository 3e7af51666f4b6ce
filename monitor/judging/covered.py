"""How far the judge has come: which records it has judged, how many events these were, and which labels wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from detectors.types import Stake
from monitor.summaries import Range, Summary

__all__ = ["Covered"]


class Covered:
    """Adds up what summaries say of where they come from.

    Parameters
    ----------
    predictions
        The topic whose records are events.
    """

    def __init__(self, predictions: str) -> None:
        self._predictions = predictions
        self._ranges: dict[tuple[str, int], Range] = {}
        self._waiting: dict[int, list[int]] = {}
        self.events = 0
        """Records of predictions so far, unreadable ones included."""

    def note(self, ranges: Iterable[Range], topic: str, offset: int) -> None:
        """Remember what was judged since the last record, and count the events."""
        for each in (*ranges, Range(topic, 0, offset, offset)):
            key = (each.topic, each.partition)
            seen = self._ranges.get(key, each)
            first, last = min(seen.first, each.first), max(seen.last, each.last)
            self._ranges[key] = Range(each.topic, each.partition, first, last)
            # positions in the stream: whatever became of a record, it has one
            self.events += each.last - each.first + 1 if each.topic == self._predictions else 0

    def outstanding(self, summary: Summary) -> list[int]:
        """Labels outstanding by stake in all partitions, as far as their owners have said."""
        # a partition that changes hands is spoken for by its new owner
        self._waiting |= {partition: list(each) for partition, each in summary.waiting.items()}
        outstanding: list[int] = np.sum([*self._waiting.values(), [0] * len(Stake)], axis=0).tolist()
        return outstanding

    def told(self) -> list[Any]:
        """The ranges since the last call, for a record of the ledger."""
        ranges, self._ranges = self._ranges, {}
        return [msgspec.to_builtins(each) for each in ranges.values()]

    def state(self) -> dict[str, Any]:
        """Plain values, for a snapshot."""
        return {
            "events": self.events,
            "ranges": [msgspec.to_builtins(each) for each in self._ranges.values()],
            "waiting": {str(partition): each for partition, each in self._waiting.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`."""
        self.events = int(state["events"])
        self._ranges = {(r["topic"], r["partition"]): Range(**r) for r in state["ranges"]}
        self._waiting = {int(partition): list(each) for partition, each in state["waiting"].items()}
