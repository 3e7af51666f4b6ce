"""What the selective rule is told before the stream, and what it says after each batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .epochs import Side
from .types import RANK_CELLS, FloatArray, IntArray, Reading

__all__ = ["SelectiveReading", "SelectiveReference"]


@dataclass(frozen=True, slots=True)
class SelectiveReference:
    """What is known of the model's errors before the stream begins.

    Attributes
    ----------
    counts
        (rank cells, 2): right and wrong answers on the reference; all zero where no labels are known.
    n
        Reference rows, labelled or not.
    events_per_day
        Rate of the reference; turns a promise in days into one in events.
    """

    counts: IntArray
    n: int
    events_per_day: float

    def in_events(self, log_days: float) -> float:
        """Evidence or a level counted in days, counted in events: what `suspicion_level` wants.

        Examples
        --------
        >>> reference = SelectiveReference(np.zeros((RANK_CELLS, 2), np.int64), 0, 1000.0)
        >>> round(reference.in_events(np.log(90.0)), 2)
        11.41
        """
        return float(log_days + np.log(self.events_per_day))

    def traffic(self) -> FloatArray:
        """Share of the traffic by rank cell: ranks are uniform but for ties."""
        labelled = self.counts.sum(axis=1).astype(np.float64)
        return labelled / labelled.sum() if labelled.sum() else np.full(RANK_CELLS, 1 / RANK_CELLS)


@dataclass(frozen=True, slots=True)
class SelectiveReading:
    """What may pass after a batch, and why.

    Attributes
    ----------
    threshold
        λ; an answer passes from `threshold + suspicion` upwards. Above 1 nothing passes.
    suspicion
        What is added to λ for the time being.
    certified_from
        Rank from which answers are certified in this epoch; above 1 none are.
    epoch
        Epochs since the stream began; a certificate holds within one.
    epoch_alarm
        Whether an epoch began with this batch because errors went worse or better.
    worse, better
        Readings of the epoch detector; their `alarm` agrees with `epoch_alarm`.
    could_pass
        Share of recent traffic at or above λ, suspicion apart.
    platt
        Intercept and slope of the log-odds of a right answer by the rank's normal score; None until enough is known.
    """

    threshold: float
    suspicion: float
    certified_from: float
    epoch: int
    epoch_alarm: Side | None
    worse: Reading
    better: Reading
    could_pass: float
    platt: tuple[float, float] | None = None

    @property
    def bar(self) -> float:
        """Least rank that is answered now."""
        return self.threshold + self.suspicion
