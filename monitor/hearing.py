"""How long ago the judge was heard, by clocks of which one may be wrong."""

from __future__ import annotations

import math

from fallback.types import Verdict

__all__ = ["Hearing"]


class Hearing:
    """The age of verdicts: by their own time, or by when they came, if that is longer ago.

    The judge's clock is the greatest time of all replicas. One replica whose clock is a day ahead would make every
    verdict of that day look fresh, though nobody judged any more.

    Examples
    --------
    >>> from fallback.types import BreakerState
    >>> ahead = Verdict(BreakerState.CLOSED, 0, 0.2, 0.4, 0.0, 0.05, 0.9, 5.0, time=90_000.0, ledger_offset=7)
    >>> hearing = Hearing()
    >>> hearing.age("1", ahead, now=100.0), hearing.age("1", ahead, now=300.0)
    (0.0, 200.0)
    """

    def __init__(self) -> None:
        self._came: dict[str, tuple[int, float]] = {}

    def age(self, version: str, verdict: Verdict, now: float) -> float:
        """Seconds since the verdict on a version, one that the ledger knows; NaN if there never was one."""
        if math.isnan(verdict.time):
            return math.nan
        offset, came = self._came.get(version, (-1, now))
        if offset != verdict.ledger_offset or now < came:
            # new; or our own clock has jumped back, and what it said before means nothing
            came = now
        self._came[version] = verdict.ledger_offset, came
        return now - min(verdict.time, came)
