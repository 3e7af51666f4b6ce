"""One after the other under one deadline; whatever a hop does, everybody gets a result, and nobody waits for it."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from fallback.answerers.chain import Chain, HopPolicy
from fallback.answerers.constant import Constant
from fallback.answerers.http import Http
from fallback.answerers.types import Answer, Answered, AskedRequest, HopOutcome
from fallback.errors import AnswererRefused
from fallback.types import Reason, Route

REQUEST = AskedRequest("r", "d", "m", "1", {})


def asked(name: str) -> AskedRequest:
    return AskedRequest(name, f"d-{name}", "m", "1", {"x": 1.0})


class Hangs:
    """Takes forever, and counts who asked and who gave up."""

    name = "hangs"

    def __init__(self) -> None:
        self.asked = self.cancelled = self.now = self.most = 0

    async def answer(self, _: AskedRequest, /) -> Answer:
        """Wait to be cancelled."""
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.now -= 1
        raise AssertionError

    async def aclose(self) -> None:
        """Nothing to give back."""


class Raises:
    """Fails with whatever it is given."""

    name = "raises"

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    async def answer(self, _: AskedRequest, /) -> Answer:
        """Fail."""
        self.asked += 1
        raise self.error

    async def aclose(self) -> None:
        """Nothing to give back."""


def run(*hops: Any, n: int = 1, within: float = 5.0, **options: Any) -> list[Answered]:
    async def asking() -> list[Answered]:
        chain = Chain(hops, time.monotonic)
        try:
            return await chain.ask_all([asked(str(i)) for i in range(n)], time.monotonic() + within, **options)
        finally:
            await chain.aclose()

    return asyncio.run(asking())


def outcomes(answered: Answered) -> list[HopOutcome]:
    return [hop.outcome for hop in answered.hops]


def test_the_first_that_answers_has_answered() -> None:
    """Its name, its route, nothing about those behind it."""
    (answered,) = run(Constant("no"), Constant("yes", name="second"))
    assert (answered.route, answered.answer, answered.answered_by) == (Route.FALLBACK, Answer("no"), "constant")
    assert (answered.trouble, outcomes(answered)) == (None, [HopOutcome.ANSWERED])


@pytest.mark.parametrize("end", [Route.HUMAN, Route.REFUSE])
def test_people_and_refusal_are_the_end(end: Route) -> None:
    """They take no time and never fail; what stands behind them is not asked."""
    (answered,) = run(end, Constant("x"))
    assert (answered.route, answered.answer, answered.answered_by, answered.trouble) == (end, None, end.value, None)


def test_people_can_be_left_out() -> None:
    """When their queue is full the request goes to whoever stands behind them."""
    (answered,) = run(Route.HUMAN, Constant("x"), skip=frozenset({Route.HUMAN}))
    assert (answered.route, answered.answer) == (Route.FALLBACK, Answer("x"))


def test_a_hanging_hop_is_left_after_its_timeout() -> None:
    """The next one answers, and the decision can say what happened, and how long it took."""
    hanging = Hangs()
    (answered,) = run((hanging, HopPolicy(timeout=0.05)), Constant("x"))
    assert outcomes(answered) == [HopOutcome.TIMEOUT, HopOutcome.ANSWERED]
    assert answered.trouble is Reason.ANSWERER_FAILED
    assert answered.hops[0].seconds >= 0.05
    assert hanging.cancelled == 1


def test_after_the_deadline_only_the_end_is_left() -> None:
    """The deadline cuts the first hop short; the second is not even asked; the refusal says why."""
    second = Raises(RuntimeError())
    (answered,) = run((Hangs(), HopPolicy(timeout=9)), second, Route.REFUSE, within=0.05)
    assert outcomes(answered) == [HopOutcome.TIMEOUT, HopOutcome.NO_TIME, HopOutcome.HANDED_OVER]
    assert (answered.route, answered.trouble, second.asked) == (Route.REFUSE, Reason.DEADLINE, 0)


def test_a_chain_without_an_end_refuses() -> None:
    """If all fail the answer is no answer, not an exception."""
    (answered,) = run(Raises(AnswererRefused("no")))
    assert (answered.route, answered.trouble) == (Route.REFUSE, Reason.CHAIN_EXHAUSTED)
    (answered,) = run()
    assert (answered.route, answered.trouble, answered.answered_by) == (Route.REFUSE, Reason.CHAIN_EXHAUSTED, "refuse")


def test_a_faulty_answerer_takes_nobody_with_it() -> None:
    """Even a programming error is an outcome of a hop."""
    (answered,) = run(Raises(KeyError("oops")), Constant("x"))
    assert (outcomes(answered)[0], answered.hops[0].detail) == (HopOutcome.FAILED, "KeyError: 'oops'")


def test_failures_in_a_row_leave_a_hop_alone() -> None:
    """After three failures the rest of the batch passes it by without a call."""
    failing = Raises(AnswererRefused("down"))
    answered = run((failing, HopPolicy(failures=3, at_once=1)), Constant("x"), n=10)
    assert failing.asked == 3
    assert [outcomes(one)[0] for one in answered].count(HopOutcome.BROKEN) == 7


def test_what_is_about_the_request_does_not_break_a_hop() -> None:
    """Ten bad requests are no reason to leave a healthy server alone."""
    failing = Raises(AnswererRefused("bad", about_request=True))
    run((failing, HopPolicy(failures=3)), Constant("x"), n=10)
    assert failing.asked == 10


def test_a_hop_that_got_no_fair_time_is_not_blamed() -> None:
    """What the deadline cut short says nothing about the hop: it is asked again by the next batch."""
    hanging = Hangs()
    run((hanging, HopPolicy(timeout=9, failures=1, at_once=1)), n=3, within=0.03)
    assert hanging.asked >= 1

    async def asking() -> None:
        chain = Chain([(hanging, HopPolicy(timeout=9, failures=1))], time.monotonic)
        for _ in range(3):
            assert outcomes(await chain.ask(REQUEST, time.monotonic() + 0.02)) == [HopOutcome.TIMEOUT]

    asyncio.run(asking())


def test_the_bulkhead_bounds_calls_at_once() -> None:
    """Never more than two calls inside; those who found no place in time say so."""
    hanging = Hangs()
    answered = run((hanging, HopPolicy(timeout=0.1, at_once=2, failures=99)), Route.REFUSE, n=6)
    assert hanging.most == 2
    assert HopOutcome.FULL in [outcomes(one)[0] for one in answered]


def test_a_trial_that_is_cancelled_does_not_keep_the_hop_shut() -> None:
    """The caller goes away in the middle of the trial; the next one is a trial again."""

    async def asking() -> None:
        now = 0.0
        hanging = Hangs()
        chain = Chain([(hanging, HopPolicy(timeout=0.02, failures=1, cooldown=5))], lambda: now)
        assert outcomes(await chain.ask(REQUEST, 100.0)) == [HopOutcome.TIMEOUT]
        assert outcomes(await chain.ask(REQUEST, 100.0)) == [HopOutcome.BROKEN]
        now = 6.0
        trial = asyncio.create_task(chain.ask(REQUEST, 100.0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        assert outcomes(await chain.ask(REQUEST, 100.0)) == [HopOutcome.TIMEOUT]

    asyncio.run(asking())


def test_only_ends_stand_in_a_chain_besides_answerers() -> None:
    """The model itself is not a fallback for itself."""
    with pytest.raises(ValueError, match="model"):
        Chain([Route.MODEL], time.monotonic)


def test_one_slow_request_holds_up_no_other(server: Any) -> None:
    """Over real HTTP: forty requests, one of which hangs; thirty-nine are answered while it still does."""

    async def asking() -> list[Answered]:
        chain = Chain([(Http(server.url("slow-for-one")), HopPolicy(timeout=5.0)), Constant("x")], time.monotonic)
        slow, *others = [
            asyncio.create_task(chain.ask(asked(name), time.monotonic() + 5)) for name in ["slow", *map(str, range(39))]
        ]
        answered = await asyncio.gather(*others)
        assert not slow.done()
        server.go_on.set()
        answered.append(await slow)
        await chain.aclose()
        return answered

    answered = asyncio.run(asking())
    assert [one.hops for one in answered if one.answered_by != "http"] == []


def test_a_dead_first_hop_costs_its_connection_and_then_nothing(server: Any) -> None:
    """Nobody listens at the first: the second answers all; after some failures the first is not even tried."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        dead = Http(f"http://127.0.0.1:{reserved.getsockname()[1]}/", name="dead")
        answered = run((dead, HopPolicy(at_once=1, failures=2)), Http(server.url("ok")), n=10)
    assert {one.answered_by for one in answered} == {"http"}
    assert [outcomes(one)[0] for one in answered] == [HopOutcome.UNREACHABLE] * 2 + [HopOutcome.BROKEN] * 8
