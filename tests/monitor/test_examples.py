"""Ids of events that fell into the bins that moved: found by the replica, kept by the judge, told to everybody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.profile import Profile
from monitor.backtest import Outputs, backtest, rows_of
from monitor.building import breaker_policy
from monitor.cli import main
from monitor.events import parse_time
from monitor.examples import RecentRows, moved_bins
from monitor.judging.explained import AlarmExamples
from monitor.judging.judge import Judge
from monitor.judging.snapshots import parts_of
from monitor.judging.why import explain_transitions, judge_again
from monitor.ledger.chain import Chain
from monitor.logs import MemoryBroker
from monitor.observing import Alarm, Explained
from monitor.page.draw.moved import moved
from monitor.page.html import element
from monitor.page.status import Board
from monitor.report.moved import _view
from monitor.summaries import MOST_EXPLAINED, Damaged, Example, Examples, decode_summaries
from monitor.topics import Topics
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, raw, stream
from tests.monitor.test_judge import equal

CONFIG = configured()
N, DRIFT_AT = 1500, 700


@pytest.fixture(scope="module")
def profile() -> Profile:
    return fitted(CONFIG)


def records(n: int = N) -> list[bytes]:
    return [msgspec.json.encode(each) for each in stream(n, 1, DRIFT_AT)[0]]


def kinds(run: Run, kind: str) -> list[dict[str, Any]]:
    return [each for line in run.ledger() if (each := msgspec.json.decode(line))["kind"] == kind]


@pytest.fixture
def run(profile: Profile) -> Run:
    """A replica that has seen f3 move."""
    started = Run(CONFIG, profile, broker(CONFIG))
    started.drain()
    for start in range(0, N, 100):
        started.feed(records()[start : start + 100], [])
    return started


def test_examples_of_an_alarm_fell_into_the_bins_that_gained(run: Run, profile: Profile) -> None:
    """Since the change, in the alarm's own bins, at most five, for every view that moved."""
    alarms = {(each["view"], each["event"]): each for each in kinds(run, "alarm")}
    found = [one for each in kinds(run, "examples") for one in each["alarms"]]
    assert {(each["view"], each["event"]) for each in found} == set(alarms)
    of_f3 = next(each for each in found if each["view"] == "f3")
    alarm = alarms["f3", of_f3["event"]]
    edges = profile.fitted.views.ordered.edges[profile.fitted.views.layout().names.index("f3")]
    values = {str(i): each["features"]["f3"] for i, each in enumerate(stream(N, 1, DRIFT_AT)[0])}
    gained = moved_bins(np.array(alarm["before"]), np.array(alarm["now"]))
    assert 1 <= len(of_f3["ids"]) <= 5
    for request in of_f3["ids"]:
        assert parse_time(alarm["since"]) - 100 <= FIRST + int(request) <= FIRST + alarm["event"]
        # the first edge is the least value of the reference
        assert int(np.searchsorted(edges, values[request], side="right")) - 1 in gained


def test_a_backtest_has_them_beside_the_words(profile: Profile) -> None:
    """`why` stays text; harm has none; two runs give the same ledger."""
    predictions, truth = stream(N, 1, DRIFT_AT)
    heads = set()
    for _ in range(2):
        result = backtest(CONFIG, {"1": profile}, rows_of([raw(predictions, truth)]), Outputs())
        heads.add(result["ledger_head"])
        for each in result["alarms"]:
            assert isinstance(each["why"], str)
            assert len(each["examples"]) <= 5
            assert bool(each["examples"]) == (each["level"] == "warning")
            assert all(DRIFT_AT - 200 <= int(request) <= each["event"] for request in each["examples"])
    assert len(heads) == 1


def test_the_judge_is_restored_and_judges_again_with_them_to_the_bit(run: Run, profile: Profile) -> None:
    """They are records of the summaries like any other."""
    state = run.judge.state()
    run.parts.judging.forget()
    run.parts.judging.judge([], FIRST)
    assert equal(run.judge.state(), state)
    summaries = run.broker.read(run.topics.summaries, 0, 0, 1000)
    again = judge_again(
        run.ledger(),
        lambda offset: ((o, v) for o, v in zip(summaries.offsets, summaries.values, strict=True) if o >= offset),
        run.topics.summaries,
        lambda: Judge(CONFIG, {"1": profile}, breaker_policy(CONFIG), lambda _seen, /: None, 7),
        None,
    )
    assert again.records == len(run.ledger())


