"""A model in this process: asked for whole batches in a thread, and no worse for the rest than any other hop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fallback.answerers.chain import Chain, HopPolicy
from fallback.answerers.in_process import InProcess, Told
from fallback.answerers.types import Answer, AskedRequest, HopOutcome
from fallback.errors import AnswererNonsense, AnswererRefused
from fallback.types import Route


def asked(k: float | None, features: Any = None) -> AskedRequest:
    return AskedRequest(str(k), f"d{k}", "m", "1", {"a": k, "b": 1} if features is None else features)


class Model:
    """Notes how many rows it was given at a time; says the first feature as a value, or as the share of `yes`."""

    def __init__(self, *, classes: bool = False, wait: threading.Event | None = None) -> None:
        self.calls: list[int] = []
        self.threads: set[str] = set()
        self.classes, self.wait = classes, wait

    def __call__(self, rows: Any) -> Told:
        """Say it, and note who asked."""
        if self.wait is not None and not self.calls:
            self.calls.append(len(rows))
            self.wait.wait(10)
        else:
            self.calls.append(len(rows))
        self.threads.add(threading.current_thread().name)
        if (rows[:, 0] == 666).any():
            raise RuntimeError("no such row")
        first = rows[:, :1]
        return Told(np.concatenate([1 - first, first], axis=1) if self.classes else first, np.abs(rows[:, 0]))


def ask_all(answerer: InProcess, requests: list[AskedRequest], policy: HopPolicy | None = None) -> list[Any]:
    async def run() -> list[Any]:
        chain = Chain([(answerer, policy or HopPolicy(at_once=1000)), Route.REFUSE], time.monotonic)
        found = await chain.ask_all(requests, time.monotonic() + 10)
        await chain.aclose()
        return found

    return asyncio.run(run())


def test_a_batch_is_one_call() -> None:
    """A hundred requests of one turn, in one call and in a thread that is not the loop's."""
    model = Model()
    found = ask_all(InProcess(model, ["a", "b"]), [asked(float(k)) for k in range(100)])
    assert [each.answer.value for each in found] == [float(k) for k in range(100)]
    assert model.calls == [100]
    assert threading.main_thread().name not in model.threads


def test_the_bulkhead_bounds_a_call() -> None:
    """With ten at once, no call has more than ten rows, and all are answered."""
    model = Model()
    found = ask_all(InProcess(model, ["a", "b"]), [asked(float(k)) for k in range(35)], HopPolicy(at_once=10))
    assert [each.answer.value for each in found] == [float(k) for k in range(35)]
    assert max(model.calls) <= 10


def test_a_label_comes_with_its_probabilities() -> None:
    """The likeliest class, as the model names it."""
    (found,) = ask_all(InProcess(Model(classes=True), ["a", "b"], ["no", "yes"]), [asked(0.75)])
    assert found.answer == Answer("yes", {"no": 0.25, "yes": 0.75})


def test_doubt_hands_on() -> None:
    """Above the bound it refuses, and the next hop is asked; that is no failure of the hop."""
    (sure, unsure) = ask_all(InProcess(Model(), ["a", "b"], most_doubt=0.5), [asked(0.1), asked(0.9)])
    assert sure.answer == Answer(0.1)
    assert unsure.route is Route.REFUSE
    assert unsure.hops[0].outcome is HopOutcome.REFUSED
    assert "disagree by 0.9 nats" in unsure.hops[0].detail


def test_a_row_that_it_fails_on_takes_no_other_with_it() -> None:
    """Its own request is refused with the reason; the others of the call are answered."""
    found = ask_all(InProcess(Model(), ["a", "b"]), [asked(1.0), asked(666.0), asked(2.0)])
    assert [each.answer and each.answer.value for each in found] == [1.0, None, 2.0]
    assert "no such row" in found[1].hops[0].detail


@pytest.mark.parametrize(
    "features", [{"a": None, "b": 1}, {"b": 1}, {"a": "x", "b": 1}, {"a": float("nan"), "b": 1}, [1]]
)
def test_a_request_without_a_feature_is_refused(features: Any) -> None:
    """It says which one, and has nothing against other requests."""
    with pytest.raises(AnswererRefused) as refused:
        InProcess(Model(), ["a", "b"]).said(asked(0.0, features))
    assert refused.value.about_request


def test_features_without_names_are_taken_in_order() -> None:
    """A list as long as its features; a boolean is a number."""
    assert InProcess(Model(), ["a", "b"]).said(asked(0.0, [3.0, True])) == Answer(3.0)


@pytest.mark.parametrize("outputs", [[[np.nan]], [[1.0, 2.0, 3.0]], [[np.inf]]])
def test_what_is_no_answer_is_nonsense(outputs: Any) -> None:
    """Not a number, or too many of them."""
    answerer = InProcess(lambda rows: Told(np.array(outputs), np.zeros(len(rows))), ["a", "b"])
    with pytest.raises(AnswererNonsense):
        answerer.said(asked(1.0))


def _patiently(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not holds() and time.monotonic() < until:
        time.sleep(0.001)
    assert holds()


def test_a_slow_call_holds_up_nobody_else() -> None:
    """While it works the next hop answers who ran out of time; when it is done it answers again, late answers lost."""
    gate = threading.Event()
    model = Model(wait=gate)
    answerer = InProcess(model, ["a", "b"])

    with asyncio.Runner() as runner:
        chain = Chain([(answerer, HopPolicy(timeout=0.05, at_once=1000)), Route.REFUSE], time.monotonic)
        late = runner.run(chain.ask_all([asked(1.0), asked(2.0)], time.monotonic() + 10))
        assert [each.route for each in late] == [Route.REFUSE] * 2
        assert {each.hops[0].outcome for each in late} == {HopOutcome.TIMEOUT}
        gate.set()
        _patiently(lambda: bool(model.threads))
        again = runner.run(Chain([(answerer, HopPolicy(timeout=5)), Route.REFUSE], time.monotonic).ask(asked(3.0), time.monotonic() + 10))  # fmt: skip  # noqa: E501
        assert again.answer == Answer(3.0)
        assert answerer._waiting == []
        runner.run(chain.aclose())
