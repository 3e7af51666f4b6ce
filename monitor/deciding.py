"""A routed batch as decisions: one record a request, which is written once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET, UnsetType

from detectors.platt import stated_probability
from detectors.profile import Profile
from fallback.routing import GUARANTEES
from fallback.types import REASONS, Route
from monitor.answering import Reply, hops_of
from monitor.events import Decision, Output, label_text, utc
from monitor.events import Guarantee as Promised
from monitor.events import Stake as StakeWord
from monitor.grouping import rulings
from monitor.joins.said import finite, said
from monitor.possible import Possible
from monitor.routed import RoutedBatch
from monitor.rows import Arranged

__all__ = ["STAKE_WORDS", "Decider"]

_DIGITS = 4  # of a stated probability: more would say nothing
_MODEL: Final = Route.MODEL.value
STAKE_WORDS: tuple[StakeWord, ...] = ("accepted", "suspected", "surest", "held")
"""Stakes by their number, as decisions have them."""
_PROMISED: tuple[Promised, ...] = tuple(each.value for each in GUARANTEES)
_REASONS = tuple(each.value for each in REASONS)


class Decider:
    """Writes the decisions of one model's batches; what is possible of the truth comes again and again, and is kept."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._possible = Possible()

    def decisions(
        self, batch: RoutedBatch, profile: Profile | None, ids: Sequence[str], replies: Mapping[int, Reply]
    ) -> list[Decision]:
        """One decision a request, in their order; `replies` are by the place of who was held back."""
        work, verdict, routed = batch.work, batch.verdict, batch.routed
        digest = None if profile is None else profile.digest
        rows = zip(work.predictions, work.times, work.sources, self._ruled(batch, profile), strict=True)
        decisions = []
        for i, (prediction, time, source, ruled) in enumerate(rows):
            label, value, rank, right, reason, guarantee, audit, stake, inside, interval, *force, scored = ruled
            bar, state, set_threshold, ruled_by = force
            reply = replies.get(i)
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
                    answer=_own_answer(prediction.output, label, value) if reply is None else reply.answer,
                    answered_by=self._model if reply is None else reply.answered_by,
                    output=prediction.output,
                    confidence=rank,
                    threshold=bar,
                    probability=right,
                    label_set=inside,
                    interval=interval,
                    guarantee=guarantee,
                    breaker=state,
                    ruled_by=ruled_by,
                    epoch=verdict.epoch,
                    audit=audit,
                    propensity=routed.propensity,
                    stake=stake,
                    set_threshold=set_threshold,
                    profile=digest,
                    ledger_offset=verdict.ledger_offset,
                    source=source,
                    scored=scored,
                    hops=UNSET if reply is None or not reply.hops else hops_of(reply),
                )
            )
        return decisions

    def _ruled(self, batch: RoutedBatch, profile: Profile | None) -> Iterator[tuple[Any, ...]]:
        """What was ruled on each event, as plain values: arrays become rows, in the order of `columns`."""
        routed, n = batch.routed, len(batch.work.predictions)
        unset: list[UnsetType] = [UNSET] * n
        requested = [each.id for each in batch.work.predictions]
        sets, ends = self._possible.of(profile, batch.arranged, requested, batch.set_threshold)
        labels, values, _ = said(batch.arranged, n)
        right = stated_probability(batch.rank, batch.verdict.intercept, batch.verdict.slope).round(_DIGITS)
        columns: tuple[Sequence[Any], ...] = (
            labels,
            values,
            finite(batch.rank),
            finite(right),
            [_REASONS[code] for code in routed.reason.tolist()],
            [_PROMISED[code] for code in routed.guarantee.tolist()],
            routed.audit.tolist(),
            [STAKE_WORDS[stake] for stake in routed.stake.tolist()],
            sets or unset,
            ends or unset,
            *rulings(routed.bar, batch.verdict, batch.grouped, n),
            _scored(batch.arranged) or unset,
        )
        return zip(*columns, strict=True)


def _own_answer(output: Output | None, label: str | None, value: float | None) -> str | float | None:
    """What the model itself said."""
    own = output.value if output is not None and output.value is not None else value
    return own if own is not None else label or label_text(output.label if output is not None else None)


def _scored(arranged: Arranged | None) -> list[list[float] | UnsetType] | None:
    """Probabilities that the scorer gave, before calibration; None where it gave none at all."""
    if arranged is None or arranged.scored is None:
        return None
    stated = arranged.said.probabilities.tolist()
    return [row if by_scorer else UNSET for row, by_scorer in zip(stated, arranged.scored.tolist(), strict=True)]
