"""Drift that is not worth waking anyone, as people write it: standard deviations or a share."""

from __future__ import annotations

import math

from monitor.config.units import parse_share

__all__ = ["tolerated_share"]

_MOST_SIGMAS = 1.0
_MOST_SHARE = 0.35


def tolerated_share(raw: float | str) -> float:
    """The share of events that may move: `2%` as it is, a number as the shift that carries it over the median.

    Raises ValueError for what is neither, or so large that no bet would be left.

    Examples
    --------
    >>> tolerated_share("2%"), round(tolerated_share(.25), 3), round(tolerated_share("0.25"), 3)
    (0.02, 0.099, 0.099)
    """
    if isinstance(raw, str) and raw.strip().endswith("%"):
        share = parse_share(raw)
    else:
        sigmas = float(raw)
        # the normal distribution function at half the shift, twice, less one
        share = math.erf(sigmas / math.sqrt(8)) if 0 < sigmas <= _MOST_SIGMAS else math.nan
        if math.isnan(share):
            raise ValueError(raw)
        return share
    if not 0 < share <= _MOST_SHARE:
        raise ValueError(raw)
    return share