def test_why_and_the_trip_name_them(run: Run) -> None:
    """With the alarm that came before the transition, and in what is paged."""
    words = [
        line for told in explain_transitions([msgspec.json.decode(x) for x in run.ledger()]) for line in told.words
    ]
    assert any("; for example " in line for line in words)
    trip = run.judge._trips.of("1")
    assert trip is not None
    assert 1 <= len(trip.examples) <= 5


def test_the_judge_keeps_five_ids_of_alarms_that_it_raised_whoever_sends_them() -> None:
    """The first five; none twice, none of an alarm that never was; bounded."""
    known = AlarmExamples()
    alarm = Alarm(time=0.0, event=7, level="warning", view="f", log10_evidence=6.0, why="", version="1")
    known.alarmed(alarm)

    def said(*ids: str, event: int = 7) -> list[list[str]]:
        found = Examples(replica="r", version="1", profile="", alarms=[Example("f", event, list(ids))])
        return [list(each.ids) for each in known.take(found, 0.0)]

    assert said("a", "b", "a") == [["a", "b"]]
    assert said("b") == []
    assert said("x", event=8) == []
    assert said("c", "d", "e", "f") == [["a", "b", "c", "d", "e"]]
    assert said("g") == []
    other = AlarmExamples()
    other.restore(msgspec.json.decode(msgspec.json.encode(known.state())))
    assert other.state() == known.state()
    for event in range(1000):
        known.alarmed(replace(alarm, event=event))
    assert len(known.state()) == 256


def test_of_a_thousand_alarms_at_once_the_first_are_explained_and_push_no_other_out() -> None:
    """Views come in their order, single features first; what replicas look at is what the judge waits for."""
    known = AlarmExamples()
    alarm = Alarm(time=0.0, event=1, level="warning", view="earlier", log10_evidence=6.0, why="", version="1")
    known.alarmed(alarm)
    for i in range(1000):
        known.alarmed(replace(alarm, event=7, view=f"f{i}"))
    assert list(known.state()) == ["1\nearlier\n1", *(f"1\nf{i}\n7" for i in range(MOST_EXPLAINED))]


def test_what_was_found_with_another_profile_is_not_taken(run: Run) -> None:
    """Its bins are others; neither is an alarm looked at whose bins are not ours."""
    alarm = replace(next(each for each in run.seen if isinstance(each, Alarm) and each.view), view="new", event=1)
    run.judge._trips.moved(alarm)
    for profile, told in (("0" * 64, False), (run.judge.digests()["1"], True)):
        found = Examples(replica="r", version="1", profile=profile, alarms=[Example("new", 1, ["a"])])
        lines = run.judge.judge([found], [10_000], run.topics.summaries)
        assert any(b'"kind":"examples"' in line for line in lines) == told
    recent = run.parts.loop._pipeline._recent
    (shown, *_) = [each for each in kinds(run, "alarm") if each["view"] == "f3"]
    assert recent.explain([shown], "r")
    assert recent.explain([{**shown, "before": shown["before"][:-1], "now": shown["now"][:-1]}], "r") == []


def test_a_replica_that_does_not_judge_shows_them(profile: Profile) -> None:
    """As the ledger has them, on its page."""
    shared = MemoryBroker(Topics.of(CONFIG).partitions(2), clock=lambda: FIRST)
    runs = [Run(CONFIG, profile, shared, name) for name in "ab"]
    boards = [Board(model="m", max_error=0.1) for _ in runs]
    for start in range(0, N, 100):
        for i, record in enumerate(records()[start : start + 100]):
            shared.append(runs[0].topics.predictions, [record], partition=i % 2, time=FIRST)
        for _ in range(4):
            for each in runs:
                each.drain()
    for each, board in zip(runs, boards, strict=True):
        for seen in each.seen:
            board(seen)
    judging, other = sorted(zip(runs, boards, strict=True), key=lambda pair: pair[0].parts.judging.judge_now is None)
    assert other[0].parts.judging.judge_now is None
    shown = [{(a.view, a.event): a.examples for a in board.status().alarms} for _, board in (judging, other)]
    assert shown[0] == shown[1]
    assert all(1 <= len(ids) <= 5 for ids in shown[0].values())
    found = [one for line in shared.read(judging[0].topics.summaries, 0, 0, 10_000).values
             if isinstance(one := decode_summaries([line])[0], Examples)]  # fmt: skip
    assert {each.replica for each in found} == {"a", "b"}


