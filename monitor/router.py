"""Route: every prediction gets its decision, by the last verdict that this replica has read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

import numpy as np
from msgspec import UNSET, UnsetType

from detectors.harm import BANDS
from detectors.profile import Profile, cells_of
from detectors.proxy import Proxy
from detectors.sets import intervals, prediction_sets
from detectors.types import RANK_CELLS, BoolArray, FloatArray
from fallback.answerers.types import AskedRequest, HopOutcome
from fallback.routing import GUARANTEES, Requests, Routed, RoutePolicy, route
from fallback.types import REASONS, BreakerState, Health, Reason, Route, Verdict, reason_code
from monitor.answering import Answering, Reply
from monitor.counter import count_events
from monitor.events import Decision, Hop, Prediction, Source, decision_id, id_hashes, label_text, utc
from monitor.events import Guarantee as Promised
from monitor.events import Stake as StakeWord
from monitor.joins.records import Pending
from monitor.joins.said import finite, said
from monitor.rows import Arranged, Schema, arrange
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
    ) -> None:
        self._model = model
        self._profiles = profiles
        self._schemas = {version: Schema.of(profile) for version, profile in profiles.items()}
        self._proxies = {version: Proxy.of(profile.facts) for version, profile in profiles.items()}
        self._policy = policy
        self._answering = answering
        self._key = audit_key
        self._sets: dict[tuple[str, bytes], list[str]] = {}

    def route(self, work: Work, verdict: Verdict, health: Health, *, killed: bool = False) -> RoutedBatch:
        """Rule on every request, without asking anybody yet; `killed`: the kill switch is on."""
        profile = self._profiles.get(work.version)
        n = len(work.predictions)
        hashes = id_hashes([each.id for each in work.predictions], self._key)
        if profile is None:
            guard, rank, arranged = np.full(n, _NO_PROFILE), np.full(n, np.nan), None
            verdict = UNJUDGED
        else:
            arranged = arrange(work.predictions, self._schemas[work.version], work.times)
            guard, rank = arranged.guard, profile.fitted.rank(arranged.rows.confidence)
        endless = np.full(n, not np.isfinite(verdict.set_threshold) and verdict.set_threshold > 0)
        requests = Requests(rank, hashes, guard, endless & (guard == 0))
        routed = route(requests, verdict, self._policy, health, kill_switch=killed)
        pending = self._pending(work, arranged, rank, routed, verdict)
        return RoutedBatch(work, arranged, rank, routed, verdict, pending)

    def count(self, batch: RoutedBatch, batches: int) -> list[VersionCounts]:
        """Counts of each of the poll's batches; none for a version without a profile."""
        profile = self._profiles.get(batch.work.version)
        if profile is None or batch.arranged is None:
            return []
        starts = np.searchsorted(batch.work.batch, np.arange(batches + 1))
        return count_events(profile, batch.arranged, batch.rank, starts)

    def decide(self, batch: RoutedBatch, now: float) -> list[Decision]:
        """Write the decisions, after asking those who answer instead."""
        work, routed, verdict = batch.work, batch.routed, batch.verdict
        profile = self._profiles.get(work.version)
        ids = [decision_id(self._model, work.version, each.id) for each in work.predictions]
        replies = self._ask(batch, ids, now)
        n = len(ids)
        unset: list[UnsetType] = [UNSET] * n
        sets, ends = self._sets_of(batch) or unset, self._intervals_of(batch) or unset
        labels = batch.arranged.rows.label if batch.arranged is not None else [None] * n
        digest = profile.digest if profile is not None else None
        state, epoch, offset = verdict.state.value, verdict.epoch, verdict.ledger_offset
        columns = zip(work.predictions, work.times, work.sources, labels, *_columns(batch), sets, ends, strict=True)
        decisions = []
        set_threshold = verdict.set_threshold
        for i, row in enumerate(columns):
            prediction, time, source, label, rank, reason, guarantee, audit, stake, inside, interval = row
            reply, output = replies.get(i), prediction.output
            if reply is None:
                value = output.value if output is not None else None
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
                    threshold=routed.bar,
                    label_set=inside,
                    interval=interval,
                    guarantee=guarantee,
                    breaker=state,
                    epoch=epoch,
                    audit=audit,
                    propensity=routed.propensity,
                    stake=stake,
                    set_threshold=set_threshold,
                    profile=digest,
                    ledger_offset=offset,
                    source=source,
                    hops=UNSET if reply is None or not reply.hops else _hops(reply),
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
        self, work: Work, arranged: Arranged | None, rank: FloatArray, routed: Routed, verdict: Verdict
    ) -> list[Pending]:
        """What the join store keeps of each decision until its label comes."""
        cells, columns = cells_of(rank), said(arranged, len(work.predictions))
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
            repeat(verdict.set_threshold),
            columns[2],
            self._proxy_sides(work, arranged),
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

    def _sets_of(self, batch: RoutedBatch) -> list[list[str] | None] | None:
        """Labels that stay possible; None for a request where all of them do, or that gave no probabilities."""
        profile = self._profiles.get(batch.work.version)
        if batch.arranged is None or profile is None or not profile.classes:
            return None
        within = prediction_sets(np.nan_to_num(batch.arranged.probabilities, nan=1.0), batch.verdict.set_threshold)
        everything: list[bool] = np.asarray(within.all(axis=1)).tolist()
        packed = np.packbits(within, axis=1)
        return [
            None if whole else self._named(profile.classes, batch.work.version, bits.tobytes(), row)
            for whole, bits, row in zip(everything, packed, within, strict=True)
        ]

    def _named(self, classes: tuple[str, ...], version: str, bits: bytes, row: BoolArray) -> list[str]:
        """The same few sets come again and again."""
        names = self._sets.get((version, bits))
        if names is None:
            if len(self._sets) >= _MOST_SETS:
                self._sets.clear()
            names = [name for name, inside in zip(classes, row.tolist(), strict=True) if inside]
            self._sets[version, bits] = names
        return names

    def _intervals_of(self, batch: RoutedBatch) -> list[tuple[float | None, float | None]] | None:
        profile = self._profiles.get(batch.work.version)
        if batch.arranged is None or profile is None or profile.classes:
            return None
        lower, upper = intervals(batch.arranged.rows.value, batch.verdict.set_threshold)
        return list(zip(finite(lower), finite(upper), strict=True))


