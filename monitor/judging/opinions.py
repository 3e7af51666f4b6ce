"""Second opinions on what a judge sees: river's detectors, told beside the evidence; nothing is decided by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from detectors.baselines import OPINIONS, SecondOpinion, opinion
from detectors.layout import Group, Layout
from detectors.types import FloatArray, IntArray, Labels
from monitor.packing import unpack
from monitor.summaries import VersionCounts

__all__ = ["ERROR", "Opinions"]

ERROR = "error"
"""The stream of right and wrong answers, by the name that it has among the harm views."""
_SPECIALS = 2


class Opinions:
    """Each detector watches a number a batch of every single ordered view, or one label after the other.

    The number is the mean normal score of the batch's events, by their bins in the reference. Those for errors alone
    get the labels of a batch, wrong ones evenly among the right ones, for their order is not in the counts.
    """

    def __init__(self, names: Sequence[str], layout: Layout, reference: IntArray) -> None:
        self._names = tuple(names)
        self._views = tuple(
            (name, view * layout.bins)
            for view, name in enumerate(layout.ordered)
            if layout.groups[view] == Group.SINGLE
        )
        self._bins, self._width = layout.bins - _SPECIALS, layout.width
        self._scores = {
            start: _scores(reference[start : start + self._bins]) for _, start in (self._views if names else ())
        }
        self._detectors: dict[tuple[str, str], SecondOpinion] = {}

    def hear(self, counts: VersionCounts, labels: Sequence[Labels]) -> tuple[tuple[str, str], ...]:
        """Detector and view of each alarm that a batch raised."""
        if not self._names:
            return ()
        whole = unpack(counts.counts).reshape(-1, self._width).sum(axis=0)
        return tuple(dict.fromkeys(self._alarms(whole, labels)))

    def _alarms(self, counts: IntArray, labels: Sequence[Labels]) -> Iterator[tuple[str, str]]:
        errors = _errors(labels)
        for name in self._names:
            of_errors = OPINIONS[name][1]
            streams = [] if of_errors else [(view, [self._mean(counts, start)]) for view, start in self._views]
            for view, values in [*streams, (ERROR, errors)]:
                detector = self._detectors.setdefault((name, view), opinion(name))
                yield from ((name, view) for x in values if detector.update(x))

    def _mean(self, counts: IntArray, start: int) -> float:
        """Mean normal score of a batch in one view; NaN if it has no event there."""
        own = counts[start : start + self._bins]
        n = int(own.sum())
        return float(own @ self._scores[start]) / n if n else float("nan")


def _scores(reference: IntArray) -> FloatArray:
    """(bins,): normal score of each bin's middle rank."""
    from scipy.special import ndtri

    smooth = reference + 0.5 / len(reference)
    return np.asarray(ndtri((np.cumsum(smooth) - smooth / 2) / smooth.sum()))


def _errors(labels: Sequence[Labels]) -> list[float]:
    """0 and 1 for each label, the wrong ones evenly spread."""
    right, wrong = np.sum([each.counts.sum(axis=(0, 1)) for each in labels], axis=0).tolist() if labels else (0, 0)
    n = int(right + wrong)
    steps = np.floor(np.arange(n + 1) * (wrong / max(n, 1)) + 1e-9)
    errors: list[float] = np.diff(steps).tolist()
    return errors
