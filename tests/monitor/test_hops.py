"""The configured chain: built, asked, taught, and told in the decision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.profile import Profile
from monitor.answering import Live, Recorded
from monitor.building import build
from monitor.config import Config, LastGoodHop, RiverHop, RuleHop, config_from
from monitor.errors import UsageError
from monitor.events import Answer, utc
from monitor.running import people_of
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, stream

DEAD = {"http": "http://127.0.0.1:9/v2/models/small/infer", "name": "small", "timeout": "10s"}
RULE = {"rule": [{"when": {"f0": "> 0"}, "answer": "1"}, {"when": {"f0": "<= 0"}, "answer": "0"}]}


class Standing(Run):
    """A replica whose chain is asked in earnest."""

    def __init__(self, config: Config, profile: Profile) -> None:
        super().__init__(config, profile, broker(config))
        self.parts.close()
        self.people: Live = people_of(config)
        self.parts = build(config, {"1": profile}, self.log, self.people, self.seen.append, replica="r", start=FIRST)


@pytest.fixture(scope="module")
def profile() -> Profile:
    return fitted(configured())


@pytest.fixture
def running(request: pytest.FixtureRequest, profile: Profile, tmp_path: Path) -> Iterator[Standing]:
    run = Standing(configured(route={"chain": request.param, "deadline": "20s"}, state_dir=str(tmp_path)), profile)
    yield run
    run.parts.close()
    run.people.close()


def held_back(run: Standing) -> list[dict[str, Any]]:
    events = [msgspec.json.encode(each) for each in stream(200, 1)[0]]
    run.feed(events[:100], [])
    run.feed(events[100:], [])
    return [each for each in run.decisions() if each["route"] != "model"]


def test_each_hop_is_read_with_its_knobs() -> None:
    """By the key that it is known by."""
    chain = [RULE, {"last_good": ["customer"], "max_age": "2h"}, {"river": "linear", "within": 3}, "refuse"]
    rule, last_good, river, _ = configured(route={"chain": chain}).route.chain
    assert isinstance(rule, RuleHop)
    assert last_good == LastGoodHop(last_good=["customer"], max_age=7200.0)
    assert river == RiverHop(river="linear", within=3.0)


@pytest.mark.parametrize(
    ("hop", "path"),
    [
        ({"river": "linear"}, "route.chain[0].within"),
        ({"river": "tree", "within": 1}, "route.chain[0].within"),
        ({"river": "wide"}, "route.chain[0].river"),
        ({"rule": []}, "route.chain[0].rule"),
        ({"rule": [{"when": {"a": "> much"}, "answer": 1}]}, "route.chain[0].rule[0].when.a"),
        ({"rule": [{"when": {}, "answer": 1}]}, "route.chain[0].rule[0].when"),
        ({"last_good": []}, "route.chain[0].last_good"),
    ],
)
def test_a_faulty_hop_is_told_with_its_path(hop: dict[str, Any], path: str) -> None:
    """What could never work is refused before anything runs."""
    with pytest.raises(UsageError) as refused:
        config_from(
            {"model": "m", "promise": {"max_error": "1%", "false_pages": "1 per 9d"}, "route": {"chain": [hop]}}, {}
        )
    assert path in str(refused.value)


@pytest.mark.parametrize("running", [[DEAD, RULE]], indirect=True)
def test_a_dead_hop_and_who_took_over_are_in_the_decision(running: Standing) -> None:
    """The first was unreachable, or is left alone after it failed too often; the rule answered, and in what time."""
    decisions = held_back(running)
    assert decisions
    for each in decisions:
        assert (each["route"], each["answered_by"]) == ("fallback", "rule")
        assert [(hop["name"], hop["outcome"]) for hop in each["hops"]] in (
            [("small", "unreachable"), ("rule", "answered")],
            [("small", "broken"), ("rule", "answered")],
        )
        assert each["hops"][0]["detail"]
        assert each["hops"][0]["ms"] >= 0


@pytest.mark.parametrize("running", [["human", "refuse"]], indirect=True)
def test_where_nobody_can_fail_the_decision_is_no_longer(running: Standing) -> None:
    """People and refusal are no hops to tell of."""
    assert all("hops" not in each for each in running.decisions() + held_back(running))


@pytest.mark.parametrize("running", [[{"river": "logistic", "examples": 1}, "human"]], indirect=True)
def test_what_people_answer_is_learnt(running: Standing, tmp_path: Path) -> None:
    """A held-back request that a person answered is an example; expiry is none, and each counts once."""
    asked = [each for each in held_back(running) if each["route"] == "human"]
    answers = [
        Answer(
            id=each["id"], decision_id=each["decision_id"], time=utc(FIRST), answer=None if k % 2 else "1",
            answered_by="eve", expired=bool(k % 2),
        )
        for k, each in enumerate(asked)
    ]  # fmt: skip
    for _ in range(2):
        running.broker.append(running.topics.answers, [msgspec.json.encode(each) for each in answers], time=FIRST)
        running.drain()
    assert (tmp_path / "learnt-0.jsonl").read_bytes().count(b"\n") == (len(asked) + 1) // 2


@pytest.mark.parametrize("running", [[{"last_good": ["f0"]}, "refuse"]], indirect=True)
def test_the_models_good_answers_are_given_again(running: Standing) -> None:
    """What it answered while it was let through stands in for it where it is held back later."""
    # they share a key, whatever else is in them
    predictions = [each | {"features": each["features"] | {"f0": 5.0}} for each in stream(300, 2)[0]]
    lines = [msgspec.json.encode(each) for each in predictions]
    for start in range(0, len(lines), 100):
        running.feed(lines[start : start + 100], [])
    decisions = running.decisions()
    passed = [place for place, each in enumerate(decisions) if each["route"] == "model"]
    held = [each for each in decisions[200:] if each["route"] != "model"]
    assert passed
    assert passed[0] < 200
    assert held
    good = {each["answer"] for each in decisions if each["route"] == "model"}
    assert {(each["route"], each["answered_by"]) for each in held} == {("fallback", "last good")}
    assert {each["answer"] for each in held} <= good


def test_a_backtest_goes_by_the_rules() -> None:
    """Rules are at hand without anybody to ask; where none fits, the next hop counts."""
    from fallback.answerers.types import AskedRequest

    said = Recorded(configured(route={"chain": [{"rule": RULE["rule"][:1]}, "human"]}))
    requests = [AskedRequest(str(k), "d", "m", "1", {"f0": float(k)}) for k in (1, -1)]
    replies = said.ask(requests, [0.0, 0.0], 0.0)
    assert [(each.route, each.answer, each.answered_by) for each in replies] == [
        ("fallback", "1", "rule"),
        ("human", None, None),
    ]
