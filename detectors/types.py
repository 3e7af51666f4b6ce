"""The vocabulary of counting and judging: what a batch is, what a label is worth, what a detector says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "RANK_CELLS",
    "BoolArray",
    "FloatArray",
    "IntArray",
    "Labels",
    "Reading",
    "Rows",
    "Stake",
    "State",
    "Stateful",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
State = dict[str, NDArray[np.generic]]

RANK_CELLS = 50
"""Cells of equal width for confidence ranks in [0, 1]; .02 is fine enough for a walk that starts at .9."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch of predictions as arrays, in the order of the profile's features.

    Attributes
    ----------
    numeric
        (numeric features, events); NaN where missing.
    categorical
        One sequence of length `events` a categorical feature; None where missing.
    label
        Predicted labels, length `events`; None where the model gave none.
    confidence
        (events,), greater is surer; NaN where the model gave none.
    entropy
        (events,) in nats; NaN where the model gave no probabilities.
    size
        (events,) labels in the reference's set, or width of the model's own interval; NaN where there is neither.
    value
        (events,) predicted numbers; NaN where the model gave none.
    time
        (events,) epoch seconds; None where nobody asks for them.
    segment
        The segment that views are conditioned on, length `events`; None where nobody asks for it.
    client
        Who asked, length `events`; None where no event says so.
    latency
        (events,) seconds that the model took, NaN where unknown; None where no event says so.
    embedding
        (events, dimensions), a row of NaN where missing; None where no event has one.
    """

    numeric: FloatArray
    categorical: tuple[list[str | None], ...]
    label: list[str | None]
    confidence: FloatArray
    entropy: FloatArray
    size: FloatArray
    value: FloatArray
    time: FloatArray | None = None
    segment: list[str | None] | None = None
    client: list[str | None] | None = None
    latency: FloatArray | None = None
    embedding: NDArray[np.floating] | None = None

    def __len__(self) -> int:
        return int(self.confidence.shape[0])


class Stake(IntEnum):
    """Why the label of a decision counts for the threshold."""

    ACCEPTED = 0  # the model answered
    SUSPECTED = 1  # held back by suspicion or the breaker alone: the threshold would have let it pass
    SUREST = 2  # nothing could pass, and it was among the surest tenth
    HELD = 3  # below the threshold


@dataclass(frozen=True, slots=True)
class Labels:
    """Outcomes that came in one batch, counted.

    Attributes
    ----------
    propensity
        The share of accepted answers whose label was asked for when these decisions were made (1 if all are known).
    epoch
        The epoch in which these decisions were made.
    counts
        (stakes, rank cells, 2): right and wrong answers of the model.
    overdue
        (stakes, rank cells): +1 when a label is overdue, -1 when the label of an overdue one has come after all.
    """

    propensity: float
    epoch: int
    counts: IntArray
    overdue: IntArray


@dataclass(frozen=True, slots=True)
class Reading:
    """What a detector says after a batch: evidence against its alarm level.

    Attributes
    ----------
    what
        The view or process that was read.
    log_evidence
        Natural logarithm of the evidence.
    log_threshold
        Natural logarithm of the level at which it alarms.
    n
        Events or labels counted since the reading's process began.
    alarm
        Whether this batch raised an alarm.
    """

    what: str
    log_evidence: float
    log_threshold: float
    n: int
    alarm: bool


class Stateful(Protocol):
    """Keeps all that it knows in arrays, so that a snapshot restores it to the bit."""

    def state(self) -> State:
        """Arrays that hold all of the state."""
        ...

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        ...