def test_the_command_why_names_them(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It keeps their records of the ledger's, and prints no control character of an id."""
    chain, lines = Chain(), []
    for line in run.ledger():
        kind, time, fields = parts_of(line)
        if kind == "examples":
            fields |= {"alarms": [{**each, "ids": ["a\x1b[31m\nb"]} for each in fields["alarms"]]}
        lines.append(chain.append(kind, time, fields))
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(b"".join(line + b"\n" for line in lines))
    told = []
    for command in (["why", str(ledger)], ["show", str(ledger), "--kind", "examples"]):
        with pytest.raises(SystemExit) as ended:
            main(["ledger", *command])
        assert ended.value.code == 0
        told.append(capsys.readouterr().out)
    assert "; for example a [31m b" in told[0]
    assert "\x1b" not in "".join(told)


def test_ids_from_outside_are_cut_and_escaped_on_the_page_and_in_the_report() -> None:
    """An id is a client's text."""
    hostile = "<script>alert(1)</script>" + "x" * 1000
    shares: dict[str, Any] = {"bins": ["a", "b"], "before": [0.5, 0.5], "now": [0.1, 0.9]}
    alarm = Alarm(time=0.0, event=7, level="warning", view="f", log10_evidence=6.0, why="", version="1", **shares)
    board = Board(model="m", max_error=0.1)
    board(alarm)
    board(Explained(time=0.0, version="1", view="f", event=7, ids=[hostile]))
    (shown,) = board.status().alarms
    assert [len(each) for each in shown.examples] == [300]
    report = str(_view(replace(alarm, examples=[hostile]), others=False))
    page = str(element("div", moved(board.status())))
    for drawn in (report, page):
        assert "For example: &lt;script&gt;" in drawn
        assert "<script>" not in drawn


def test_a_word_that_is_too_long_is_damaged_and_stops_nobody() -> None:
    """Six ids, or one of a thousand characters, or too many alarms."""
    fits = {"kind": "examples", "replica": "r", "version": "1", "profile": "", "alarms": [["f", 7, ["a"] * 5]]}
    long = {**fits, "alarms": [["f", 7, ["a"] * 6]]}
    wide = {**fits, "alarms": [["f", 7, ["a" * 1000]]]}
    many = {**fits, "alarms": [["f", 7, ["a"]]] * 65}
    read = decode_summaries([msgspec.json.encode(each) for each in (fits, long, wide, many)])
    assert [isinstance(each, Damaged) for each in read] == [False, True, True, True]


def test_rows_are_remembered_in_bounded_memory(profile: Profile, run: Run) -> None:
    """2,000 of them or 16 MB, of whichever batches; a text counts for what it is."""
    rows = next(iter(run.parts.loop._pipeline._recent._batches)).rows
    ids, part = [str(k) for k in range(len(rows))], [0] * len(rows)
    recent = RecentRows({"1": profile})
    for i in range(100):
        recent.add("1", [float(i)], part, ids, rows)
    assert sum(len(each.rows) for each in recent._batches) <= 2000
    assert len(recent._batches) == 20
    for i in range(100):
        recent.add("1", [float(i)], part, ids, replace(rows, label=["x" * 50_000] * len(rows)))
    assert len(recent._batches) == 3


def test_a_replica_without_rows_says_nothing(profile: Profile, run: Run) -> None:
    """One that has just started, and reads the alarms of last night."""
    assert RecentRows({"1": profile}).explain(kinds(run, "alarm"), "r") == []
