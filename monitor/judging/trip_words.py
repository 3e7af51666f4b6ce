"""A trip in words, for the page, whichever way it travels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from monitor.observing import Trip

__all__ = ["MOVED_NOTHING", "RUNBOOKS", "did", "first", "moved", "plain", "since", "told_at"]

MOVED_NOTHING: Final = "no view stands out"
RUNBOOKS: Final = "docs/runbooks"
"""Where the runbooks are unless the configuration says where they are published."""
_MOST: Final = 300
_DID: Final = {
    "degraded": "raised the bar: the model answers only what it is surest of, the rest goes down route.chain",
    "open": "took the model out: it answers nothing and is scored in shadow, every request goes down route.chain",
    "half_open": "is trying the model again on probes; every other request goes down route.chain",
    "forced_open": "nothing more: an operator holds the breaker open, the model answers nothing",
    "forced_closed": "nothing: an operator holds the breaker closed, the model answers everything",
}
_OBSERVED: Final = "nothing: in mode observe it records what it would do, and the model answers everything"
_FIRST: Final = {
    "schema": "compare what the model's callers send with what it was fitted on, and roll the change back",
    "errors": "look at the model server: its calls fail",
    "slow": "look at the model server: its calls are too slow",
    "flapping": "find out why it recovers and breaks in turn, then `holdback breaker auto`",
    "expired": "look whether the reason for the operator's order is gone",
}
_FIRST_OF_ALL: Final = (
    "look at what moved: a fault in the data goes back to its source, a changed world needs a new model"
)


def since(trip: Trip) -> str:
    """When it began."""
    return told_at(trip.since)


def told_at(time: float) -> str:
    """A moment, to the second."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def did(trip: Trip) -> str:
    """What Holdback did by itself."""
    where = f"for {plain(trip.segment)} alone: " if trip.segment else ""
    return where + (_DID.get(trip.state, "nothing") if trip.enforced else _OBSERVED)


def moved(trip: Trip) -> str:
    """What moved most."""
    return plain(trip.moved) or MOVED_NOTHING


def first(trip: Trip) -> str:
    """What to do first."""
    return _FIRST.get(trip.cause, _FIRST_OF_ALL)


def plain(text: str) -> str:
    """One line of at most 300 characters that can be printed: names of features come from outside."""
    line = "".join(each if each.isprintable() else " " for each in text[: 2 * _MOST])
    line = " ".join(line.split())
    return line if len(line) <= _MOST else line[: _MOST - 1] + "…"
