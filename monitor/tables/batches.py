"""What a recorded stream is read as."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIRST_TIME", "RawBatch"]

FIRST_TIME = 1_767_225_600.0
"""2026-01-01T00:00:00Z, the time of the first row of a file that has no times: any would do, as long as it stays."""


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Some rows of a file, in its order, as the records that the topics would have held.

    All lists and `times` have one entry a row (in JSON lines: a line). What is wrong with a record is still wrong with
    its bytes here: they meet the same decoder as live ones.

    Attributes
    ----------
    first
        Position of the first of these rows in the file, from 0.
    predictions
        JSON of each prediction.
    ids
        Its id, as text; None where it has none that could be read.
    times
        When it was made, epoch seconds. A row without a readable time has that of the row before it.
    outcomes
        JSON of each outcome; None where there is none, as in an empty cell. They bear no time: it is when they are fed.
    truth
        The outcome itself: a label as text, or a number; None where there is none.
    flags
        JSON of a user's report of harm; None where there is none. Empty: the file has none at all.
    progress
        How much of the file has been read, 0 to 1.
    """

    first: int
    predictions: list[bytes]
    ids: list[str | None]
    times: NDArray[np.float64]
    outcomes: list[bytes | None]
    truth: list[str | float | None]
    progress: float
    flags: list[bytes | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.predictions)
