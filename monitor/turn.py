"""What one turn of the loop reads, and what it writes in one transaction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from fallback.types import Route
from monitor.counter import Outcomes
from monitor.events import (
    Answer,
    DeadLetter,
    DeadLetterReason,
    Decision,
    JoinRecord,
    Outcome,
    Review,
    Source,
    encode_many,
    utc,
)
from monitor.intake import Intake
from monitor.joins.records import Early, Flagging, Match, Pending
from monitor.routed import RoutedBatch
from monitor.summaries import Examples, KillNotice, OperatorOrder, Summary

__all__ = ["Turn", "by_partition", "early_record", "flag_record", "joined_record", "reviews_of", "unmatched_letter"]


@dataclass(slots=True)
class Turn:
    """What one turn of the loop reads, and what it writes in one transaction."""

    intake: Intake = field(default_factory=Intake)
    time: float = math.nan
    clock: float = -math.inf
    seconds: float | None = None
    """From the poll to the commit, in wall time."""
    routed: list[RoutedBatch] = field(default_factory=list)
    decisions: dict[int, list[Decision]] = field(default_factory=dict)
    """As reviews, answers and what was joined: by partition."""
    reviews: dict[int, list[Review]] = field(default_factory=dict)
    answers: dict[int, list[Answer]] = field(default_factory=dict)
    matches: list[Match] = field(default_factory=list)
    flags: list[Flagging] = field(default_factory=list)
    """Those of known decisions that count, a pair of answer and user each."""
    joined: dict[int, list[JoinRecord]] = field(default_factory=dict)
    outcomes: list[dict[str, Outcomes]] = field(default_factory=list)
    """By version, in parts of a batch at most."""
    dropped: list[Pending] = field(default_factory=list)
    """Decisions whose label was asked for, and that a full store let go."""
    expired: int = 0
    unmatched: int = 0
    summaries: list[Summary] = field(default_factory=list)
    orders: list[OperatorOrder | KillNotice | Examples] = field(default_factory=list)
    """People's words, which go to the judge behind the summaries."""
    ledger: list[bytes] = field(default_factory=list)

    def note(self, partition: int, *joined: JoinRecord) -> None:
        """Add what became of labels of a partition."""
        if joined:
            self.joined.setdefault(partition, []).extend(joined)


def by_partition(decisions: Sequence[Decision]) -> dict[int, list[Decision]]:
    """Decisions by the partition of their prediction; those of a partition stand together."""
    first, last = decisions[0].source.partition, decisions[-1].source.partition
    if first == last:
        # they come partition by partition, so there is but one
        return {first: list(decisions)}
    found: dict[int, list[Decision]] = {}
    for each in decisions:
        found.setdefault(each.source.partition, []).append(each)
    return found


def joined_record(match: Match) -> JoinRecord:
    """What whoever takes over has to know of a match."""
    return JoinRecord(
        id=match.pending.id, time=utc(match.time), what="joined", label=match.truth_label, value=match.truth_value
    )


def early_record(early: Early) -> JoinRecord:
    """What whoever takes over has to know of an outcome that came before its prediction."""
    return JoinRecord(id=early.id, time=utc(early.time), what="early", label=early.label, value=early.value)


def flag_record(flag: Flagging) -> JoinRecord:
    """What whoever takes over has to know of a flag."""
    return JoinRecord(id=flag.id, time=utc(flag.time), what="flagged", who=flag.who)


def unmatched_letter(early: Early, topic: str) -> DeadLetter:
    """Bury an outcome whose prediction never came to this topic."""
    return DeadLetter(
        reason=DeadLetterReason.UNMATCHED,
        detail="no prediction of this id came before the outcome expired",
        source=Source(topic, 0, -1),
        payload=encode_many([Outcome(early.id, utc(early.time), early.label, early.value)])[0],
        time=utc(early.time),
    )


def reviews_of(routed: RoutedBatch, decisions: Sequence[Decision], expires: float) -> list[tuple[int, Review]]:
    """What people should look at, with its partition: requests routed to them, and audits."""
    until = utc(expires)
    return [
        (
            each.source.partition,
            Review(
                id=each.id,
                decision_id=each.decision_id,
                time=each.time,
                model=each.model,
                version=each.version,
                segment=each.segment,
                features=prediction.features,
                output=each.output,
                reason="audit" if each.audit else each.reason,
                priority=float(priority),
                expires=until,
            ),
        )
        for each, prediction, priority in zip(decisions, routed.work.predictions, routed.priority, strict=True)
        if each.audit or each.route == Route.HUMAN.value
    ]
