"""Metrics that are worked out when they are scraped, and the bounds on labels from outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, StateSetMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from fallback.types import Health, health_of
from monitor.judging.trip_words import did, first, moved, plain, since
from monitor.observing import Trip

__all__ = ["Bounded", "Episodes", "HealthOf"]

_MAX_LABEL_VALUES: Final = 50
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


class Bounded:
    """Label values that come from outside: the first 50 that look like words are kept, the rest is `other`."""

    def __init__(self, *known: str) -> None:
        self._seen = set(known)

    def __call__(self, value: str) -> str:
        """Give the value as a label."""
        if value in self._seen:
            return value
        if len(self._seen) >= _MAX_LABEL_VALUES or not _WORD.fullmatch(value):
            return "other"
        self._seen.add(value)
        return value


class HealthOf(Collector):
    """Age is a matter of the scrape, not of the last verdict: nothing is published once verdicts stop coming."""

    def __init__(self, model: str, verdicts: Mapping[str, float], clock: Callable[[], float] | None) -> None:
        """`verdicts` are the times of the last ones, by version; without a clock they are always fresh."""
        self._model, self._verdicts, self._clock = model, verdicts, clock

    def collect(self) -> Iterator[Metric]:
        """Health of each version, and how many there are."""
        words = "Whether the last verdict is fresh, stale, or so old that the judge is out of sight."
        family = StateSetMetricFamily("holdback_health", words, labels=("model", "version"))
        verdicts = dict(self._verdicts)
        for version, at in verdicts.items():
            now = health_of(self._clock() - at) if self._clock else Health.FRESH
            family.add_metric((self._model, version), {str(state): state == now for state in Health})
        yield family
        words = "Versions of which a verdict has been read."
        count = GaugeMetricFamily("holdback_versions_judged", words, labels=("model",))
        count.add_metric((self._model,), len(verdicts))
        yield count


class Episodes(Collector):
    """What a page says of an open trip: one series a breaker as long as it lasts, and none after it.

    Trips of single groups have a label more, which says of which.

    Only the judge has it. Its texts change with a step of the breaker, or when more has moved, not with a verdict.
    """

    def __init__(self, model: str, trips: Mapping[tuple[str, str], Trip | None]) -> None:
        self._model, self._trips = model, trips

    def collect(self) -> Iterator[Metric]:
        """Series of the trips that are open now, and whether somebody has to be woken for them."""
        words = "An open trip: since when, what is wrong, what moved most, what was done, and what to do first."
        info = InfoMetricFamily("holdback_episode", words, labels=("model", "version", "segment"))
        words = "Whether a trip is open that somebody has been woken for."
        page = GaugeMetricFamily("holdback_page_open", words, labels=("model", "version", "segment"))
        for (version, segment), trip in dict(self._trips).items():
            # a label that is left out at the end is no label of that series
            labels = (self._model, version, plain(segment)) if segment else (self._model, version)
            is_open = trip is not None and trip.ended is None
            page.add_metric(labels, is_open and trip is not None and trip.paged)
            if trip is not None and is_open:
                info.add_metric(labels, _told(trip))
        yield info
        yield page


def _told(trip: Trip) -> dict[str, str]:
    return {"since": since(trip), "why": plain(trip.why), "moved": moved(trip), "did": did(trip), "first": first(trip)}
