"""What stays possible of each event's truth at the threshold that is served: a set of labels, or an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.method import known_rows
from detectors.profile import Profile
from detectors.types import BoolArray, FloatArray
from monitor.joins.said import finite
from monitor.nonconformity import drawn
from monitor.rows import Arranged

__all__ = ["Possible"]

_MOST_SETS = 4096
_Sets = list[list[str] | None]
_Ends = list[tuple[float | None, float | None]]


class Possible:
    """Sets and intervals of batches; the same few sets come again and again, so their names are kept."""

    def __init__(self) -> None:
        self._sets: dict[tuple[str, bytes], list[str]] = {}

    def of(
        self, profile: Profile | None, arranged: Arranged | None, ids: Sequence[str], bar: float | FloatArray
    ) -> tuple[_Sets | None, _Ends | None]:
        """Sets of a classifier, or intervals of a regression; the other, and both without a profile, are None.

        `bar` is the threshold on scores, one for all or (events,).

        So are both where labels are generated: a set would have to be of all texts. One event's set is None where all
        labels stay possible, and where it gave no probabilities.
        """
        if profile is None or arranged is None:
            return None, None
        if profile.task == "regression":
            lower, upper = profile.method.values.intervals(arranged.said.stated, bar)
            return None, list(zip(finite(lower), finite(upper), strict=True))
        if not profile.classes:
            return None, None
        probabilities = arranged.probabilities
        draws = drawn(ids, profile.method)
        each = bar if isinstance(bar, float) else bar[:, None]
        inside = profile.method.classes.sets(np.nan_to_num(probabilities, nan=1.0), each, draws)
        inside |= ~known_rows(probabilities)[:, None]
        everything: list[bool] = np.asarray(inside.all(axis=1)).tolist()
        packed = np.packbits(inside, axis=1)
        return [
            None if whole else self._named(profile, bits.tobytes(), row)
            for whole, bits, row in zip(everything, packed, inside, strict=True)
        ], None

    @staticmethod
    def endless(profile: Profile, arranged: Arranged, bar: float | FloatArray) -> BoolArray:
        """Whose set or interval is infinite, (events,); nobody's where there are none to be had."""
        n = len(arranged.said)
        if profile.task != "regression" and not profile.classes:
            return np.zeros(n, dtype=np.bool_)
        found = np.broadcast_to(np.isposinf(bar), n).copy()
        if profile.task == "regression":
            # a score that needs an interval or a spread of an event that has none leaves everything possible
            found |= np.isnan(profile.method.values.intervals(arranged.said.stated, 0.0)[0])
        return np.asarray(found & (arranged.guard == 0), dtype=np.bool_)

    def _named(self, profile: Profile, bits: bytes, row: BoolArray) -> list[str]:
        key = (profile.digest, bits)
        names = self._sets.get(key)
        if names is None:
            if len(self._sets) >= _MOST_SETS:
                self._sets.clear()
            names = [name for name, inside in zip(profile.classes, row.tolist(), strict=True) if inside]
            self._sets[key] = names
        return names
