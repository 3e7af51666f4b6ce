"""Groups from event to decision: what is counted, judged and routed where events have segments."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import numpy as np

from detectors.groups.fitted import members
from detectors.profile import Profile
from fallback.types import BreakerState
from monitor.building import breaker_policy
from monitor.config import Config
from monitor.group_counts import group_batch, group_events
from monitor.judging.judge import Judge
from monitor.judging.why import explain_transitions, judge_again
from monitor.ledger.standings import standings
from monitor.observing import Paged, Segments
from monitor.summaries import OperatorOrder, Summary, decode_summaries
from tests.monitor.running import SNAPSHOT_EVERY, Run, broker
from tests.monitor.segmented import Stream, fitted, modest, replay, stream
from tests.monitor.streams import FIRST, outcome, prediction
from tests.monitor.streams import configured as plain
from tests.monitor.streams import fitted as plain_profile
from tests.monitor.streams import stream as plain_stream
from tests.monitor.test_judge import equal

BAD_FROM = 2500
REGION_3 = 9
"""Its place among the groups of the profile."""


@cache
def profile() -> Profile:
    """Ten regions and two ages."""
    return fitted(modest(), stream(4000, 0))


@cache
def turned() -> tuple[Stream, Run]:
    """One region of ten goes from 2 % wrong to 30 %."""
    made = stream(6000, 1, bad=("r3",), bad_from=BAD_FROM)
    return made, replay(modest(), profile(), made)


def steps(run: Run) -> list[dict[str, Any]]:
    """Transitions in the ledger."""
    lines = [msgspec.json.decode(line) for line in run.ledger()]
    return [line for line in lines if line["kind"] == "transition"]


def summaries(run: Run) -> list[Summary]:
    """All summaries of a run."""
    read = decode_summaries(run.broker.read(run.topics.summaries, 0, 0, 1_000_000).values)
    return [each for each in read if isinstance(each, Summary)]


def test_counts_by_group_add_up_and_are_what_a_loop_would_count() -> None:
    """Two batches are the sum of each, and every number is that of the events of the group."""
    rng = np.random.default_rng(0)
    bits, rank, passes = rng.integers(0, 8, 90), rng.random(90), rng.random(90) < 0.5
    parts = group_events(bits, 3, rank, passes, np.array([0, 40, 90]))
    whole = group_batch(group_events(bits, 3, rank, passes, np.array([0, 90]))[0], 3)
    one, two = (group_batch(each, 3) for each in parts)
    for name in ("n", "passed", "traffic"):
        assert (getattr(one, name) + getattr(two, name) == getattr(whole, name)).all()
    inside = members(bits, 3)
    assert (whole.n == inside.sum(axis=0)).all()
    assert (whole.passed == inside[passes].sum(axis=0)).all()
    for place in range(3):
        assert (whole.traffic[place] == np.histogram(rank[inside[:, place]], 10, (0, 1))[0]).all()


def test_labels_by_group_add_up_to_those_of_the_version() -> None:
    """Of each name, every event is in one group: labels by stake are the version's, as long as no breaker is open."""
    _, run = turned()
    before = [each for summary in summaries(run)[:20] for each in summary.versions]
    regions = [label.startswith("region=") for label in groups_of(profile())]
    for each in before:
        batch = group_batch(each.groups, len(regions))
        assert batch.n[regions].sum() == each.n
        bits = np.frombuffer(each.scores)
        assert len(batch.bits) == len(bits)
        labelled = sum(np.frombuffer(group.counts, np.int8, offset=1).sum() for group in each.labels)
        assert batch.answers[regions].sum() == labelled
        assert abs(batch.judged[regions].sum() - each.judged) < 1e-9


def groups_of(fitted_profile: Profile) -> tuple[str, ...]:
    """Labels of a profile's groups."""
    assert fitted_profile.fitted.groups is not None
    return fitted_profile.fitted.groups.labels


def test_without_segments_nothing_is_written_of_groups() -> None:
    """No field in summaries, verdicts, decisions or snapshots, and none in the profile."""
    config = plain()
    made = plain_profile(config, 400)
    assert made.fitted.groups is None
    predictions, truth = plain_stream(300, 1)
    run = Run(config, made, broker(config))
    run.drain()
    run.feed([msgspec.json.encode(each) for each in predictions], [outcome(str(i), t) for i, t in enumerate(truth)])
    topics = (run.topics.summaries, run.topics.ledger, run.topics.decisions)
    written = b"".join(b"".join(run.broker.read(topic, 0, 0, 10_000).values) for topic in topics)
    assert b'"groups"' not in written
    assert b"ruled_by" not in written
    assert run.judge.versions["1"].groups is None
    assert not any(isinstance(each, Segments) for each in run.seen)


