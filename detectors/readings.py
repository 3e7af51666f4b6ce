"""What the e-detectors say: alarms, and all that a call brought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .types import BoolArray, FloatArray, IntArray

__all__ = ["QUIET_EVENTS", "QUIET_SECONDS", "Alarm", "EvidenceReading", "HarmAlarm", "HarmReading"]

QUIET_SECONDS = 600.0
QUIET_EVENTS = 1000
"""An episode is resolved when the evidence, begun anew, has stayed low for this long and this many events."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A view moved.

    Attributes
    ----------
    batch
        Index of the batch, within the call, that raised it.
    view
        Index of the view in `Layout.names`.
    log_evidence
        log(weight x M).
    before, now
        (bins,): the reference's counts without those since the estimated change, and these. With contexts `before` is
        the mixture of the cells' references that `now` came from.
    since
        Time of the first batch after the change point that maximises the evidence; NaN if not told.
    moved
        Views whose evidence stands out with this alarm, by e-BH: their list's false discovery rate is bounded.
    """

    batch: int
    view: int
    log_evidence: float
    before: IntArray
    now: IntArray
    since: float = np.nan
    moved: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceReading:
    """What a call of `Evidence.update` brought.

    Attributes
    ----------
    top
        (batches,): the greatest log(weight x M) over the views without an open episode.
    is_open
        (batches,): whether any view has an open episode after the batch.
    alarms
        Alarms in the order of the batches.
    resolved
        (batch, view) of episodes that ended.
    """

    top: FloatArray
    is_open: BoolArray
    alarms: tuple[Alarm, ...]
    resolved: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class HarmAlarm:
    """A rate is above what is tolerated: its name, log(weight x M), that rate, labels, wrong ones; or `why`."""

    view: str
    log_evidence: float
    tolerated: float
    n: int
    wrong: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class HarmReading:
    """What a batch of labels brought.

    Attributes
    ----------
    top
        The greatest log(weight x M) over the harm views without an open episode.
    alarms
        Harm views that alarmed with this batch.
    promise
        The alarm of accepted errors against the promise, if it went off with this batch.
    open
        Whether some harm view has an open episode.
    """

    top: float
    alarms: tuple[HarmAlarm, ...]
    promise: HarmAlarm | None
    open: bool
