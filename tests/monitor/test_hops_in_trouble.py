"""Whatever a fallback does, each request is decided: by the next hop, in time, with what went wrong in the decision."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from detectors.profile import Profile
from tests.monitor.streams import configured, fitted
from tests.monitor.test_hops import RULE, Standing, held_back
from tests.real.inference import Server, serving

PATH = "v2/models/small/infer"
LONGEST_DETAIL = 200


@pytest.fixture(scope="module")
def profile() -> Profile:
    return fitted(configured())


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.mark.parametrize(
    ("behaviour", "outcome", "says"),
    [
        ("slow", "timeout", "no answer in 0.2 s"),
        ("trickles", "timeout", "no answer in 0.2 s"),
        ("hangs-up", "refused", "broke off"),
        ("500", "refused", "answered 500"),
        ("400", "refused", "answered 400"),
        ("redirected", "refused", "answered 307"),
        ("nonsense", "nonsense", "not an Open Inference response"),
        ("page", "nonsense", "not an Open Inference response"),
        ("two", "nonsense", "2 values: one answer"),
        ("nested", "nonsense", "a label or a finite number"),
        ("nan", "nonsense", "not an Open Inference response"),
        ("infinite", "nonsense", "not an Open Inference response"),
        ("megabytes", "nonsense", "more than 1048576 bytes"),
        ("long-label", "nonsense", "1000000 characters"),
        ("another", "nonsense", "an answer of model 'large' came for 'small'"),
    ],
)
def test_what_goes_wrong_is_in_the_decision_and_the_next_hop_answers(
    behaviour: str, outcome: str, says: str, server: Server, profile: Profile
) -> None:
    """Slow, down or answering nonsense: the rule answers, and the hop's own word is told, cut to a line."""
    timeout = "200ms" if outcome == "timeout" else "10s"
    hop = {"http": server.url(f"{behaviour}/{PATH}"), "name": "small", "timeout": timeout}
    run = Standing(configured(route={"chain": [hop, RULE, "refuse"], "deadline": "20s"}), profile)
    try:
        decisions = held_back(run)
    finally:
        run.parts.close()
        run.people.close()
    assert decisions
    asked = 0
    for each in decisions:
        assert (each["route"], each["answered_by"]) == ("fallback", "rule")
        assert each["answer"] in ("0", "1")
        first, second = each["hops"]
        assert (first["name"], second["name"], second["outcome"]) == ("small", "rule", "answered")
        assert len(first["detail"]) <= LONGEST_DETAIL
        if first["outcome"] in ("broken", "full"):
            # after some failures it is left alone; a request about which it complained is no failure
            continue
        asked += 1
        assert (first["outcome"], says in first["detail"]) == (outcome, True), first
    assert asked
    assert behaviour != "redirected" or len(server.seen) == asked, "nobody else is asked in its place"


@pytest.mark.parametrize(("behaviour", "answer"), [("named", "1"), ("ok", "yes")])
def test_who_answers_well_is_taken_at_its_word(behaviour: str, answer: str, server: Server, profile: Profile) -> None:
    """A server that puts its own word behind the model's name, or says no name at all, is the one that was asked."""
    hop = {"http": server.url(f"{behaviour}/{PATH}"), "name": "small", "timeout": "10s"}
    run = Standing(configured(route={"chain": [hop, "refuse"], "deadline": "20s"}), profile)
    try:
        decisions = held_back(run)
    finally:
        run.parts.close()
        run.people.close()
    assert {(each["answered_by"], str(each["answer"])) for each in decisions} == {("small", answer)}
    assert msgspec.json.encode(decisions)