def test_one_bad_region_of_ten_is_taken_out_and_the_others_go_on_answering() -> None:
    """Its breaker leaves CLOSED within 1,200 events, 120 of its own; the others keep theirs and their acceptance."""
    (events, _), run = turned()
    taken = steps(run)
    assert {step["segment"] for step in taken} == {"region=r3"}
    assert taken[0]["from"] == "closed"
    assert taken[0]["event"] < BAD_FROM + 1_200
    decisions = run.decisions()
    passed = np.array([each["route"] == "model" for each in decisions])
    bad = np.array([each["segment"]["region"] == "r3" for each in events])
    place = np.arange(len(events))
    before, after = place < BAD_FROM, place > taken[0]["event"] + 200
    assert passed[bad & after].mean() < 0.05
    assert passed[~bad & before].mean() - passed[~bad & after].mean() < 0.1
    ruled = [each for each, own in zip(decisions, bad & after, strict=True) if own]
    assert {each["ruled_by"] for each in ruled} == {"region=r3"}
    assert {each["breaker"] for each in ruled} <= {"degraded", "open", "half_open"}
    assert {each["guarantee"] for each in ruled if each["route"] != "model"} == {"none"}
    others = [each for each, own in zip(decisions, ~bad & after, strict=True) if own]
    assert {each["breaker"] for each in others} == {"closed"}
    assert not any("ruled_by" in each for each in others)


def test_its_page_is_one_and_has_a_key_of_its_own() -> None:
    """One page a trip, naming the group."""
    _, run = turned()
    pages = [each for each in run.seen if isinstance(each, Paged)]
    assert len(pages) == 1
    assert "region=r3" in pages[0].summary
    assert pages[0].trip is not None
    assert pages[0].trip.segment == "region=r3"


def test_the_ledger_tells_why_and_its_summaries_bring_it_about_again() -> None:
    """The group's alarm stands before its transition, bears it out, and judging again gives the same bytes."""
    _, run = turned()
    lines = run.ledger()
    told = explain_transitions([msgspec.json.decode(line) for line in lines])
    first = told[0]
    assert first.transition["segment"] == "region=r3"
    assert [each.alarm["segment"] for each in first.alarms] == ["region=r3"]
    assert all(each.holds for each in first.alarms)
    kept = run.broker.read(run.topics.summaries, 0, 0, 1_000_000)
    again = judge_again(
        lines,
        lambda offset: ((at, value) for at, value in zip(kept.offsets, kept.values, strict=True) if at >= offset),
        run.topics.summaries,
        lambda: new_judge(modest()),
        first.transition["seq"],
    )
    assert again.records >= 1


def test_the_ledger_tells_how_a_group_stands_beside_its_version() -> None:
    """From the start and from the last snapshot alike: the version is closed, and one group has a line of its own."""
    _, run = turned()
    lines, policy = run.ledger(), breaker_policy(modest())
    last = max(i for i, line in enumerate(lines) if b'"kind":"snapshot"' in line)
    for told in (lines, lines[last:]):
        whole, group = standings(told, policy, FIRST + 6000)
        assert (whole.segment, whole.state) == ("", "closed")
        assert group.segment == "region=r3"
        assert group.state == run.judge.versions["1"].groups.breakers.records[REGION_3].state.value  # type: ignore[union-attr]  # it has groups
        assert group.guarantee == "none"
        assert group.waits_for


def new_judge(config: Config) -> Judge:
    """A judge that knows nothing."""
    return Judge(config, {"1": profile()}, breaker_policy(config), lambda _seen: None, SNAPSHOT_EVERY)


def test_a_judge_restored_while_a_group_is_open_has_the_same_bits() -> None:
    """All that groups remember is in the snapshot."""
    made, whole = turned()
    events, truth = made
    outcomes = [outcome(str(event["id"]), label) for event, label in zip(events, truth, strict=True)]
    run = Run(modest(), profile(), broker(modest()))
    run.drain()
    for start in range(0, len(events), 100):
        if start in (2600, 3300, 4500):
            state = run.judge.state()
            run.parts.judging.forget()
            run.parts.judging.judge([], FIRST)
            assert equal(run.judge.state(), state)
        run.feed([msgspec.json.encode(each) for each in events[start : start + 100]], outcomes[start : start + 100])
    assert run.ledger() == whole.ledger()


def test_a_group_below_the_least_volume_has_a_bar_of_its_own_and_nothing_else() -> None:
    """With `min_volume` beyond what comes, no breaker moves and no set is its own; but the bad one has its bar."""
    config = modest(breaker={"min_volume": 1_000_000})
    assert config.breaker.min_volume == 1_000_000
    run = replay(config, profile(), stream(4000, 1, bad=("r3",), bad_from=500))
    assert not any("segment" in step for step in steps(run))
    rulings = {each.group: each for each in run.judge.versions["1"].verdict().groups}
    assert {(each.state, each.set_threshold, each.epoch) for each in rulings.values()} == {
        (BreakerState.CLOSED, None, 0)
    }
    assert max(rulings.values(), key=lambda each: each.offset).group == "region=r3"
    assert rulings["region=r3"].offset > 0.3


