"""Route: every prediction gets its decision, by the last verdict that this replica has read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

import numpy as np
from msgspec import UNSET, UnsetType

from detectors.harm import BANDS
from detectors.platt import stated_probability
from detectors.profile import Profile, cells_of
from detectors.proxy import Proxy
from detectors.types import RANK_CELLS, BoolArray, FloatArray
from fallback.answerers.types import AskedRequest
from fallback.routing import GUARANTEES, Requests, Routed, RoutePolicy, route
from fallback.types import REASONS, BreakerState, Health, Reason, Route, Verdict, reason_code
from monitor.answering import Answering, Reply, hops_of
from monitor.counter import count_events
from monitor.events import Decision, Prediction, Source, decision_id, id_hashes, label_text, utc
from monitor.events import Guarantee as Promised
from monitor.events import Stake as StakeWord
from monitor.grouping import Grouped, Grouping, rulings
from monitor.joins.records import Pending, segment_text
from monitor.joins.said import finite, said
from monitor.possible import Possible
from monitor.rows import Arranged, Schema, arrange
from monitor.scoring import Scorer
from monitor.summaries import VersionCounts

__all__ = ["STAKE_WORDS", "UNJUDGED", "RoutedBatch", "Router", "Work"]

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


@dataclass(slots=True)
class Work:
    """One version's predictions of a poll: the records, where they were read, and their times."""

    version: str
    predictions: list[Prediction] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    batch: list[int] = field(default_factory=list)
    """The batch of 100 of the poll that each belongs to."""

    def without(self, places: Sequence[int]) -> Work:
        """All but those at `places`."""
        gone = set(places)
        keep = [i for i in range(len(self.predictions)) if i not in gone]
        return Work(
            self.version,
            *([column[i] for i in keep] for column in (self.predictions, self.sources, self.times, self.batch)),  # type: ignore[arg-type]  # columns in order
        )


@dataclass(frozen=True, slots=True)
class RoutedBatch:
    """What became of some work: arrays with one entry an event."""

    work: Work
    arranged: Arranged | None
    rank: FloatArray
    routed: Routed
    verdict: Verdict
    pending: list[Pending]
    grouped: Grouped | None = None

    @property
    def set_threshold(self) -> float | FloatArray:
        """Score up to which a label or value belongs to the set: for all, or (events,) where groups have their own."""
        return self.verdict.set_threshold if self.grouped is None else self.grouped.force.set_threshold


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
    """

    def __init__(
        self,
        model: str,
        profiles: Mapping[str, Profile],
        policy: RoutePolicy,
        answering: Answering,
        audit_key: bytes = b"",
        scorer: Scorer | None = None,
    ) -> None:
        self._model = model
        self._profiles = profiles
        self._schemas = {version: Schema.of(profile, scorer) for version, profile in profiles.items()}
        self._proxies = {version: Proxy.of(profile.facts) for version, profile in profiles.items()}
        self._policy = policy
        self._answering = answering
        self._key = audit_key
        self._possible = Possible()
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
        return RoutedBatch(work, arranged, rank, routed, verdict, pending, grouped)

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
        work, routed, verdict = batch.work, batch.routed, batch.verdict
        profile = self._profiles.get(work.version)
        ids = [decision_id(self._model, work.version, each.id) for each in work.predictions]
        replies = self._ask(batch, ids, now)
        n = len(ids)
        unset: list[UnsetType] = [UNSET] * n
        requested = [each.id for each in work.predictions]
        sets, ends = self._possible.of(profile, batch.arranged, requested, batch.set_threshold)
        labels, values, _ = said(batch.arranged, n)
        digest = profile.digest if profile is not None else None
        epoch, offset = verdict.epoch, verdict.ledger_offset
        possible = (sets or unset, ends or unset)
        made = (*_columns(batch), *possible, *rulings(batch.routed.bar, batch.verdict, batch.grouped, n))
        columns = zip(work.predictions, work.times, work.sources, labels, values, *made, strict=True)
        scored, stated = _scored(batch.arranged)
        decisions = []
        for i, row in enumerate(columns):
            prediction, time, source, label, value, rank, right, reason, guarantee, audit, stake, *rest = row
            inside, interval, bar, state, set_threshold, ruled_by = rest
            reply, output = replies.get(i), prediction.output
            if reply is None:
                value = output.value if output is not None and output.value is not None else value
                answer = value if value is not None else label or label_text(output.label if output else None)
            else:
                answer = reply.answer
            decisions.append(
                Decision(
                    id=prediction.id,
                    decision_id=ids[i],
                    time=prediction.time or utc(time),
                    model=self._model,
                    version=work.version,
                    segment=prediction.segment,
                    route=_MODEL if reply is None else reply.route.value,
                    reason=reason,
                    answer=answer,
                    answered_by=self._model if reply is None else reply.answered_by,
                    output=output,
                    confidence=rank,
                    threshold=bar,
                    probability=right,
                    label_set=inside,
                    interval=interval,
                    guarantee=guarantee,
                    breaker=state,
                    ruled_by=ruled_by,
                    epoch=epoch,
                    audit=audit,
                    propensity=routed.propensity,
                    stake=stake,
                    set_threshold=set_threshold,
                    profile=digest,
                    ledger_offset=offset,
                    source=source,
                    scored=UNSET if scored is None or not scored[i] else stated[i].tolist(),
                    hops=UNSET if reply is None or not reply.hops else hops_of(reply),
                )
            )
        return decisions

    def _ask(self, batch: RoutedBatch, ids: Sequence[str], now: float) -> dict[int, Reply]:
        held = np.flatnonzero(~batch.routed.passes).tolist()
        predictions, version, sources = batch.work.predictions, batch.work.version, batch.work.sources
        asked = [
            AskedRequest(predictions[i].id, ids[i], self._model, version, predictions[i].features, sources[i].partition)
            for i in held
        ]
        # the less sure the model, the more a person's answer is worth
        priorities = (1.0 - np.nan_to_num(batch.rank[held])).tolist()
        return dict(zip(held, self._answering.ask(asked, priorities, now), strict=True))

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


_DIGITS = 4  # of a stated probability: more would say nothing
_MODEL: Final = Route.MODEL.value
STAKE_WORDS: tuple[StakeWord, ...] = ("accepted", "suspected", "surest", "held")
"""Stakes by their number, as decisions have them."""
_PROMISED: tuple[Promised, ...] = tuple(each.value for each in GUARANTEES)
_REASONS = tuple(each.value for each in REASONS)


def _scored(arranged: Arranged | None) -> tuple[BoolArray | None, FloatArray]:
    """Whose probabilities the scorer gave, None if nobody's; and all of them, before calibration."""
    if arranged is None or arranged.scored is None:
        return None, np.empty((0, 0))
    return arranged.scored, arranged.said.probabilities


def _columns(
    batch: RoutedBatch,
) -> tuple[list[float | None], list[float | None], list[str], list[Promised], list[bool], list[StakeWord]]:
    """Rank, how likely it is right, reason, guarantee, audit and stake of each event as Python values."""
    right = stated_probability(batch.rank, batch.verdict.intercept, batch.verdict.slope).round(_DIGITS)
    reasons = [_REASONS[code] for code in batch.routed.reason.tolist()]
    guarantees = [_PROMISED[code] for code in batch.routed.guarantee.tolist()]
    stakes = [STAKE_WORDS[stake] for stake in batch.routed.stake.tolist()]
    return finite(batch.rank), finite(right), reasons, guarantees, batch.routed.audit.tolist(), stakes
