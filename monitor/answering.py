"""Who answers what the model may not: the chain of answerers, and the people behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import UNSET, UnsetType

from fallback.answerers.chain import Chain
from fallback.answerers.types import AskedRequest, Feature, HopOutcome, HopResult, Learner
from fallback.memory_reviews import MemoryReviews
from fallback.reviews import OnExpiry, ReviewItem, ReviewKind, Settled
from fallback.types import Route
from monitor.config import Config
from monitor.events import Answer, Decision, Prediction, Review, epoch_seconds
from monitor.events import Hop as HopRecord
from monitor.hops import built, plain, recorded
from monitor.observing import Queue

__all__ = ["Answering", "Live", "Recorded", "Reply", "hops_of"]


@dataclass(frozen=True, slots=True)
class Reply:
    """Who has a request now, what was answered, and by whom; no answer while a person is asked."""

    route: Route
    answer: str | float | None = None
    answered_by: str | None = None
    hops: tuple[HopResult, ...] = ()
    """Everybody who was asked on the way."""


class Answering(Protocol):
    """Answers a batch of requests that were held back."""

    def ask(self, requests: Sequence[AskedRequest], priorities: Sequence[float], now: float) -> list[Reply]:
        """One reply a request, in their order."""
        ...

    def saw(self, predictions: Sequence[Prediction], decisions: Sequence[Decision]) -> None:
        """A batch was decided: the model's answers that were let through are good ones."""
        ...

    def heard(self, answers: Sequence[Answer]) -> None:
        """People have answered, as their topic says; this replica's own records come back, too."""
        ...

    def settled(self, now: float) -> list[Settled]:
        """What has expired; told again until `kept`."""
        ...

    def kept(self) -> None:
        """What `settled` told has been written."""
        ...

    def restore(self, waiting: Sequence[tuple[int, Review]], now: float) -> None:
        """Begin with what was left open, each with its partition."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class Recorded:
    """In a backtest nobody is there to be asked: the recorded outcome stands for a person's answer.

    A fallback model is not at hand either, and counts as a person; rules, torch programs and constants are.
    """

    def __init__(self, config: Config) -> None:
        self._said = recorded(config.route.chain)

    def ask(self, requests: Sequence[AskedRequest], priorities: Sequence[float], now: float) -> list[Reply]:
        """What the chain says without asking anybody."""
        del priorities, now
        return [Reply(*self._said(request)) for request in requests]

    def saw(self, predictions: Sequence[Prediction], decisions: Sequence[Decision]) -> None:
        """Nobody learns."""

    def heard(self, answers: Sequence[Answer]) -> None:
        """Nobody was asked."""

    def settled(self, now: float) -> list[Settled]:
        """Nobody was asked."""
        del now
        return []

    def kept(self) -> None:
        """Nothing was told."""

    def restore(self, waiting: Sequence[tuple[int, Review]], now: float) -> None:
        """Nobody was asked."""

    def close(self) -> None:
        """Nothing to give back."""


class Live:
    """Asks the chain, a whole batch at once; what it hands to people goes into their queue.

    What the queue sheds goes down the rest of the chain. Those who learn hear what people answered, and, if they want,
    what the model did while it was let through.
    """

    def __init__(self, config: Config, queue: MemoryReviews) -> None:
        hops = built(config)
        self._deadline = config.route.deadline
        self._queue = queue
        self._runner = asyncio.Runner()
        self._chain = Chain([*hops, *([] if Route.REFUSE in hops else [Route.REFUSE])], time.monotonic)
        self._on_expiry = OnExpiry(config.reviews.on_expiry)
        self._reviews = config.reviews
        self._expired: list[Settled] = []
        asked = [hop[0] if isinstance(hop, tuple) else hop for hop in hops]
        self._learners: list[Learner] = [hop for hop in asked if isinstance(hop, Learner)]
        self._audited: dict[str, _Features] = {}

    def ask(self, requests: Sequence[AskedRequest], priorities: Sequence[float], now: float) -> list[Reply]:
        """One reply a request, in their order."""
        if not requests:
            return []
        replies = self._ask(requests, frozenset())
        for_people = [i for i, reply in enumerate(replies) if reply.route is Route.HUMAN]
        items = [_item(requests[i], priorities[i], now) for i in for_people]
        dropped = self._queue.offer(items, now)[1]
        shed = {item.decision_id for item in dropped}
        # what had been in the queue was promised to a person: whoever waits for it must hear that nobody comes
        offered = {item.decision_id for item in items}
        self._expired += [_given_up(item, now, self._on_expiry) for item in dropped if item.decision_id not in offered]
        again = [i for i in for_people if requests[i].decision_id in shed]
        for i, reply in zip(again, self._ask([requests[i] for i in again], frozenset({Route.HUMAN})), strict=True):
            replies[i] = reply
        return replies

    def saw(self, predictions: Sequence[Prediction], decisions: Sequence[Decision]) -> None:
        """Tell those who learn from it what the model answered; remember what is audited until a person has spoken."""
        if not self._learners:
            return
        from_model = [each for each in self._learners if each.from_model]
        for prediction, decision in zip(predictions, decisions, strict=True):
            if decision.route != Route.MODEL.value or decision.answer is None:
                continue
            for learner in from_model:
                learner.heard(prediction.features, plain(decision.answer))
            if decision.audit:
                self._audited[decision.decision_id] = prediction.features
        while len(self._audited) > _MOST_AUDITED:
            self._audited.pop(next(iter(self._audited)))

    def heard(self, answers: Sequence[Answer]) -> None:
        """Whoever was answered need not wait any longer; those who learn do so."""
        for each in answers if self._learners else ():
            features = self._features_of(each.decision_id)
            if features is not None and each.answer is not None and not each.expired:
                for learner in self._learners:
                    learner.heard(features, plain(each.answer))
        self._queue.settle([each.decision_id for each in answers])

    def settled(self, now: float) -> list[Settled]:
        """What has expired; told again until `kept`."""
        self._expired += self._queue.expire(now)
        return list(self._expired)

    def kept(self) -> None:
        """What `settled` told has been written."""
        self._expired.clear()

    def restore(self, waiting: Sequence[tuple[int, Review]], now: float) -> None:
        """Take over the queue of the partitions that are ours now."""
        self._expired.clear()
        self._queue.begin_again()
        # an audit is no promise to anybody: the model has answered
        held = [(partition, each) for partition, each in waiting if each.reason != ReviewKind.AUDIT.value]
        self._queue.offer([_reviewed(partition, each, self._reviews.expire) for partition, each in held], now)

    def queue(self, now: float) -> Queue:
        """How the queue of people stands."""
        reviews, counts = self._reviews, self._queue.counts
        return Queue(
            depth=len(self._queue),
            limit=reviews.depth,
            oldest=max(0.0, now - self._queue.oldest) if len(self._queue) else 0.0,
            longest=reviews.expire,
            budget=None if reviews.rate is None else max(0.0, self._queue.budget(now)),
            per_hour=reviews.rate,
            offered=counts["offered"],
            answered=counts["settled"],
            shed=counts["shed"],
            expired=counts["expired"],
        )

    def close(self) -> None:
        """Close the connections."""
        self._runner.run(self._chain.aclose())
        self._runner.close()

    def _ask(self, requests: Sequence[AskedRequest], skip: frozenset[Route]) -> list[Reply]:
        if not requests:
            return []
        asked = self._chain.ask_all(requests, time.monotonic() + self._deadline, skip=skip)
        return [
            Reply(each.route, each.answer.value, each.answered_by, each.hops)
            if each.answer is not None
            else Reply(each.route, hops=each.hops)
            for each in self._runner.run(asked)
        ]

    def _features_of(self, decision_id: str) -> _Features | None:
        """What was asked of a person."""
        item = self._queue.item(decision_id)
        if item is None:
            return self._audited.pop(decision_id, None)
        features: _Features = item.payload["features"]  # type: ignore[assignment]  # as `_item` put it there
        return features


_MOST_AUDITED = 10_000
_Features = Mapping[str, Feature] | Sequence[Feature]


def _item(request: AskedRequest, priority: float, now: float) -> ReviewItem:
    payload = {"features": request.features, "model": request.model, "version": request.version}
    return ReviewItem(request.decision_id, request.id, ReviewKind.HELD, priority, now, payload, request.origin)


def _reviewed(partition: int, review: Review, lifetime: float) -> ReviewItem:
    payload = {"features": review.features, "model": review.model, "version": review.version}
    at = epoch_seconds(review.expires) - lifetime
    return ReviewItem(review.decision_id, review.id, ReviewKind.HELD, review.priority, at, payload, partition)


def _given_up(item: ReviewItem, now: float, policy: OnExpiry) -> Settled:
    return Settled(item.decision_id, item.request_id, now, None, "expiry", policy, item.origin)


def hops_of(reply: Reply) -> list[HopRecord] | UnsetType:
    """Who was asked; left out where nobody was but people, or refusal, which never fail."""
    if len(reply.hops) == 1 and reply.hops[0].outcome is HopOutcome.HANDED_OVER:
        return UNSET
    return [
        HopRecord(each.name, each.outcome.value, round(1000 * each.seconds, 3), each.detail[:200])
        for each in reply.hops
    ]
