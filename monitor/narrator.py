"""Tells a person at a terminal what happens, in a line each."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from monitor.observing import Alarm, Observation, Paged, Transition
from monitor.terminal import printable

__all__ = ["Narrator", "epilogue"]

_MOST_ALARMS = 5


class Narrator:
    """Writes alarms, transitions and pages to standard error; of the alarms of a level only the first few."""

    def __init__(self) -> None:
        self._told: Counter[str] = Counter()

    def __call__(self, seen: Observation, /) -> None:
        """Tell of what a person would want to know."""
        if isinstance(seen, Alarm):
            self._alarm(seen)
        elif isinstance(seen, Transition):
            self.say(f"event {seen.event:,}: breaker {seen.before.upper()} -> {seen.after.upper()}: {seen.words}")
        elif isinstance(seen, Paged):
            self.say(f"PAGE: {seen.summary}")

    def say(self, text: str) -> None:
        """Write a line; what comes from outside can't move the terminal."""
        print(printable(text), file=sys.stderr, flush=True)  # noqa: T201  (a command's own voice)

    def _alarm(self, alarm: Alarm) -> None:
        self._told[alarm.level] += 1
        if self._told[alarm.level] > _MOST_ALARMS:
            return
        self.say(f"event {alarm.event:,}: {alarm.level}: {alarm.why}")


def epilogue(result: dict[str, Any]) -> str:
    """The demo in a few sentences."""
    demo = result["demo"]

    def percent(name: str) -> str:
        return "none" if demo[name] is None else f"{100 * demo[name]:.1f} %"

    by = ", ".join(f"{name} {n:,}" for name, n in demo["answered_by"].items())
    state, closed = demo["breaker_in_the_end"], demo["closed_after"]
    end = (
        f"The breaker closed {closed:,} events after the camera was straight again"
        if closed is not None
        else f"In the end the breaker was {state.upper()}" + (f": {demo['waits_for']}" if demo["waits_for"] else "")
    )
    return (
        f"Before the camera turned the model answered {percent('accepted_before')} of the requests, and alone it was "
        f"wrong in {percent('error_before')}. Afterwards it would have been wrong in {percent('error_alone_after')}; "
        f"of the answers that it was allowed to give {percent('error_accepted_after')} were wrong, and of all that "
        f"callers got {percent('error_answered_after')}. While the other network's server was down, "
        f"{demo['fallback_left_alone']:,} requests did not even try it. {end}; of the last requests the model answered "
        f"{percent('accepted_late')}, and {percent('error_accepted_late')} of that were wrong. Who answered: {by}."
    )
