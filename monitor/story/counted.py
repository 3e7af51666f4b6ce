"""What became of the story's events, before the camera turns, while it is turned, and afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from detectors.types import BoolArray
from monitor.events import Hop
from monitor.results import Shown
from monitor.story.plot import Story

__all__ = ["Counted", "Told", "decode_told"]

_BROKEN = "broken"


class Told(Shown, frozen=True, gc=False):
    """What the demo needs of a decision: who gave the answer, and who was asked on the way, too."""

    answered_by: str | None = None
    hops: list[Hop] | msgspec.UnsetType = msgspec.UNSET


decode_told = msgspec.json.Decoder(Told).decode


class Counted:
    """Counts decisions by the number of their event."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._route = np.zeros(story.length, dtype="U8")
        self._alone = np.zeros(story.length, dtype=np.bool_)
        self._answered = np.full(story.length, np.nan)
        self._by: Counter[str] = Counter()
        self._left_alone = 0
        self.decided = 0

    def add(self, decisions: Sequence[Told]) -> None:
        """Count some decisions."""
        for decision in decisions:
            self._count(decision, self._story.truth[decision.id])
        self.decided += len(decisions)

    def facts(self, result: dict[str, Any]) -> dict[str, Any]:
        """What the story came to; `result` is that of a backtest."""
        story, events, model = self._story, np.arange(self._story.length), self._route == "model"
        at, mended, down = story.drift_at, story.mended_at, story.fallback_down_at
        before, after = events < at, (events >= at) & (events < mended)
        # the last quarter of what follows: what it settles to
        late = events >= len(events) - (len(events) - mended) // 4
        steps = result["breaker"]
        return {
            "drift_at": at,
            "detected_after": _first((each["event"] for each in result["alarms"] if each["event"] >= at), at),
            "opened_after": _first(_steps(steps, "open", at), at),
            "accepted_before": _mean(model[before]),
            "error_before": _mean(self._alone[before]),
            "error_alone_after": _mean(self._alone[after]),
            "error_accepted_after": _mean(self._alone[after & model]),
            "error_answered_after": _mean(self._answered[after & ~np.isnan(self._answered)]),
            "fallback_down_at": down,
            "fallback_back_at": story.fallback_back_at,
            "fallback_left_alone": self._left_alone,
            "answered_by": dict(sorted(self._by.items())),
            "ordered_at": story.ordered_at,
            "forced_open_after": _first(_steps(steps, "forced_open", story.ordered_at), story.ordered_at),
            "order_ran_out_after": _first(
                (each["event"] for each in steps if each["from"] == "forced_open"), story.ordered_at
            ),
            "mended_at": mended,
            "closed_after": _first(_steps(steps, "closed", mended), mended),
            "accepted_late": _mean(model[late]),
            "error_accepted_late": _mean(self._alone[late & model]),
            "breaker_in_the_end": steps[-1]["to"] if steps else "closed",
        }

    def _count(self, decision: Told, truth: str) -> None:
        i = int(decision.id.rpartition("-")[2])
        said = (decision.output or {}).get("label")
        self._route[i] = decision.route
        self._alone[i] = said != truth
        self._by[decision.answered_by or decision.route] += 1
        hops = decision.hops or ()
        self._left_alone += any(each.outcome == _BROKEN for each in hops)
        if decision.route == "human":
            self._answered[i] = 0.0
        elif decision.route != "refuse":
            self._answered[i] = decision.answer != truth


def _steps(steps: Sequence[dict[str, Any]], to: str, at: int) -> list[int]:
    return [each["event"] for each in steps if each["to"] == to and each["event"] >= at]


def _first(events: Any, since: int) -> int | None:
    found = min(events, default=None)
    return None if found is None else int(found) - since


def _mean(values: np.ndarray | BoolArray) -> float | None:
    return float(values.mean()) if len(values) else None
