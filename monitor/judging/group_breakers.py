"""The breakers of a version's groups: under the version's, each with its key, stepped only where there is a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from detectors.types import BoolArray, FloatArray, State
from fallback.breaker import step
from fallback.moves import PROBING
from fallback.policy import Policy
from fallback.records import BreakerRecord, Command, Signals, Transition
from fallback.rules import ramp_share
from fallback.types import BreakerState

__all__ = ["GroupBreakers", "GroupStep"]

GroupStep = tuple[int, Transition]
"""A group, by its place, and a step of its breaker."""
_FOLLOWS = frozenset({BreakerState.CLOSED, BreakerState.FORCED_CLOSED})
_Records = list[BreakerRecord]


class GroupBreakers:
    """One breaker a group, its key that of the version and `name=value`."""

    def __init__(self, key: str, labels: Sequence[str], policy: Policy) -> None:
        self._policy = policy
        self.labels = tuple(labels)
        self.records = [BreakerRecord(f"{key}/{label}") for label in labels]
        self._closed = np.ones(len(labels), dtype=np.bool_)
        self.resting = False
        """The version's breaker has taken over, and decides for all of them until it is closed again."""

    @property
    def apart(self) -> BoolArray:
        """(groups,): which are ruled on by themselves, as their breaker is not closed."""
        return ~self._closed

    def step(
        self,
        news: BoolArray,
        signals_of: Callable[[int], Signals],
        time: float,
        above: BreakerRecord,
        apart_share: float,
    ) -> list[GroupStep]:
        """Let those take a step that have a reason to: `news`, (groups,), a state, or a hold that has begun.

        `above` is the version's breaker. It takes over once it is open, or has a harm of its own while those that are
        not closed hold too much of the traffic, `apart_share`: then they are closed, and rest until it is.
        """
        if above.live in PROBING or (above.harm and apart_share > self._policy.blast_radius):
            self.resting = True
        elif above.live is BreakerState.CLOSED:
            self.resting = False
        handed = Signals(time=time, handed_over=True)
        taken: list[GroupStep] = []
        for place in self._busy(news & (not self.resting)):
            taken += self._take(place, handed if self.resting else signals_of(place))
        return taken

    def command(self, place: int, command: Command, signals: Signals) -> list[GroupStep]:
        """Carry out an operator's order on one group."""
        return self._take(place, replace(signals, command=command))

    def shares(self, traffic: FloatArray, name_of: Sequence[int]) -> tuple[float, float]:
        """The greatest shares of traffic that groups of one name hold together: open ones, and all that are not closed.

        NaN for the first if none is open. Groups of one name have no event in common; those of two names may, so their
        shares are not added. What an operator ordered is no reason to go on to the rest.
        """
        opened: dict[int, float] = {}
        apart: dict[int, float] = {}
        for place in np.flatnonzero(~self._closed).tolist():
            record, name = self.records[place], name_of[place]
            if record.override is None:
                apart[name] = apart.get(name, 0.0) + float(traffic[place])
                if record.live in PROBING:
                    opened[name] = opened.get(name, 0.0) + float(traffic[place])
        return max(opened.values(), default=math.nan), max(apart.values(), default=0.0)

    def ramp(self, place: int, time: float) -> float:
        """The share of the group's requests that may pass."""
        return 1.0 if math.isnan(time) else ramp_share(self.records[place], time, self._policy)

    def state(self) -> State:
        """What all of them remember."""
        records = np.frombuffer(msgspec.json.encode(self.records), dtype=np.uint8)
        return {"records": records.copy(), "resting": np.array([self.resting])}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same groups."""
        self.records = msgspec.json.decode(state["records"].tobytes(), type=_Records)
        self.resting = bool(state["resting"][0])
        self._closed = np.array([each.state in _FOLLOWS for each in self.records], dtype=np.bool_)

    def _busy(self, news: BoolArray) -> list[int]:
        # a closed breaker of which nothing is said does not change
        waiting = [each.few_since is not None or each.override is not None for each in self.records]
        return np.flatnonzero(news | ~self._closed | waiting).tolist()

    def _take(self, place: int, signals: Signals) -> list[GroupStep]:
        self.records[place], steps = step(self.records[place], signals, self._policy)
        self._closed[place] = self.records[place].state in _FOLLOWS
        return [(place, each) for each in steps]
