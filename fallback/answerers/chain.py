"""Those who answer instead, one after the other under one deadline, for a whole batch at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fallback.answerers.plain_breaker import PlainBreaker
from fallback.answerers.types import Answer, Answered, Answerer, AskedRequest, HopOutcome, HopResult
from fallback.errors import (
    AnswererError,
    AnswererNonsense,
    AnswererRefused,
    AnswererTimeout,
    AnswererUnreachable,
)
from fallback.types import Reason, Route

__all__ = ["Chain", "HopPolicy"]

_OUTCOMES: dict[type[AnswererError], HopOutcome] = {
    AnswererTimeout: HopOutcome.TIMEOUT,
    AnswererUnreachable: HopOutcome.UNREACHABLE,
    AnswererRefused: HopOutcome.REFUSED,
    AnswererNonsense: HopOutcome.NONSENSE,
}
_ENDS = (Route.HUMAN, Route.REFUSE)
_BLAMED_FROM = 0.5
"""A hop that got less than this share of its own timeout is not blamed for running out of it."""


@dataclass(frozen=True, slots=True)
class HopPolicy:
    """How long a hop may take, how many calls it gets at once, when it is left alone. Times in seconds."""

    timeout: float = 1.0
    at_once: int = 32
    failures: int = 5
    cooldown: float = 10.0


class _Hop:
    """An answerer with its bulkhead and its breaker."""

    def __init__(self, answerer: Answerer, policy: HopPolicy) -> None:
        self.answerer = answerer
        self.policy = policy
        self.room = asyncio.Semaphore(policy.at_once)
        self.breaker = PlainBreaker(policy.failures, policy.cooldown)


class Chain:
    """Asks hop after hop until one answers. `Route.HUMAN` and `Route.REFUSE` end it: they take no time and never fail.

    Belongs to one event loop. `clock` gives seconds that never run backwards.
    """

    def __init__(
        self,
        hops: Sequence[Answerer | Route | tuple[Answerer, HopPolicy]],
        clock: Callable[[], float],
    ) -> None:
        wrong = [hop for hop in hops if isinstance(hop, Route) and hop not in _ENDS]
        if wrong:
            raise ValueError(
                f"chain has {wrong!r}: besides answerers only {[end.value for end in _ENDS]!r} may stand in it"
            )
        self._hops = [_prepared(hop) for hop in hops]
        self._clock = clock

    async def ask_all(
        self, requests: Iterable[AskedRequest], deadline: float, *, skip: frozenset[Route] = frozenset()
    ) -> list[Answered]:
        """Ask for a batch, all at once; the answers come in the order of the requests, none later than the deadline.

        `deadline` is a time of the clock. `skip` leaves ends out: people whose queue is full, for one.
        """
        return list(await asyncio.gather(*(self.ask(request, deadline, skip=skip) for request in requests)))

    async def ask(self, request: AskedRequest, deadline: float, *, skip: frozenset[Route] = frozenset()) -> Answered:
        """Ask for one request. Whatever the hops do, there is a result, at the latest by the deadline."""
        began = self._clock()
        tried: list[HopResult] = []
        for hop in self._hops:
            if isinstance(hop, Route):
                if hop not in skip:
                    tried.append(HopResult(hop.value, HopOutcome.HANDED_OVER, 0.0))
                    return self._result(hop, None, tried, began)
                continue
            answer, result = await self._try(hop, request, deadline)
            tried.append(result)
            if answer is not None:
                return self._result(Route.FALLBACK, answer, tried, began)
        return self._result(Route.REFUSE, None, tried, began)

    async def aclose(self) -> None:
        """Close every answerer."""
        for hop in self._hops:
            if isinstance(hop, _Hop):
                await hop.answerer.aclose()

    async def _try(self, hop: _Hop, request: AskedRequest, deadline: float) -> tuple[Answer | None, HopResult]:
        began = self._clock()
        left = min(hop.policy.timeout, deadline - began)
        if left <= 0:
            return None, HopResult(hop.answerer.name, HopOutcome.NO_TIME, 0.0, "the deadline has passed")
        try:
            async with asyncio.timeout(left):
                await hop.room.acquire()
        except TimeoutError:
            detail = f"{hop.policy.at_once} calls at once are its limit"
            return None, HopResult(hop.answerer.name, HopOutcome.FULL, self._clock() - began, detail)
        try:
            answer, outcome, detail = await self._call(hop, request, deadline)
        finally:
            hop.room.release()
        return answer, HopResult(hop.answerer.name, outcome, self._clock() - began, detail)

    async def _call(self, hop: _Hop, request: AskedRequest, deadline: float) -> tuple[Answer | None, HopOutcome, str]:
        now = self._clock()
        generation = hop.breaker.enter(now)
        if generation is None:
            return None, HopOutcome.BROKEN, "it failed too often in a row, and is left alone for a while"
        left = min(hop.policy.timeout, deadline - now)
        try:
            async with asyncio.timeout(left):
                answer = await hop.answerer.answer(request)
        except TimeoutError:
            if left >= _BLAMED_FROM * hop.policy.timeout:
                hop.breaker.fail(generation, self._clock())
            return None, HopOutcome.TIMEOUT, f"no answer in {left:.3g} s"
        except AnswererError as error:
            if not (isinstance(error, AnswererRefused) and error.about_request):
                hop.breaker.fail(generation, self._clock())
            return None, _OUTCOMES.get(type(error), HopOutcome.FAILED), str(error)
        except Exception as error:  # noqa: BLE001 - a faulty answerer must not take the batch with it
            hop.breaker.fail(generation, self._clock())
            return None, HopOutcome.FAILED, f"{type(error).__name__}: {error}"
        else:
            hop.breaker.succeed(generation)
            return answer, HopOutcome.ANSWERED, ""
        finally:
            # a trial that was cancelled, or came to nothing, must not keep the hop shut for ever
            hop.breaker.leave(generation)

    def _result(self, route: Route, answer: Answer | None, tried: list[HopResult], began: float) -> Answered:
        by = tried[-1].name if tried and tried[-1].outcome in _TOOK_IT else Route.REFUSE.value
        return Answered(route, answer, by, _trouble(tried), tuple(tried), self._clock() - began)


_TOOK_IT = (HopOutcome.ANSWERED, HopOutcome.HANDED_OVER)


def _prepared(hop: Answerer | Route | tuple[Answerer, HopPolicy]) -> _Hop | Route:
    if isinstance(hop, Route):
        return hop
    return _Hop(*hop) if isinstance(hop, tuple) else _Hop(hop, HopPolicy())


def _trouble(tried: list[HopResult]) -> Reason | None:
    failed = [hop.outcome for hop in tried if hop.outcome not in _TOOK_IT]
    if len(failed) == len(tried):
        return Reason.CHAIN_EXHAUSTED
    if HopOutcome.NO_TIME in failed:
        return Reason.DEADLINE
    return Reason.ANSWERER_FAILED if failed else None
