"""Every metric, built with a given registry; docs/metrics.md lists them, and a test holds the two equal."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from fallback.types import BreakerState, Guarantee
from monitor.events import DeadLetterReason
from monitor.judging.trip_words import RUNBOOKS
from monitor.metrics.replica import Own, ReplicaMetrics
from monitor.metrics.scraped import Bounded, Episodes, HealthOf
from monitor.metrics.segments import SegmentMetrics
from monitor.observing import (
    Alarm,
    Compared,
    Counted,
    Evidence,
    Labelled,
    Observation,
    Paged,
    Patched,
    Role,
    Routed,
    Ruled,
    Segments,
    Standing,
    Transition,
    Trip,
)

__all__ = ["Metrics"]

_BATCH_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_PATCH_SECONDS: Final = (600, 3600, 4 * 3600, 86_400, 3 * 86_400, 7 * 86_400, 30 * 86_400)

_M = TypeVar("_M", bound=MetricWrapperBase)


class Metrics:
    """Observes batches into Prometheus metrics of one model."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        model: str,
        max_error: float,
        clock: Callable[[], float] = time.time,
        ages: bool = True,
        page_url: str | None = None,
        runbook_url: str | None = None,
    ) -> None:
        """`ages=False` where the breaker's clock is event time (a backtest), which is always fresh.

        `page_url` and `runbook_url` are `paging.page_url` and `paging.runbook_url`: alerts show them as links.
        """
        self._registry, self._model = registry, model
        self._versions, self._reasons = Bounded(), Bounded()
        self._letters = Bounded(*DeadLetterReason)
        self._verdicts: dict[str, float] = {}
        self._trips: dict[tuple[str, str], Trip | None] = {}
        self._is_judge = False
        self.replica = ReplicaMetrics(registry, model, clock, page_url or "", runbook_url or RUNBOOKS)
        self._decided()
        self._outcomes()
        self._judged()
        self._plain(Gauge, "promised_error_ratio", "Share of accepted answers that may be wrong.").set(max_error)
        registry.register(HealthOf(model, self._verdicts, clock if ages else None))
        registry.register(Episodes(model, self._trips))
        self._segments = SegmentMetrics(model)
        registry.register(self._segments)

    def _metric(self, kind: type[_M], name: str, words: str, *labels: str) -> _M:
        return kind(f"holdback_{name}", words, ("model", *labels), registry=self._registry)

    def _plain(self, kind: type[_M], name: str, words: str) -> _M:
        child: _M = self._metric(kind, name, words).labels(self._model)
        return child

    def _decided(self) -> None:
        self.events = self._plain(Counter, "events", "Predictions that were decided.")
        self.decisions = self._metric(Counter, "decisions", "Decisions.", "version", "route", "reason")
        self.last_event = self._plain(Gauge, "last_event_timestamp_seconds", "Time of the last batch's last event.")
        self.batch = Histogram(
            "holdback_batch_duration_seconds",
            "From the poll of a batch to its commit.",
            ("model",),
            registry=self._registry,
            buckets=_BATCH_SECONDS,
        ).labels(self._model)
        self.dead_letters = self._metric(Counter, "dead_letters", "Records that could not be taken.", "reason")
        for reason in DeadLetterReason:
            # a counter that begins above 0 has no rise to alert on
            self.dead_letters.labels(self._model, str(reason))
        self.skipped = self._plain(Counter, "skipped_events", "Events of other models.")
        self.duplicates = self._plain(Counter, "duplicate_events", "Predictions whose id was decided before.")
        self.backwards = self._plain(Counter, "backwards_events", "Events whose time lies before one already seen.")
        self.missing = self._plain(Counter, "missing_features", "Features of the profile that an event lacked.")
        words = "Values of a segment that belong to no group of the profile."
        self.other_segments = self._plain(Counter, "segment_values_other", words)
        self.new = self._plain(Counter, "new_features", "Features of an event that the profile does not know.")

    def _outcomes(self) -> None:
        self.outcomes = self._metric(Counter, "outcomes", "Outcomes, by what became of them.", "result")
        for result in ("joined", "unmatched", "expired"):
            self.outcomes.labels(self._model, result)
        words = "Answers whose truth is known: accepted, answered (by anyone), alone (the model, always answering)."
        self.labelled = self._metric(Counter, "labelled_answers", words, "version", "kind")
        self.wrong = self._metric(Counter, "wrong_answers", "Those of them that were wrong.", "version", "kind")

    def _judged(self) -> None:
        self.evidence = self._metric(Gauge, "evidence_log10", "Evidence of a change, log10 of weight x M.", "level")
        self.alarm_level = self._plain(Gauge, "alarm_level_log10", "Evidence at which an alarm goes off, log10.")
        self.alarms = self._metric(Counter, "alarms", "Alarms.", "level")
        for level in ("warning", "page", "epoch"):
            self.alarms.labels(self._model, level)
        self.pages = self._metric(Counter, "pages", "Pages, by whether they could be sent.", "result")
        for result in ("sent", "failed"):
            self.pages.labels(self._model, result)
        self.patched = Histogram(
            "holdback_time_to_patch_seconds",
            "From the first flag or page of an episode to what ended it.",
            ("model",),
            registry=self._registry,
            buckets=_PATCH_SECONDS,
        )
        self.patched.labels(self._model)
        self.transitions = self._metric(Counter, "breaker_transitions", "Steps of a breaker.", "version", "from", "to")
        self.canary = self._metric(Gauge, "canary", "Verdict on a candidate beside its baseline; 1 for it.", "verdict")
        self.state = self._stateset("breaker_state", "The breaker's state.", BreakerState)
        self.guarantee = self._stateset("guarantee", "The guarantee in force for accepted answers.", Guarantee)
        self.threshold = self._metric(Gauge, "threshold", "Confidence rank from which answers pass.", "version")
        self.suspicion = self._metric(Gauge, "suspicion", "What suspicion adds to the threshold.", "version")
        self.certified = self._metric(Gauge, "certified_from", "Rank from which answers are certified.", "version")
        self.audited = self._metric(Gauge, "audit_ratio", "Share of accepted answers that is audited.", "version")
        words = "Share of requests that may pass while a breaker is closing again."
        self.ramp = self._metric(Gauge, "ramp_ratio", words, "version")
        self.epoch = self._metric(Gauge, "epoch", "Epochs that began since the profile was taken into use.", "version")
        words = "Time of the last verdict that was read."
        self.verdict = self._metric(Gauge, "verdict_timestamp_seconds", words, "version")
        self._by_version = (
            self.threshold,
            self.suspicion,
            self.certified,
            self.audited,
            self.ramp,
            self.epoch,
            self.verdict,
        )
        self.ledger = self._plain(Counter, "ledger_records", "Records written to the ledger.")

    def _stateset(self, name: str, words: str, states: type[StrEnum]) -> Enum:
        return Enum(
            f"holdback_{name}",
            words,
            ("model", "version"),
            registry=self._registry,
            states=[str(state) for state in states],
        )

    def __call__(self, seen: Observation, /) -> None:
        """Add a batch's observation to the metrics."""
        match seen:
            case Routed():
                self._routed(seen)
            case Labelled():
                self._labelled(seen)
            case Counted():
                self._counted(seen)
            case Evidence() | Alarm() | Transition() | Paged() | Compared() | Patched():
                self._judged_of(seen)
            case Ruled():
                self._ruled(seen)
            case Segments():
                self._segments(seen)
            case Standing():
                self._trips[self._versions(seen.version), seen.segment] = seen.trip
            case Role(judge=False) if self._is_judge:
                self._retire()
                self.replica(seen)
            case _ if isinstance(seen, Own):
                self._is_judge = self._is_judge or seen == Role(judge=True)
                self.replica(seen)
            case _:
                pass

    def _judged_of(self, seen: Evidence | Alarm | Transition | Paged | Compared | Patched) -> None:
        match seen:
            case Evidence():
                self.evidence.labels(self._model, "warning").set(seen.warning)
                self.evidence.labels(self._model, "harm").set(seen.harm)
                self.alarm_level.set(seen.level)
            case Alarm():
                self.alarms.labels(self._model, seen.level).inc()
            case Transition():
                version = self._versions(seen.version)
                if not seen.segment:
                    self.transitions.labels(self._model, version, seen.before.lower(), seen.after.lower()).inc()
            case Patched():
                self.patched.labels(self._model).observe(seen.seconds)
            case Compared():
                for verdict in ("undecided", "safe", "worse"):
                    self.canary.labels(self._model, verdict).set(verdict == seen.verdict)
            case Paged():
                self.pages.labels(self._model, "sent" if seen.sent else "failed").inc()

    def _retire(self) -> None:
        """Forget what the judge knew: it goes on elsewhere, and what is read of it in the ledger comes again."""
        self._is_judge = False
        self._trips.clear()
        self._segments.clear()
        self._verdicts.clear()
        self.evidence.clear()
        for each in (self.state, self.guarantee, *self._by_version):
            each.clear()

    def _routed(self, seen: Routed) -> None:
        version = self._versions(seen.version)
        for (route, reason), n in seen.decisions.items():
            self.decisions.labels(self._model, version, route, self._reasons(reason)).inc(n)
        self.events.inc(seen.events)
        self.last_event.set(seen.time)
        if seen.seconds is not None:
            self.batch.observe(seen.seconds)

    def _labelled(self, seen: Labelled) -> None:
        version = self._versions(seen.version)
        for kind, (n, wrong) in (("accepted", seen.accepted), ("answered", seen.answered), ("alone", seen.alone)):
            self.labelled.labels(self._model, version, kind).inc(n)
            self.wrong.labels(self._model, version, kind).inc(wrong)

    def _counted(self, seen: Counted) -> None:
        for reason, n in seen.dead_letters.items():
            self.dead_letters.labels(self._model, self._letters(reason)).inc(n)
        for result, n in (("joined", seen.joined), ("unmatched", seen.unmatched), ("expired", seen.expired)):
            self.outcomes.labels(self._model, result).inc(n)
        self.skipped.inc(seen.skipped)
        self.duplicates.inc(seen.duplicates)
        self.backwards.inc(seen.backwards)
        self.missing.inc(seen.features_missing)
        self.new.inc(seen.features_new)
        self.other_segments.inc(seen.segments_other)
        self.ledger.inc(seen.ledger_records)
        self.replica.committed()

    def _ruled(self, seen: Ruled) -> None:
        at = (self._model, self._versions(seen.version))
        verdict = seen.verdict
        self._verdicts[at[1]] = verdict.time
        self.state.labels(*at).state(verdict.state)
        self.guarantee.labels(*at).state(seen.guarantee)
        values = (
            verdict.threshold,
            verdict.suspicion,
            verdict.certified_from,
            verdict.propensity,
            verdict.ramp,
            verdict.epoch,
            verdict.time,
        )
        for gauge, value in zip(self._by_version, values, strict=True):
            gauge.labels(*at).set(value)
