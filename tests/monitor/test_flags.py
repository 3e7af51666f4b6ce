"""Users' reports of harm, from the topic of outcomes to the breaker."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.backtest import backtest, rows_of
from monitor.building import breaker_policy
from monitor.fit.fitting import fit_profile
from monitor.joins.rebuilding import refill
from monitor.joins.records import Flagging
from monitor.joins.store import JoinStore
from monitor.judging.judge import Judge
from monitor.judging.why import judge_again
from monitor.ledger.standings import standings
from monitor.observing import Patched
from monitor.summaries import Summary, decode_summaries
from monitor.tables import read_stream
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, outcome, stream
from tests.monitor.test_joins import pending
from tests.monitor.test_judge import equal

CONFIG = configured(breaker={"close_hold": "60s", "warning_hold": "10s", "backoff": "60s"})


@pytest.fixture(scope="module")
def profile() -> Any:
    return fitted(CONFIG)


@pytest.fixture
def run(profile: Any) -> Run:
    started = Run(CONFIG, profile, broker(CONFIG))
    started.drain()
    return started


def flag(request: str, by: str | None = None, **more: Any) -> bytes:
    """The record of a report."""
    named = {} if by is None else {"by": by}
    return msgspec.json.encode({"id": request, "source": "flag", "harmful": True} | named | more)


def feed(run: Run, start: int, stop: int, flags: dict[int, list[bytes]]) -> None:
    """Rows of the undisturbed stream, with their truth, and flags that come with the batch that begins at a row."""
    predictions, truth = stream(4000, 1)
    for at in range(start, stop, 100):
        rows = range(at, at + 100)
        records = [msgspec.json.encode(predictions[i]) for i in rows]
        run.feed(records, [*(outcome(str(i), truth[i]) for i in rows), *flags.get(at, [])])


def kinds(run: Run, kind: str) -> list[dict[str, Any]]:
    return [each for line in run.ledger() if (each := msgspec.json.decode(line))["kind"] == kind]


def counts(run: Run) -> tuple[dict[int, int], int]:
    """Flagged answers, by hours, and different users as they travelled."""
    read = decode_summaries(run.broker.read(run.topics.summaries, 0, 0, 1_000_000).values)
    found = [each for summary in read if isinstance(summary, Summary) for each in summary.versions]
    return {h: n for each in found for h, n in each.flagged.items()}, len({f for each in found for f in each.flaggers})


def test_ten_users_degrade_the_breaker_and_only_a_person_closes_it(run: Run) -> None:
    """The tenth fires, in words; hours of quiet close nothing; `accept` does; the ledger and the page say so."""
    nine = [flag(str(i), f"user {i}") for i in range(9)]
    feed(run, 0, 300, {200: [*nine, *nine]})
    assert kinds(run, "transition") == []
    feed(run, 300, 400, {300: [flag("250", "user 9")]})
    (alarm,) = [each for each in kinds(run, "alarm") if each["view"] == "flags by users"]
    assert "10 different users flagged answers within 60 min" in alarm["why"]
    assert alarm["rule"] is True
    assert alarm["level"] == "page"
    (step,) = kinds(run, "transition")
    assert (step["to"], step["cause"], step["page"]) == ("degraded", "harm", "page")
    feed(run, 400, 3000, {})
    assert run.judge.versions["1"].breaker.ack_needed
    assert len(kinds(run, "transition")) == 1
    (standing,) = standings(run.ledger(), breaker_policy(CONFIG), FIRST + 3000)
    assert "a person has to say that the cause is gone" in standing.waits_for
    order = {"kind": "order", "id": "1", "order": "accept", "actor": "ada", "reason": "seen to"}
    run.broker.append(run.topics.summaries, [msgspec.json.encode(order)], time=FIRST)
    run.drain()
    assert kinds(run, "transition")[-1]["to"] == "closed"
    feed(run, 3000, 3100, {})
    (episode,), (end,) = kinds(run, "episode"), kinds(run, "patched")
    assert episode["since"] == FIRST + 299
    assert (end["first"], end["how"], end["since"], end["seconds"]) == ("flag", "accepted", FIRST + 299, 2700.0)
    assert [each.how for each in run.seen if isinstance(each, Patched)] == ["accepted"]


def test_a_flag_is_no_label_and_a_repeated_one_nothing(run: Run) -> None:
    """One user a thousand times is one user and one flagged answer; the truth that comes later is the first outcome."""
    labelled = [flag("7", "ada", label="1")] * 1000
    run.feed([msgspec.json.encode(each) for each in stream(100, 1)[0]], labelled)
    assert counts(run) == ({0: 1}, 1)
    found = run.broker.read(run.topics.joined, 0, 0, 1000).values
    assert [msgspec.json.decode(each)["what"] for each in found] == ["flagged"]
    assert b"ada" not in b"".join(run.broker.read(run.topics.summaries, 0, 0, 1000).values + found)
    run.feed([], [outcome("7", "0")])
    assert msgspec.json.decode(run.broker.read(run.topics.joined, 0, 0, 1000).values[-1])["what"] == "joined"


def test_flags_of_unknown_ids_are_unmatched_and_kept(run: Run) -> None:
    """Counted as unmatched outcomes are, with their bytes; nothing of them reaches the judge."""
    unknown = [flag(f"no {i}", f"user {i}") for i in range(500)]
    run.feed([msgspec.json.encode(each) for each in stream(100, 1)[0]], unknown)
    letters = run.letters()
    assert {each["reason"] for each in letters} == {"unmatched"}
    assert len(letters) == 500
    assert counts(run) == ({}, 0)
    assert kinds(run, "alarm") == []


def test_a_flood_of_users_on_one_answer_is_one_flagged_answer_and_one_alarm(run: Run) -> None:
    """Twenty thousand of them: summaries of a hundred each, one alarm, and a state that has not grown."""
    run.feed([msgspec.json.encode(each) for each in stream(100, 1)[0]], [])
    before = len(run.judge.versions["1"].state()["more.users.users"])
    run.feed([], [flag("7", f"user {i}") for i in range(20_000)])
    assert counts(run) == ({0: 1}, 20_000)
    assert len(kinds(run, "alarm")) == 1
    assert len(run.judge.versions["1"].state()["more.users.users"]) < before + 600
    longest = max(len(each) for each in run.broker.read(run.topics.summaries, 0, 0, 1_000_000).values)
    assert longest < 20_000


def test_a_report_of_no_harm_and_one_of_another_model_count_for_nothing(run: Run) -> None:
    """`harmful: false` is a user who is content."""
    records = [msgspec.json.encode(each) for each in stream(100, 1)[0]]
    run.feed(records, [flag("1", "ada", harmful=False), flag("2", "ada", model="other")])
    assert counts(run) == ({}, 0)


def test_a_judge_restored_at_any_point_has_the_same_bits_with_flags(profile: Any) -> None:
    """Cut between flags, while some are few and once the rule has fired: state and ledger are the same."""
    flags = {at: [flag(str(at - k), f"user {at} {k}") for k in range(1, 4)] for at in range(100, 1200, 100)}
    whole = Run(CONFIG, profile, broker(CONFIG))
    whole.drain()
    feed(whole, 0, 1200, flags)
    assert [each["view"] for each in kinds(whole, "alarm")] == ["flags by users"]
    for cut in range(200, 1200, 300):
        part = Run(CONFIG, profile, broker(CONFIG))
        part.drain()
        feed(part, 0, cut, flags)
        state = part.judge.state()
        part.parts.judging.forget()
        part.parts.judging.judge([], FIRST)
        assert equal(part.judge.state(), state)
        feed(part, cut, 1200, flags)
        assert part.ledger() == whole.ledger()


def test_whoever_takes_over_knows_who_flagged_what(run: Run, profile: Any) -> None:
    """A store that is filled from the topics tells the same flags from new ones."""
    feed(run, 0, 100, {0: [flag("7", "ada"), flag("8", "bob")]})
    known = [Flagging(each["id"], each["who"], FIRST) for each in _joined(run) if each["what"] == "flagged"]
    assert [each.id for each in known] == ["7", "8"]
    with closing(JoinStore(expire=1e9)) as store:
        refill(run.log, run.topics, 0, store, {"1": profile}, 0.0, 1000)
        told = store.flag([*known, known[0]._replace(who="somebody else"), known[0]._replace(id="9")])
        assert [(each.first, each.again) for each in told] == [
            (False, True),
            (False, True),
            (False, False),
            (True, False),
        ]


def test_the_store_remembers_so_many_pairs_and_no_longer_than_their_decision() -> None:
    """Beyond its capacity the oldest are let go; those that expire, too."""
    with closing(JoinStore(capacity=10, expire=50.0)) as store:
        store.add([pending(str(i), float(i)) for i in range(3)])
        flags = [Flagging("1", f"u{i}", float(i)) for i in range(12)]
        assert [each.again for each in store.flag(flags)] == [False] * 12
        assert [each.again for each in store.flag([flags[0], flags[-1]])] == [False, True]
        store.expire(60.5)
        assert [each.pending is None for each in store.flag([Flagging("1", "u11", 61.0)])] == [True]


def test_a_turn_that_was_not_written_takes_its_flags_back() -> None:
    """As it does everything else."""
    with closing(JoinStore(capacity=10, expire=50.0)) as store:
        store.add([pending("1")])
        store.begin()
        assert store.flag([Flagging("1", "u", 0.0)])[0].first
        store.rollback()
        assert store.flag([Flagging("1", "u", 0.0)])[0].first


def _joined(run: Run) -> list[dict[str, Any]]:
    return [msgspec.json.decode(each) for each in run.broker.read(run.topics.joined, 0, 0, 100_000).values]


def test_a_column_of_flags_in_a_backtest_raises_the_alarm(profile: Any, tmp_path: Path) -> None:
    """Ten names in a CSV; the column is no feature, and `fit` may do without it."""
    config = configured(columns={"outcome": "target", "label": "said", "probability": "p", "flag": "flagged"})
    predictions, truth = stream(1000, 1)
    lines = ["f0,f1,f2,f3,said,p,target,flagged"]
    for i, (each, label) in enumerate(zip(predictions, truth, strict=True)):
        said = each["output"]
        cells = [*each["features"].values(), said["label"], said["probabilities"]["1"], label]
        lines.append(",".join([*map(str, cells), f"user {i}" if 300 <= i < 310 else "0"]))
    flagged, plain = tmp_path / "events.csv", tmp_path / "reference.csv"
    flagged.write_text("\n".join(lines))
    plain.write_text("\n".join(line.rpartition(",")[0] for line in lines))
    fitted_here = fit_profile(read_stream(plain, config), config).profile
    rows = rows_of(read_stream(flagged, config, labels=fitted_here.classes, categorical=()))
    result = backtest(config, {"1": fitted_here}, rows)
    assert "flagged" not in fitted_here.fitted.views.layout().names
    assert [(each["view"], each["level"]) for each in result["alarms"]] == [("flags by users", "page")]


def test_a_sidecar_with_a_new_profile_says_what_it_ended(run: Run, profile: Any) -> None:
    """In the record that begins its promise, which is judged again to the same bytes."""
    feed(run, 0, 300, {200: [flag(str(i), f"user {i}") for i in range(10)]})
    assert len(kinds(run, "episode")) == 1
    run.parts.close()
    new = fitted(CONFIG, seed=5)
    assert new.digest != profile.digest
    run.log.close()
    after = Run(CONFIG, new, run.broker, "s")
    after.drain()
    feed(after, 300, 400, {})
    (start,) = [each for each in kinds(after, "start") if "patched" in each]
    assert [(each["how"], each["first"]) for each in start["patched"]] == [("new profile", "flag")]
    summaries = after.broker.read(after.topics.summaries, 0, 0, 1000)
    again = judge_again(
        after.ledger(),
        lambda offset: ((o, v) for o, v in zip(summaries.offsets, summaries.values, strict=True) if o >= offset),
        after.topics.summaries,
        lambda: Judge(CONFIG, {"1": new}, breaker_policy(CONFIG), lambda _seen, /: None, 7),
        None,
        start["offset"],
    )
    assert again.records == len(after.ledger()) - start["seq"]
