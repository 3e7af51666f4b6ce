"""Ordered views: quantile bins of a number, a bin for what lies outside the reference, and one for missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.types import FloatArray

__all__ = ["NumericViews"]

_BLOCK = 64
_BINS_IN_A_BYTE = 256


@dataclass(frozen=True, slots=True)
class NumericViews:
    """Bins of several ordered views at once.

    Bin b holds edge b < x <= edge b + 1 (the first one its lower edge, too); after the B ordinary bins come `outside`
    (below the least or above the greatest value of the reference) and `missing` (NaN).

    Attributes
    ----------
    edges
        (views, B + 1), ascending; equal ones leave a bin empty.

    Examples
    --------
    >>> views = NumericViews.fit(np.arange(101.0)[None, :], 4)
    >>> views.edges.tolist()
    [[0.0, 25.0, 50.0, 75.0, 100.0]]
    >>> views.bin(np.array([[0.0, 25.0, 26.0, 100.0, 101.0, np.nan]])).tolist()
    [[0, 0, 1, 3, 4, 5]]
    """

    edges: FloatArray

    @classmethod
    def fit(cls, values: FloatArray, bins: int) -> NumericViews:
        """Quantiles of each row of `values` (views, events), missing ones left out."""
        shares = np.linspace(0, 1, bins + 1)
        edges = np.empty((len(values), bins + 1))
        for row, view in zip(edges, values, strict=True):
            known = view[np.isfinite(view)]
            # inverted_cdf: every edge is a value that occurred, so ties fall on edges and not between them
            row[:] = np.quantile(known, shares, method="inverted_cdf") if len(known) else np.nan
        return cls(edges)

    @property
    def bins(self) -> int:
        """Bins a view, the special ones included."""
        return int(self.edges.shape[1]) + 1

    def bin(self, values: FloatArray) -> NDArray[np.unsignedinteger]:
        """Bin of each value: (views, events)."""
        ordinary = self.edges.shape[1] - 1
        bins = np.empty(values.shape, dtype=np.uint8 if self.bins <= _BINS_IN_A_BYTE else np.uint16)
        for start in range(0, len(values), _BLOCK):
            part = slice(start, start + _BLOCK)
            bins[part] = _edges_below(values[part], self.edges[part, 1:-1], bins.dtype)
        # NaN compares false, and so does a view without any reference value: it is outside, if not missing
        inside = (values >= self.edges[:, :1]) & (values <= self.edges[:, -1:])
        bins[~inside] = ordinary
        bins[np.isnan(values)] = ordinary + 1
        return bins


def _edges_below(
    values: FloatArray, edges: FloatArray, code: np.dtype[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """How many of its view's edges each value exceeds: a binary search for all values at once, (views, events)."""
    views, n = edges.shape
    depth = n.bit_length()
    padded = np.full((views, 2**depth - 1), np.inf)
    padded[:, :n] = edges
    flat, first = padded.ravel(), np.arange(views)[:, None] * padded.shape[1]
    found = np.zeros(values.shape, dtype=code)
    for step in (2**level for level in reversed(range(depth))):
        beyond = values > flat[step - 1 :].take(found + first)
        found += beyond.view(np.uint8) * code.type(step)
    return found
