"""Orders and the kill switch in a replica: what is routed, what is written, and what happens without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest

from detectors.profile import Profile
from monitor.answering import Recorded
from monitor.building import build
from monitor.config import Config
from monitor.ledger.chain import verify
from monitor.overruling import KillSwitch, Orders, OrdersFull
from monitor.summaries import KillNotice, OperatorOrder
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, stream


@cache
def prepared() -> tuple[Config, Profile]:
    config = configured()
    return config, fitted(config)


class Overruled(Run):
    """A replica with a kill switch, and orders that are given at it."""

    def __init__(self) -> None:
        config, profile = prepared()
        super().__init__(config, profile, broker(config))
        self.parts.close()
        self.orders = Orders()
        self.kill = KillSwitch(None, "r", lambda: FIRST, self.orders.note)
        self.parts = build(
            config, {"1": profile}, self.log, Recorded(config), self.seen.append,
            replica="r", start=FIRST, orders=self.orders, kill_switch=self.kill,
        )  # fmt: skip

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The ledger's records of a kind."""
        return [record for line in self.ledger() if (record := msgspec.json.decode(line))["kind"] == kind]


@pytest.fixture
def run() -> Iterator[Overruled]:
    started = Overruled()
    started.drain()
    yield started
    started.parts.close()


def order(what: str, number: int = 1) -> OperatorOrder:
    seconds = 60.0 if what in ("open", "close") else None
    return OperatorOrder(id=str(number), order=what, actor="ada", reason="because", seconds=seconds)  # type: ignore[arg-type]


def test_while_it_is_on_the_model_answers_nothing(run: Overruled) -> None:
    """Every request goes elsewhere with `kill_switch` as its reason; counting goes on, and it ends without a trace."""
    lines = [msgspec.json.encode(each) for each in stream(300, 1)[0]]
    run.feed(lines[:100], [])
    run.kill.turn_on("ada", "wrong prices")
    run.feed(lines[100:200], [])
    run.kill.turn_off("ada", "mended")
    run.feed(lines[200:], [])
    reasons = [each["reason"] for each in run.decisions()]
    assert set(reasons[100:200]) == {"kill_switch"}
    assert all(each["route"] != "model" for each in run.decisions()[100:200])
    assert "kill_switch" not in reasons[:100] + reasons[200:]
    assert run.judge.events == 300


def test_the_ledger_hears_of_it(run: Overruled) -> None:
    """Who, why and where, both times; the chain holds."""
    run.kill.turn_on("ada", "wrong prices")
    run.kill.turn_off("bob", "mended")
    run.drain()
    told = [(each["replica"], each["on"], each["actor"], each["reason"]) for each in run.records("kill_switch")]
    assert told == [("r", True, "ada", "wrong prices"), ("r", False, "bob", "mended")]
    assert verify(run.ledger()).head == run.judge.head


def test_an_order_given_here_is_judged_and_its_outcome_comes_back(run: Overruled) -> None:
    """The same as one from the command line: carried out, in the ledger, and told to whoever gave it."""
    run.feed([msgspec.json.encode(each) for each in stream(100, 1)[0]], [])
    run.orders.give(order("open"))
    run.drain()
    outcome = run.orders.outcome("1", 0.0)
    assert outcome is not None
    assert outcome["refused"] is None
    assert [each["to"] for each in run.records("transition")] == ["forced_open"]


def test_a_turn_that_fails_writes_no_order_twice(run: Overruled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its transaction is lost, the order stays, and the next turn writes it once."""
    run.feed([msgspec.json.encode(each) for each in stream(100, 1)[0]], [])
    run.orders.give(order("open"))
    kind = type(run.log.transaction())
    real, failures = kind.append, [OSError("the broker is away")]

    def append(self: Any, topic: str, *values: Any, **more: Any) -> None:
        if failures and topic == run.topics.summaries:
            raise failures.pop()
        real(self, topic, *values, **more)

    monkeypatch.setattr(kind, "append", append)
    with pytest.raises(OSError, match="away"):
        run.drain()
    assert len(run.orders.waiting()) == 1
    run.drain()
    assert len(run.records("order")) == 1
    assert run.orders.waiting() == []


def test_orders_and_notices_are_bounded() -> None:
    """A hundred orders wait at most; of notices the oldest is let go, for the last says how it stands."""
    orders = Orders()
    for number in range(100):
        orders.give(order("auto", number))
    with pytest.raises(OrdersFull, match="kill switch works without"):
        orders.give(order("auto"))
    for number in range(300):
        orders.note(KillNotice(replica="r", on=bool(number % 2), actor="a", reason=str(number), at=0.0))
    notices = [each for each in orders.waiting() if isinstance(each, KillNotice)]
    assert len(notices) == 100
    assert notices[-1].reason == "299"