def _hops(reply: Reply) -> list[Hop] | UnsetType:
    """Who was asked; left out where nobody was but people, or refusal, which never fail."""
    if len(reply.hops) == 1 and reply.hops[0].outcome is HopOutcome.HANDED_OVER:
        return UNSET
    return [Hop(each.name, each.outcome.value, round(1000 * each.seconds, 3), each.detail[:200]) for each in reply.hops]


_MOST_SETS = 4096
_MODEL: Final = Route.MODEL.value
STAKE_WORDS: tuple[StakeWord, ...] = ("accepted", "suspected", "surest", "held")
"""Stakes by their number, as decisions have them."""
_PROMISED: tuple[Promised, ...] = tuple(each.value for each in GUARANTEES)
_REASONS = tuple(each.value for each in REASONS)


def _columns(
    batch: RoutedBatch,
) -> tuple[list[float | None], list[str], list[Promised], list[bool], list[StakeWord]]:
    """Rank, reason, guarantee, audit and stake of each event as Python values."""
    reasons = [_REASONS[code] for code in batch.routed.reason.tolist()]
    guarantees = [_PROMISED[code] for code in batch.routed.guarantee.tolist()]
    stakes = [STAKE_WORDS[stake] for stake in batch.routed.stake.tolist()]
    return finite(batch.rank), reasons, guarantees, batch.routed.audit.tolist(), stakes
