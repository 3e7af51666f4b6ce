"""Route: every prediction gets its decision, by the last verdict that this replica has read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import numpy as np

from detectors.harm import BANDS
from detectors.profile import Profile, cells_of
from detectors.proxy import Proxy
from detectors.types import RANK_CELLS, FloatArray
from fallback.answerers.types import AskedRequest
from fallback.routing import Requests, Routed, RoutePolicy, route
from fallback.types import BreakerState, Health, Reason, Verdict, reason_code
from monitor.answering import Answering, Reply
from monitor.counter import count_events
from monitor.deciding import Decider
from monitor.events import Decision, decision_id, id_hashes
from monitor.grouping import Grouped, Grouping
from monitor.joins.records import Pending, segment_text
from monitor.joins.said import said
from monitor.possible import Possible
from monitor.routed import RoutedBatch, Work
from monitor.rows import Arranged, Schema, arrange
from monitor.scoring import Scorer
from monitor.summaries import VersionCounts
from monitor.urgency import Urgency

__all__ = ["UNJUDGED", "Router"]

UNJUDGED = Verdict(
    state=BreakerState.CLOSED,
    epoch=0,
    threshold=2.0,
    certified_from=2.0,
    suspicion=0.0,
    propensity=1.0,
    set_threshold=float("inf"),
    usual_delay=float("nan"),
    time=float("nan"),
    ledger_offset=-1,
)
"""What holds before the first verdict, and for a version without a profile: the model may answer nothing."""

_NO_PROFILE = np.uint8(reason_code(Reason.NO_PROFILE))


class Router:
    """Routes the predictions of one model, in all its versions.

    Parameters
    ----------
    model
        Its name.
    profiles
        A profile a version.
    policy
        What the user decided about routing.
    answering
        Who answers what is held back.
    audit_key
        Secret of the hash that draws the audits.
    scorer
        Gives answers without one their confidence.
    value
        The feature that says what a request is worth to people; None, and all are worth the same.
    """

    def __init__(
        self,
        model: str,
        profiles: Mapping[str, Profile],
        policy: RoutePolicy,
        answering: Answering,
        audit_key: bytes = b"",
        scorer: Scorer | None = None,
        value: str | None = None,
    ) -> None:
        self._model = model
        self._profiles = profiles
        self._schemas = {version: Schema.of(profile, scorer) for version, profile in profiles.items()}
        self._proxies = {version: Proxy.of(profile.facts) for version, profile in profiles.items()}
        self._policy = policy
        self._answering = answering
        self._key = audit_key
        self._urgency = Urgency(profiles, value)
        self._decider = Decider(model)
        self.grouping = Grouping(profiles)
        """Finds the groups of predictions."""

    def route(self, work: Work, verdict: Verdict, health: Health, *, killed: bool = False) -> RoutedBatch:
        """Rule on every request, without asking anybody yet; `killed`: the kill switch is on."""
        profile = self._profiles.get(work.version)
        n = len(work.predictions)
        hashes = id_hashes([each.id for each in work.predictions], self._key)
        if profile is None:
            guard, rank, arranged = np.full(n, _NO_PROFILE), np.full(n, np.nan), None
            endless = np.zeros(n, dtype=np.bool_)
            verdict = UNJUDGED
            grouped = None
        else:
            arranged = arrange(work.predictions, self._schemas[work.version], work.times)
            guard, rank = arranged.guard, profile.fitted.rank(arranged.rows.confidence)
            grouped = self.grouping.of(work.version, work.predictions, verdict)
            bar = verdict.set_threshold if grouped is None else grouped.force.set_threshold
            endless = Possible.endless(profile, arranged, bar)
        requests = Requests(rank, hashes, guard, endless, None if grouped is None else grouped.force)
        routed = route(requests, verdict, self._policy, health, kill_switch=killed)
        pending = self._pending(work, arranged, rank, routed, verdict, grouped)
        priority = self._urgency.of(work.version, rank, arranged)
        return RoutedBatch(work, arranged, rank, routed, verdict, pending, priority, grouped)

    def count(self, batch: RoutedBatch, batches: int) -> list[VersionCounts]:
        """Counts of each of the poll's batches; none for a version without a profile."""
        profile = self._profiles.get(batch.work.version)
        if profile is None or batch.arranged is None:
            return []
        starts = np.searchsorted(batch.work.batch, np.arange(batches + 1))
        grouped = batch.grouped
        groups = None if grouped is None else grouped.count(batch.rank, batch.routed.passes, starts)
        return count_events(profile, batch.arranged, batch.rank, starts, groups)

    def decide(self, batch: RoutedBatch, now: float) -> list[Decision]:
        """Write the decisions, after asking those who answer instead."""
        work = batch.work
        ids = [decision_id(self._model, work.version, each.id) for each in work.predictions]
        profile = self._profiles.get(work.version)
        return self._decider.decisions(batch, profile, ids, self._ask(batch, ids, now))

    def _ask(self, batch: RoutedBatch, ids: Sequence[str], now: float) -> dict[int, Reply]:
        held = np.flatnonzero(~batch.routed.passes).tolist()
        predictions, version, sources = batch.work.predictions, batch.work.version, batch.work.sources
        asked = [
            AskedRequest(predictions[i].id, ids[i], self._model, version, predictions[i].features, sources[i].partition)
            for i in held
        ]
        return dict(zip(held, self._answering.ask(asked, batch.priority[held].tolist(), now), strict=True))

    def _pending(
        self,
        work: Work,
        arranged: Arranged | None,
        rank: FloatArray,
        routed: Routed,
        verdict: Verdict,
        grouped: Grouped | None,
    ) -> list[Pending]:
        """What the join store keeps of each decision until its label comes."""
        profile = self._profiles.get(work.version)
        columns = said(arranged, len(work.predictions), None if profile is None else profile.method)
        cells = cells_of(rank)
        bands = np.where(cells >= 0, cells * BANDS // RANK_CELLS, -1)
        rows = zip(
            [each.id for each in work.predictions],
            repeat(work.version),
            work.times,
            routed.stake.tolist(),
            cells.tolist(),
            bands.tolist(),
            repeat(verdict.epoch),
            repeat(routed.propensity),
            routed.passes.tolist(),
            routed.asked.tolist(),
            *columns[:2],
            repeat(verdict.set_threshold) if grouped is None else grouped.force.set_threshold.tolist(),
            columns[2],
            self._proxy_sides(work, arranged),
            [segment_text(each.segment) for each in work.predictions],
            repeat(0) if grouped is None else grouped.bits.tolist(),
        )  # in the order of Pending's fields
        return list(map(Pending._make, rows))

    def _proxy_sides(self, work: Work, arranged: Arranged | None) -> Iterable[int]:
        """On which side each event's proxy is; -1 without one."""
        proxy = self._proxies.get(work.version)
        if proxy is None or arranged is None:
            return repeat(-1)
        place = self._schemas[work.version].numeric.index(proxy.feature)
        sides: list[int] = proxy.sides(arranged.rows.numeric[place]).tolist()
        return sides
