"""An alarm in words and numbers, from its counts: what part of the view grew or shrank most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .types import FloatArray, IntArray

if TYPE_CHECKING:
    from .counting import Views

__all__ = ["Explanation", "bin_names", "explain"]

_NEARLY = 0.9


@dataclass(frozen=True, slots=True)
class Explanation:
    """An alarm explained.

    Attributes
    ----------
    why
        "age above 61: 5 % of the reference, 18 % of the last 4,000 events; odds 10^9 to 1".
    bins
        Names of the bins.
    before, now
        Their shares in the reference and since the change.
    """

    why: str
    bins: tuple[str, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]


def explain(views: Views, view: int, before: IntArray, now: IntArray, log_evidence: float) -> Explanation:
    """Name the part of a view that moved most.

    Of all upper tails, lower tails and single bins it is the one whose share changed most surely, by the
    log-likelihood ratio `q log(q/p) + (1 - q) log((1 - q)/(1 - p))`; of parts that are nearly as sure, such as a
    tail and the rest, it is the one that grew.

    Parameters
    ----------
    views
        The profile's views.
    view
        Index of the view.
    before, now
        (bins,): counts of the reference and since the change.
    log_evidence
        log(weight x M).
    """
    name, bins, ordered = views.layout().names[view], bin_names(views, view), view < len(views.ordered.edges)
    before, now = before[: len(bins)], now[: len(bins)]
    p, q = _shares(before), _shares(now)
    # tails first: of equals the first is named, and the last bin is the shortest tail
    parts = _tails(name, views.ordered.edges[view], p, q) if ordered else []
    parts += [(f"{name}: {bins[i]}", float(p[i]), float(q[i])) for i in range(len(bins))]
    text, share, shown = _surest(parts)
    odds = log_evidence / np.log(10)
    why = f"{text}: {_percent(share)} of the reference, {_percent(shown)} of the last {int(now.sum()):,} events"
    return Explanation(f"{why}; odds 10^{odds:.0f} to 1", bins, tuple(float(x) for x in p), tuple(float(x) for x in q))


def bin_names(views: Views, view: int) -> tuple[str, ...]:
    """Names of a view's bins."""
    edges = views.ordered.edges
    if view < len(edges):
        inner = tuple(_range(a, b) for a, b in zip(edges[view], edges[view][1:], strict=False))
        return (*inner, "outside the reference", "missing")
    view -= len(edges)
    if view < len(views.stepped):
        return views.stepped[view].names
    return ("on the same side", "on opposite sides")


def _tails(name: str, edges: FloatArray, p: FloatArray, q: FloatArray) -> list[tuple[str, float, float]]:
    above_p, above_q = np.cumsum(p[:-2][::-1])[::-1], np.cumsum(q[:-2][::-1])[::-1]
    below_p, below_q = np.cumsum(p[:-2]), np.cumsum(q[:-2])
    inner = range(1, len(edges) - 1)
    above = [(f"{name} above {_number(edges[i])}", float(above_p[i]), float(above_q[i])) for i in inner]
    below = [(f"{name} up to {_number(edges[i])}", float(below_p[i - 1]), float(below_q[i - 1])) for i in inner]
    return above + below


def _surest(parts: list[tuple[str, float, float]]) -> tuple[str, float, float]:
    sure = [_divergence(p, q) for _, p, q in parts]
    near = [i for i, each in enumerate(sure) if each >= _NEARLY * max(sure)]
    return parts[max(near, key=lambda i: (parts[i][2] > parts[i][1], sure[i]))]


def _shares(counts: IntArray) -> FloatArray:
    return counts / max(int(counts.sum()), 1)


def _divergence(p: float, q: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    q = min(max(q, 1e-9), 1 - 1e-9)
    return float(q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p)))


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.1f} %" if 0 < percent < 10 or 90 < percent < 100 else f"{percent:.0f} %"


def _range(low: float, high: float) -> str:
    """A bin; one of a single value, of a column that takes few, is that value."""
    return _number(low) if _number(low) == _number(high) else f"{_number(low)} to {_number(high)}"


def _number(x: float) -> str:
    return f"{x:.4g}"
