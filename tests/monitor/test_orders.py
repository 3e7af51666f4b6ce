"""Operators' orders as the judge takes them: carried out or refused, and either way in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest

from detectors.profile import Profile
from monitor.building import breaker_policy
from monitor.config import Config
from monitor.judging.judge import Judge
from monitor.judging.why import explain_transitions, judge_again
from monitor.ledger.chain import verify
from monitor.ledger.words import words
from monitor.summaries import OperatorOrder
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, stream


@cache
def prepared() -> tuple[Config, Profile]:
    """A model and what is normal for it."""
    config = configured()
    return config, fitted(config)


@pytest.fixture
def run() -> Iterator[Run]:
    """A replica that judges, and has begun its ledger."""
    config, profile = prepared()
    started = Run(config, profile, broker(config))
    started.drain()
    yield started
    started.parts.close()


def feed(run: Run, n: int = 100) -> None:
    """Some events."""
    run.feed([msgspec.json.encode(each) for each in stream(n, 1)[0]], [])


def give(run: Run, *values: bytes) -> list[dict[str, Any]]:
    """Write to the summaries; the ledger's records that come of it."""
    before = len(run.ledger())
    run.broker.append(run.topics.summaries, list(values), time=FIRST)
    run.drain()
    return [msgspec.json.decode(line) for line in run.ledger()[before:]]


def order(what: str, **more: Any) -> bytes:
    """An operator's order as it travels."""
    fields: dict[str, Any] = {"id": "1", "order": what, "actor": "ada", "reason": "because", "seconds": 60.0} | more
    return msgspec.json.encode(OperatorOrder(**fields))


def test_an_order_is_in_the_ledger_with_what_came_of_it(run: Run) -> None:
    """The order, its step with the end of the override, and the verdict that routers obey, in this order."""
    feed(run)
    said, step, verdict = give(run, order("open"))
    assert (said["kind"], said["id"], said["actor"], said["refused"]) == ("order", "1", "ada", None)
    assert (step["kind"], step["from"], step["to"], step["cause"]) == (
        "transition",
        "closed",
        "forced_open",
        "override",
    )
    override = step["override"]
    assert (override["state"], override["actor"], override["reason"]) == ("forced_open", "ada", "because")
    assert override["until"] == FIRST + 99 + 60
    assert verdict["verdict"]["state"] == "forced_open"
    _, step, verdict = give(run, order("auto", seconds=None))
    assert (step["to"], step["override"], verdict["verdict"]["state"]) == ("half_open", None, "half_open")
    assert step["deadline"] > FIRST


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (order("open", version="7"), "no version 7"),
        (order("open", seconds=None), "time to live"),
        (order("close", reason=" "), "needs a reason"),
        (order("auto", actor=""), "needs an actor"),
        (order("open", seconds=9e5), "at most 7 d"),
    ],
)
def test_an_order_that_nobody_could_account_for_is_refused(run: Run, refused: bytes, why: str) -> None:
    """The record says why, and nothing moves."""
    feed(run)
    records = give(run, refused)
    assert why in records[0]["refused"]
    assert all(each["kind"] != "transition" for each in records)


def test_an_order_before_the_first_event_is_refused_and_stops_nobody(run: Run) -> None:
    """No time has begun; the record bears that of the ledger's beginning, and events go on to be judged."""
    records = give(run, order("open"), b"no summary", order("auto"))
    assert [each["kind"] for each in records] == ["order", "skipped", "order"]
    assert "nothing has been counted yet" in records[0]["refused"]
    assert records[0]["time"] == msgspec.json.decode(run.ledger()[0])["time"]
    feed(run)
    assert give(run, order("open"))[0]["refused"] is None
    verify(run.ledger())


def test_orders_are_judged_again_to_the_bit(run: Run) -> None:
    """Refused, carried out, and unreadable ones, before and between summaries."""
    config, profile = prepared()
    give(run, order("open"), b"{}")
    feed(run)
    give(run, order("close"), order("accept"), order("auto"))
    feed(run, 200)
    summaries = run.broker.read(run.topics.summaries, 0, 0, 1000)

    def new_judge() -> Judge:
        return Judge(config, {"1": profile}, breaker_policy(config), lambda _seen, /: None, 7)

    pairs = list(zip(summaries.offsets, summaries.values, strict=True))
    again = judge_again(
        run.ledger(),
        lambda offset: (pair for pair in pairs if pair[0] >= offset),
        run.topics.summaries,
        new_judge,
        None,
    )
    assert again.records == len(run.ledger())


def test_a_ledger_that_begins_at_any_time_is_judged_again() -> None:
    """Wall time has more digits than a record keeps; the verdicts that begin it bear the time that can be read back."""
    config, profile = prepared()

    def new_judge() -> Judge:
        return Judge(config, {"1": profile}, breaker_policy(config), lambda _seen, /: None)

    lines = new_judge().begin(FIRST + 0.12345678, 0)
    assert judge_again(lines, lambda _first: [], "m.summaries", new_judge, None).records == len(lines)


def test_what_is_accepted_is_normal_from_now_on_and_the_ledger_tells_it(run: Run) -> None:
    """The feature that moved: its episode ends, the same rows raise no alarm, and a second order changes nothing."""
    predictions, _ = stream(3000, 1, 500)
    records = [msgspec.json.encode(each) for each in predictions]
    for start in range(0, 1500, 100):
        run.feed(records[start : start + 100], [])
    said, *rest = give(run, order("accept", seconds=None))
    assert (said["actor"], said["reason"]) == ("ada", "because")
    assert "f3" in said["rebased"]["1"]
    assert said["rebased"]["1"].startswith("normal is now, of ")
    assert [each["to"] for each in rest if each["kind"] == "transition"] == ["closed"]
    before = len(run.ledger())
    for start in range(1500, 3000, 100):
        run.feed(records[start : start + 100], [])
    later = [msgspec.json.decode(line) for line in run.ledger()[before:]]
    assert [each["view"] for each in later if each["kind"] == "alarm"] == []
    again, *_ = give(run, order("accept", seconds=None))
    assert again["rebased"]["1"] == "nothing had moved, so what is normal stays as it was"
    told = explain_transitions([msgspec.json.decode(line) for line in run.ledger()])[-1]
    assert f"  accepted: {said['rebased']['1']}" in told.words
    assert "because" in told.words[0]
    assert "f3" in words(said)