def test_open_groups_with_too_much_of_the_traffic_are_decided_once_above_them() -> None:
    """Regions turn bad one after the other; at the limit the version takes over, and they rest until it is closed."""
    usual = {"backoff": "3600s", "close_hold": "60s", "warning_hold": "10s", "min_volume": 100}
    config = modest(breaker=usual | {"blast_radius": "25%"})
    made = stream(9000, 3)
    for region, since in (("r0", 1000), ("r1", 3000), ("r2", 5000)):
        other = stream(9000, 3, bad=(region,), bad_from=since, error=0.6)
        mine = [event["segment"]["region"] == region for event in made[0]]
        made = (made[0], [b if own else a for a, b, own in zip(made[1], other[1], mine, strict=True)])
    run = replay(config, profile(), made)
    taken = steps(run)
    above = next(step for step in taken if "segment" not in step)
    assert "segments" in above["reason"]
    assert above["event"] > 5000
    handed = [step for step in taken if step["cause"] == "handed_over"]
    assert {step["segment"] for step in handed} >= {"region=r0", "region=r1"}
    # none of them moves by itself any more
    assert all("segment" not in step or step["cause"] == "handed_over" for step in taken if step["seq"] > above["seq"])
    assert run.judge.versions["1"].verdict().state is not BreakerState.CLOSED
    judge = run.judge.versions["1"].groups
    assert judge is not None
    assert judge.breakers.resting
    assert not judge.breakers.apart.any()


def test_an_operator_opens_and_releases_one_group() -> None:
    """Its requests go elsewhere until the order ends; the others do not notice; an unknown group is refused."""
    config = modest()
    events, truth = stream(600, 5)
    outcomes = [outcome(str(event["id"]), label) for event, label in zip(events, truth, strict=True)]
    run = Run(config, profile(), broker(config))
    run.drain()

    def feed(start: int) -> list[dict[str, Any]]:
        run.feed([msgspec.json.encode(each) for each in events[start : start + 200]], outcomes[start : start + 200])
        return run.decisions()[start : start + 200]

    def order(**fields: Any) -> dict[str, Any]:
        said = OperatorOrder(id=f"o{len(run.ledger())}", actor="ada", **fields)
        run.broker.append(run.topics.summaries, [msgspec.json.encode(said)], time=FIRST)
        run.drain()
        lines = [msgspec.json.decode(line) for line in run.ledger()]
        return next(line for line in reversed(lines) if line["kind"] == "order")

    feed(0)
    assert order(order="open", reason="fraud", seconds=3600.0, segment="region=r1")["refused"] is None
    decided = feed(200)
    mine = [each for each in decided if each["segment"]["region"] == "r1"]
    assert {each["breaker"] for each in mine} == {"forced_open"}
    assert not any(each["route"] == "model" for each in mine)
    assert {each["breaker"] for each in decided if each["segment"]["region"] != "r1"} == {"closed"}
    assert "r99" in order(order="open", reason="fraud", seconds=3600.0, segment="region=r99")["refused"]
    assert order(order="auto", segment="region=r1")["refused"] is None
    assert run.judge.versions["1"].breaker.state is BreakerState.CLOSED
    states = {each.group: each.state for each in run.judge.versions["1"].verdict().groups}
    assert states["region=r1"] is BreakerState.HALF_OPEN


def test_an_event_with_ten_thousand_segment_keys_changes_nothing() -> None:
    """It is decided like any other, and what the judge remembers does not grow."""
    config = modest()
    run = Run(config, profile(), broker(config))
    run.drain()
    before = {name: array.shape for name, array in run.judge.versions["1"].state().items()}
    hostile = []
    for i in range(20):
        event = prediction(str(i), {"a": 0.5, "b": 0.1}, 0.99, FIRST + i)
        keys = {f"k{i}-{k}": "v" * 20 for k in range(10_000 if i == 0 else 3)}
        hostile.append(msgspec.json.encode(event | {"segment": keys | {"region": f"new{i}"}}))
    run.feed(hostile, [])
    assert len(run.decisions()) == 20
    assert all("ruled_by" not in each for each in run.decisions())
    after = run.judge.versions["1"].state()
    assert {k: v for k, v in before.items() if "breaker" not in k and "records" not in k} == {
        k: v.shape for k, v in after.items() if "breaker" not in k and "records" not in k
    }
    assert all(not group_batch(each.groups, 12).n.any() for summary in summaries(run) for each in summary.versions)


def test_verdicts_with_groups_are_read_back_as_they_were_written() -> None:
    """Through JSON, infinite thresholds included."""
    _, run = turned()
    verdict = run.judge.versions["1"].verdict()
    assert verdict.groups
    endless = replace(verdict, groups=(replace(verdict.groups[0], set_threshold=float("inf")), *verdict.groups[1:]))
    for each in (verdict, endless):
        wire = msgspec.json.decode(msgspec.json.encode(each.to_builtins()))
        assert type(each).from_builtins(wire).groups == each.groups
