"""Categorical views: the frequent categories, other, never seen, and missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.types import IntArray

__all__ = ["FREQUENT", "MOST_SEEN", "CategoricalView"]

FREQUENT = 30
"""Categories with a bin of their own; the rest of those seen share one."""
MOST_SEEN = 20_000
"""Categories that are remembered as seen; the rarest beyond count as never seen, in the reference as in the stream."""
_LEAST_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class CategoricalView:
    """Bins of one categorical view.

    Fitted on one half of the reference and counted on the other, `never seen` starts with the rows of the second half
    whose category the first lacks: as many as there are singletons, by Good and Turing. With zero in its place
    unchanged streams with a long tail raise alarms in every run.

    Attributes
    ----------
    codes
        Bin of each category that was seen.
    frequent
        The categories that have a bin of their own, in the order of the bins.

    Examples
    --------
    >>> view = CategoricalView.fit(["a"] * 500 + ["b"] * 499 + ["z"])
    >>> view.names
    ('a', 'b', 'other', 'never seen', 'missing')
    >>> view.bin(["b", "z", "new", None]).tolist()
    [1, 2, 3, 4]
    """

    codes: dict[str, int]
    frequent: tuple[str, ...]

    @classmethod
    def fit(cls, values: Sequence[str | None]) -> CategoricalView:
        """Categories of the first half of a reference."""
        counts = Counter(value for value in values if value is not None)
        least = max(2, _LEAST_SHARE * len(values))
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_SEEN]
        frequent = tuple(name for name, n in ranked[:FREQUENT] if n >= least)
        return cls.of(frequent, [name for name, _ in ranked])

    @classmethod
    def of(cls, frequent: Sequence[str], seen: Sequence[str]) -> CategoricalView:
        """Build it from the names of the frequent categories and of all that were seen."""
        codes = dict.fromkeys(seen, len(frequent)) | {name: code for code, name in enumerate(frequent)}
        return cls(codes, tuple(frequent))

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each bin."""
        return (*self.frequent, "other", "never seen", "missing")

    def bin(self, values: Sequence[str | None]) -> IntArray:
        """Bin of each value: (events,)."""
        code, never = self.codes.get, len(self.frequent) + 1
        bins = [never + 1 if value is None else code(value, never) for value in values]
        return np.array(bins, dtype=np.int64)
