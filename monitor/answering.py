"""Who answers what the model may not: the chain of answerers, and the people behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fallback.answerers.chain import Chain, HopPolicy
from fallback.answerers.constant import Constant
from fallback.answerers.types import AskedRequest
from fallback.memory_reviews import MemoryReviews
from fallback.reviews import OnExpiry, ReviewItem, ReviewKind, Settled
from fallback.types import Route
from monitor.config import Config, ConstantHop, Hop, HttpHop, read_secret
from monitor.events import Answer, Review, epoch_seconds

__all__ = ["Answering", "Live", "Recorded", "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """Who has a request now, what was answered, and by whom; no answer while a person is asked."""

    route: Route
    answer: str | float | None = None
    answered_by: str | None = None


class Answering(Protocol):
    """Answers a batch of requests that were held back."""

    def ask(self, requests: Sequence[AskedRequest], priorities: Sequence[float], now: float) -> list[Reply]:
        """One reply a request, in their order."""
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

    A fallback model is not at hand either, and counts as a person; a constant answer is.
    """

    def __init__(self, config: Config) -> None:
        first = config.route.chain[0] if config.route.chain else "refuse"
        if isinstance(first, ConstantHop):
            self._reply = Reply(Route.FALLBACK, _plain(first.constant), first.name or "constant")
        else:
            self._reply = Reply(Route.REFUSE if first == "refuse" else Route.HUMAN)

    def ask(self, requests: Sequence[AskedRequest], priorities: Sequence[float], now: float) -> list[Reply]:
        """The same for all."""
        del priorities, now
        return [self._reply] * len(requests)

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

    What the queue sheds goes down the rest of the chain.
    """

    def __init__(self, config: Config, queue: MemoryReviews) -> None:
        hops = [_hop(each) for each in config.route.chain]
        self._deadline = config.route.deadline
        self._queue = queue
        self._runner = asyncio.Runner()
        self._chain = Chain([*hops, *([] if Route.REFUSE in hops else [Route.REFUSE])], time.monotonic)
        self._on_expiry = OnExpiry(config.reviews.on_expiry)
        self._lifetime = config.reviews.expire
        self._expired: list[Settled] = []

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

    def heard(self, answers: Sequence[Answer]) -> None:
        """Whoever was answered need not wait any longer."""
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
        self._queue.offer([_reviewed(partition, each, self._lifetime) for partition, each in held], now)

    @property
    def queue_depth(self) -> int:
        """Items that wait for a person."""
        return len(self._queue)

    def close(self) -> None:
        """Close the connections."""
        self._runner.run(self._chain.aclose())
        self._runner.close()

    def _ask(self, requests: Sequence[AskedRequest], skip: frozenset[Route]) -> list[Reply]:
        if not requests:
            return []
        asked = self._chain.ask_all(requests, time.monotonic() + self._deadline, skip=skip)
        return [
            Reply(each.route, each.answer.value, each.answered_by) if each.answer is not None else Reply(each.route)
            for each in self._runner.run(asked)
        ]


def _hop(hop: Hop) -> Any:
    if isinstance(hop, HttpHop):
        from fallback.answerers.http import Http

        token = read_secret(hop.token_file) if hop.token_file else None
        answerer = Http(hop.http, name=hop.name or hop.http, connections=hop.bulkhead, token=token)
        return (answerer, HopPolicy(timeout=hop.timeout, at_once=hop.bulkhead))
    if isinstance(hop, ConstantHop):
        return Constant(_plain(hop.constant))
    return Route(hop)


def _plain(value: str | float | bool) -> str | float:
    return str(value).lower() if isinstance(value, bool) else value


def _item(request: AskedRequest, priority: float, now: float) -> ReviewItem:
    payload = {"features": request.features, "model": request.model, "version": request.version}
    return ReviewItem(request.decision_id, request.id, ReviewKind.HELD, priority, now, payload, request.origin)


def _reviewed(partition: int, review: Review, lifetime: float) -> ReviewItem:
    payload = {"features": review.features, "model": review.model, "version": review.version}
    at = epoch_seconds(review.expires) - lifetime
    return ReviewItem(review.decision_id, review.id, ReviewKind.HELD, review.priority, at, payload, partition)


def _given_up(item: ReviewItem, now: float, policy: OnExpiry) -> Settled:
    return Settled(item.decision_id, item.request_id, now, None, "expiry", policy, item.origin)
