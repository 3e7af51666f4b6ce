"""Metrics of the groups that segments make: worked out when they are scraped, from what the judge told last."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, StateSetMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from fallback.types import BreakerState, Guarantee
from monitor.judging.trip_words import plain
from monitor.observing import Segments
from monitor.segment_rates import KINDS, Band, gaps, rates

__all__ = ["SegmentMetrics"]

_MOST_VERSIONS: Final = 20
_AT: Final = ("model", "version", "segment")
_WORDS: Final = {
    "error": "Share of wrong answers among those of the segment that passed.",
    "coverage": "Share of the segment's truths inside the set or interval that was served.",
    "acceptance": "Share of the segment's requests that the model answered.",
}


class SegmentMetrics(Collector):
    """At most 32 groups a version, as the profile fixes them; the judge alone has them."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._told: dict[str, Segments] = {}

    def __call__(self, seen: Segments) -> None:
        """Take note of how the groups of a version stand."""
        self._told[seen.version] = seen
        while len(self._told) > _MOST_VERSIONS:
            self._told.pop(next(iter(self._told)))

    def clear(self) -> None:
        """Another replica is the judge now."""
        self._told.clear()

    def collect(self) -> Iterator[Metric]:
        """Series of every group, and of the gaps between groups of one name."""
        told = list(self._told.values())
        requests = CounterMetricFamily("holdback_segment_requests", "Requests of a segment.", labels=_AT)
        offset = GaugeMetricFamily("holdback_segment_offset", "What a segment adds to the threshold.", labels=_AT)
        state = StateSetMetricFamily("holdback_segment_breaker_state", "The segment's own breaker.", labels=_AT)
        words = "The guarantee in force for what passes of a segment."
        guarantee = StateSetMetricFamily("holdback_segment_guarantee", words, labels=_AT)
        for seen in told:
            for each in seen.segments:
                at = (self._model, seen.version, plain(each.segment))
                requests.add_metric(at, each.n)
                offset.add_metric(at, each.offset)
                state.add_metric(at, {str(one): one == each.state for one in BreakerState})
                guarantee.add_metric(at, {str(one): one == each.guarantee for one in Guarantee})
        yield from (requests, offset, state, guarantee)
        for kind in KINDS:
            yield self._rates(told, kind)
        yield self._gaps(told)

    def _rates(self, told: list[Segments], kind: str) -> Metric:
        family = GaugeMetricFamily(f"holdback_segment_{kind}_ratio", _WORDS[kind], labels=(*_AT, "bound"))
        for seen in told:
            bands = rates([each.tallies for each in seen.segments], kind)
            for each, band in zip(seen.segments, bands, strict=True):
                self._add(family, (seen.version, plain(each.segment)), band)
        return family

    def _gaps(self, told: list[Segments]) -> Metric:
        words = "Greatest difference between two segments of one name, in errors, coverage or acceptance."
        labels = ("model", "version", "segment_name", "of", "bound")
        family = GaugeMetricFamily("holdback_segment_gap_ratio", words, labels=labels)
        for seen in told:
            for kind in KINDS:
                labels_of = [each.segment for each in seen.segments]
                found = gaps(labels_of, [each.tallies for each in seen.segments], kind)
                for name, band in found.items():
                    self._add(family, (seen.version, plain(name), kind), band)
        return family

    def _add(self, family: GaugeMetricFamily, at: tuple[str, ...], band: Band) -> None:
        if math.isnan(band.estimate):
            return
        for bound in ("estimate", "lower", "upper"):
            family.add_metric((self._model, *at, bound), getattr(band, bound))
