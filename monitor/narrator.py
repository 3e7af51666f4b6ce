"""Tells a person at a terminal what happens, in a line each."""

from __future__ import annotations

import sys
from typing import Any

from monitor.observing import Alarm, Observation, Paged, Transition

__all__ = ["Narrator", "epilogue"]

_MOST_WARNINGS = 5


class Narrator:
    """Writes alarms, transitions and pages to standard error; of the warnings only the first few."""

    def __init__(self) -> None:
        self._warnings = 0

    def __call__(self, seen: Observation, /) -> None:
        """Tell of what a person would want to know."""
        if isinstance(seen, Alarm):
            self._alarm(seen)
        elif isinstance(seen, Transition):
            self.say(f"event {seen.event:,}: breaker {seen.before.upper()} -> {seen.after.upper()}: {seen.words}")
        elif isinstance(seen, Paged):
            self.say(f"PAGE: {seen.summary}")

    def say(self, text: str) -> None:
        """Write a line."""
        print(text, file=sys.stderr, flush=True)  # noqa: T201  (a command's own voice)

    def _alarm(self, alarm: Alarm) -> None:
        if alarm.level == "warning":
            self._warnings += 1
            if self._warnings > _MOST_WARNINGS:
                return
        self.say(f"event {alarm.event:,}: {alarm.level}: {alarm.why}")


def epilogue(result: dict[str, Any]) -> str:
    """The demo in three sentences."""
    demo = result["demo"]

    def percent(name: str) -> str:
        return "none" if demo[name] is None else f"{100 * demo[name]:.1f} %"

    return (
        f"Before the camera turned the model answered {percent('accepted_before')} of the requests, and alone it was "
        f"wrong in {percent('error_before')}. Afterwards it would have been wrong in {percent('error_alone_after')}; "
        f"of the answers that it was allowed to give {percent('error_accepted_after')} were wrong, and of all that "
        f"callers got {percent('error_answered_after')}. Once the camera was straight again, the model came back: in "
        f"the end it answered {percent('accepted_late')}, and {percent('error_accepted_late')} of that were wrong."
    )
