"""Error rates with their intervals, overall and over the last known outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from monitor.page.picture import ErrorSeries, Rate
from monitor.page.series import Point

__all__ = ["ROLLING", "error_series", "lately", "rate"]

ROLLING: Final = 1000
"""Known outcomes that a rolling rate looks back over: at 5 % wrong its 95 % interval reaches 1.4 points each way."""
_FEWEST: Final = 30
"""Below this many known outcomes a rate would be noise."""
_Z: Final = 1.959964

_Sums = tuple[float, ...]
"""accepted n, wrong; answered n, wrong; alone n, wrong."""


def rate(n: float, wrong: float) -> Rate:
    """Share wrong, with the 95 % score interval (Wilson 1927), which holds for few and for rare errors too."""
    if n <= 0:
        return Rate(0, 0, None, None, None)
    p, z2 = wrong / n, _Z * _Z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Rate(int(n), int(wrong), p, max(0.0, centre - half), min(1.0, centre + half))


def lately(points: Sequence[Point]) -> tuple[Rate, Rate, Rate]:
    """Give the rates of accepted, answered and alone over the newest intervals that hold `ROLLING` known outcomes."""
    sums, back = [0.0] * 6, len(points)
    while back > 0 and sums[4] < ROLLING:
        back -= 1
        sums = [a + b for a, b in zip(sums, points[back].values, strict=True)]
    return rate(sums[0], sums[1]), rate(sums[2], sums[3]), rate(sums[4], sums[5])


def error_series(points: Sequence[Point]) -> ErrorSeries:
    """Give the rolling rates at each interval, all three over the same requests, so that like meets like."""
    series = ErrorSeries([], [], [], [], [], [])
    sums, back = [0.0] * 6, 0
    for point in points:
        sums = [a + b for a, b in zip(sums, point.values, strict=True)]
        while sums[4] - points[back].values[4] >= ROLLING:
            sums = [a - b for a, b in zip(sums, points[back].values, strict=True)]
            back += 1
        _append(series, point.time, sums)
    return series


def _append(series: ErrorSeries, time: float, sums: Sequence[float]) -> None:
    accepted = rate(sums[0], sums[1]) if sums[0] >= _FEWEST else rate(0, 0)
    series.time.append(round(time, 2))
    series.accepted.append(_short(accepted.rate))
    series.low.append(_short(accepted.low))
    series.high.append(_short(accepted.high))
    series.answered.append(_short(sums[3] / sums[2] if sums[2] >= _FEWEST else None))
    series.alone.append(_short(sums[5] / sums[4] if sums[4] >= _FEWEST else None))


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
