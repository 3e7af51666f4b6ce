"""Where the time of the pipeline goes: each step's production code, called by itself on the same records.

What the judge takes is measured while the pipeline runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from benchmarks.pipeline_stream import BLOCK, Block, Replica
from benchmarks.tables import best, cpu_time
from detectors.profile import Profile
from fallback.types import Health, Verdict
from monitor.answering import Recorded
from monitor.building import route_policy
from monitor.config import Config
from monitor.counter import count_outcomes
from monitor.events import (
    Prediction,
    Source,
    decode_outcomes,
    decode_predictions,
    encode_many,
    epoch_seconds,
    label_text,
)
from monitor.intake import OutcomeRow
from monitor.joins.records import Match, Pending
from monitor.joins.store import JoinStore
from monitor.routed import Work
from monitor.router import Router
from monitor.rows import Schema, arrange

__all__ = ["stages"]

_T = TypeVar("_T")
_OVERDUE = 60.0


class _Watch:
    """CPU seconds by step, block after block."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def __call__(self, step: str, work: Callable[[], _T]) -> _T:
        """Do some work of a step, and note its time."""
        done: list[_T] = []
        self.times.setdefault(step, []).append(cpu_time(lambda: done.append(work())))
        return done[0]


@dataclass(frozen=True)
class _Steps:
    """What the steps of a replica are made of."""

    config: Config
    profile: Profile
    router: Router
    joins: JoinStore
    verdict: Verdict
    watch: _Watch

    def take(self, block: Block, before: Block) -> None:
        """One block, step by step; outcomes are those of the block before."""
        watch, router = self.watch, self.router
        predictions, outcomes = watch("decode", lambda: _decoded(block.predictions, before.outcomes))
        batch = self.config.evidence.batch
        work = _work(predictions, block.first, batch)
        watch("arrange", lambda: arrange(work.predictions, Schema.of(self.profile)))
        routed = watch("route", lambda: router.route(work, self.verdict, Health.FRESH))
        decisions = watch("decide", lambda: router.decide(routed, work.times[-1]))
        matches = watch("join store", lambda: self._join(routed.pending, outcomes, work.times[-1]))
        watch("encode", lambda: encode_many(decisions))
        watch("count", lambda: router.count(routed, BLOCK // batch))
        watch("count outcomes", lambda: count_outcomes(matches, [], self.profile, self.config.promise.within))

    def _join(self, pending: list[Pending], outcomes: list[OutcomeRow], now: float) -> list[Match]:
        joins = self.joins
        joins.begin()
        joins.add(pending)
        matches = joins.join(outcomes).matches
        joins.overdue(now - _OVERDUE)
        joins.expire(now)
        joins.waiting()
        joins.commit()
        return matches


def stages(config: Config, profile: Profile, made: Sequence[Block], replica: Replica) -> dict[str, float]:
    """µs a prediction of each step; `replica` has run over these blocks: its verdict is used."""
    watch = _Watch()
    router = Router(config.model, {"1": profile}, route_policy(config), Recorded(config))
    joins = JoinStore(":memory:", expire=config.outcomes.expire)
    steps = _Steps(config, profile, router, joins, replica.parts.judging.verdicts["1"], watch)
    for before, block in pairwise(made):
        steps.take(block, before)
    spent = {name: best(times) / BLOCK * 1e6 for name, times in watch.times.items()}
    # routing begins with arranging
    return spent | {"route": max(spent["route"] - spent["arrange"], 0.0)}


def _decoded(
    predictions: Sequence[bytes], outcomes: Sequence[bytes]
) -> tuple[list[Prediction | None], list[OutcomeRow]]:
    found = decode_outcomes(outcomes)[0]
    rows = [
        (each.id, label_text(each.label), each.value, epoch_seconds(each.time)) for each in found if each and each.time
    ]
    return decode_predictions(predictions)[0], rows


def _work(predictions: Sequence[Prediction | None], first: int, batch: int) -> Work:
    known = [each for each in predictions if each is not None]
    sources = [Source("m.predictions", 0, first + i) for i in range(len(known))]
    times = [epoch_seconds(each.time) for each in known if each.time]
    return Work("1", known, sources, times, [i // batch for i in range(len(known))])
