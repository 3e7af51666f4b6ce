"""The bar for each request: the threshold, and what is added to it, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fallback.types import BarGuarantee, Health, Reason, Verdict, WhenBlind, reason_code

__all__ = ["BLIND_SUSPICION", "Bar", "Bars", "bars_of", "by_confidence"]

BLIND_SUSPICION = 0.4
"""Share of the way to 1 by which full suspicion raises the bar; `when_blind: degraded` is as suspicious as an alarm."""
Bar = float | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bars:
    """The steps of the bar: threshold, certificate, suspicion, blindness; each is at least the one before."""

    tracking: Bar
    certified: Bar
    suspicion: Bar
    blind: Bar


def bars_of(tracking: Bar, verdict: Verdict, bar: BarGuarantee, when_blind: WhenBlind, health: Health) -> Bars:
    """Build the bars on a threshold: one for all requests, or one each."""
    certified = _greater(tracking, verdict.certified_from) if bar is BarGuarantee.CERTIFIED else tracking
    suspicious = certified + verdict.suspicion
    blind = suspicious
    if health is Health.BLIND and when_blind is WhenBlind.DEGRADED:
        blind = _greater(suspicious, certified + BLIND_SUSPICION * _greater(0.0, 1.0 - certified))
    return Bars(tracking, certified, suspicious, blind)


def _greater(one: Bar, other: Bar) -> Bar:
    both = isinstance(one, float) and isinstance(other, float)
    return max(one, other) if both else np.maximum(one, other)


def by_confidence(rank: NDArray[np.float64], bars: Bars, *, unknown_passes: bool = False) -> NDArray[np.uint8]:
    """Give each request the reason that its confidence gives."""
    # who says nothing of its confidence cannot be held to a bar: once that is raised, it is held back
    reason = np.full(rank.shape, _code(Reason.NO_CONFIDENCE))
    if unknown_passes:
        calm = np.asarray(bars.tracking) <= 1.0
        calm &= (np.asarray(bars.blind) == bars.certified) & (np.asarray(bars.certified) == bars.tracking)
        reason = np.where(calm, _code(Reason.UNKNOWN), reason)
    reason[rank < bars.blind] = _code(Reason.BLIND)
    reason[rank < bars.suspicion] = _code(Reason.SUSPICION)
    reason[rank < bars.certified] = _code(Reason.UNCERTIFIED)
    reason[rank < bars.tracking] = _code(Reason.LOW_CONFIDENCE)
    reason[rank >= bars.blind] = _code(Reason.CONFIDENT)
    return reason


def _code(reason: Reason) -> np.uint8:
    return np.uint8(reason_code(reason))
