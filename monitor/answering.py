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
from fallback.reviews import ReviewItem, ReviewKind, ReviewQueue, Settled
from fallback.types import Route
from monitor.config import Config, ConstantHop, Hop, HttpHop, read_secret

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

    def settled(self, now: float) -> list[Settled]:
        """What people have answered since the last call, and what expired."""
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

    def settled(self, now: float) -> list[Settled]:
        """Nobody was asked."""
        del now
        return []

    def close(self) -> None:
        """Nothing to give back."""


class Live:
    """Asks the chain, a whole batch at once; what it hands to people goes into their queue.

    What the queue sheds goes down the rest of the chain.
    """

    def __init__(self, config: Config, queue: ReviewQueue) -> None:
        hops = [_hop(each) for each in config.route.chain]
        self._deadline = config.route.deadline
        self._queue = queue
        self._runner = asyncio.Runner()
        self._chain = Chain([*hops, *([] if Route.REFUSE in hops else [Route.REFUSE])], time.monotonic)
        self._said: list[Settled] = []
        self._claimed: dict[str, str] = {}

    def ask(self, requests: Sequence[AskedRequest], priorities: Sequence[float], now: float) -> list[Reply]:
        """One reply a request, in their order."""
        if not requests:
            return []
        replies = self._ask(requests, frozenset())
        for_people = [i for i, reply in enumerate(replies) if reply.route is Route.HUMAN]
        items = [_item(requests[i], priorities[i], now) for i in for_people]
        shed = {item.decision_id for item in self._queue.offer(items, now)[1]}
        again = [i for i in for_people if requests[i].decision_id in shed]
        for i, reply in zip(again, self._ask([requests[i] for i in again], frozenset({Route.HUMAN})), strict=True):
            replies[i] = reply
        return replies

    def settled(self, now: float) -> list[Settled]:
        """What people have answered since the last call, and what expired."""
        done = [*self._queue.expire(now), *self._said]
        self._said = []
        return done

    def expect(self, item: ReviewItem) -> None:
        """A person has claimed an item."""
        self._claimed[item.request_id] = item.decision_id

    def say_of(self, request_id: str, reviewer: str, answer: str | float, now: float) -> None:
        """A person answers a claimed item."""
        self._said.append(self._queue.answer(self._claimed.pop(request_id), reviewer, answer, now))

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
    return ReviewItem(request.decision_id, request.id, ReviewKind.HELD, priority, now, payload)
