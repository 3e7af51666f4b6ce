"""Why the breaker moved: in words, from the counts, and judged again."""

from __future__ import annotations

import json
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.profile_bytes import dump
from monitor.backtest import Outputs, backtest, rows_of
from monitor.building import breaker_policy
from monitor.cli import main
from monitor.errors import CheckFailed, UsageError
from monitor.fit.fitting import load_profiles
from monitor.judging.judge import Judge
from monitor.judging.snapshots import parts_of
from monitor.judging.why import derive, explain_transitions, judge_again
from monitor.ledger.chain import GENESIS, Chain
from monitor.topics import Topics
from tests.monitor.streams import configured, fitted, raw, stream

SNAPSHOT_EVERY = 7
CONFIG = """
model: m
version: "1"
promise: {max_error: 20%, false_pages: 1 per 10000 events, audit: 10%}
outcomes: {delay: 50}
columns: {outcome: target}
breaker: {backoff: 60s, close_hold: 60s, warning_hold: 10s}
"""


@cache
def run(snapshot_every: int | None = SNAPSHOT_EVERY) -> tuple[list[bytes], list[bytes]]:
    """Ledger and summaries of a stream in which much happens."""
    config = configured()
    ledger, summaries = BytesIO(), BytesIO()
    rows = rows_of([raw(*stream(3000, 1, 1500))])
    outputs = Outputs(ledger=ledger, summaries=summaries)
    backtest(config, {"1": fitted(config)}, rows, outputs, snapshot_every=snapshot_every)
    return ledger.getvalue().splitlines(), summaries.getvalue().splitlines()


def decoded(lines: list[bytes]) -> list[dict[str, Any]]:
    """The records of a ledger."""
    return [msgspec.json.decode(line) for line in lines]


def new_judge() -> Judge:
    """A judge that knows nothing yet."""
    config = configured()
    return Judge(config, {"1": fitted(config)}, breaker_policy(config), lambda _seen, /: None, SNAPSHOT_EVERY)


def again(lines: list[bytes], summaries: list[bytes], seq: int | None) -> int:
    """Judge again; how many summaries it took."""
    topic = Topics.of(configured()).summaries
    return judge_again(lines, lambda first: enumerate(summaries[first:], first), topic, new_judge, seq).summaries


def test_every_transition_is_told_with_the_alarms_before_it() -> None:
    """When, from and to what, why, and which counts spoke."""
    explained = explain_transitions(decoded(run()[0]))
    assert explained
    with_alarms = [each for each in explained if each.alarms]
    assert with_alarms
    words = "\n".join(line for each in with_alarms for line in each.words)
    assert "->" in words
    assert "bear it out" in words
    assert "in a single step" in words


def test_the_counts_in_the_ledger_bear_its_alarms_out() -> None:
    """Warnings by features and pages by errors alike, and not once the counts are tampered with.

    Of warnings those that are clear of the level: what has just reached it batch by batch may fail to in one step, for
    the counts since the estimated change hold some from before it.
    """
    alarms = [each for each in decoded(run()[0]) if each["kind"] == "alarm"]
    warnings = [each for each in alarms if "before" in each and each["log10_evidence"] >= 8]
    harms = [each for each in alarms if "tolerated" in each and each["view"] != "error by confidence"]
    assert warnings
    assert harms
    for each in (*warnings, *harms):
        assert derive(each).holds, derive(each).words
    assert not derive(warnings[0] | {"now": warnings[0]["before"]}).holds
    assert not derive(harms[0] | {"wrong": 0}).holds


def test_one_transition_can_be_asked_for_and_another_record_is_refused() -> None:
    """`--seq` names a transition; for anything else the message lists those that there are."""
    records = decoded(run()[0])
    seqs = [each["seq"] for each in records if each["kind"] == "transition"]
    assert [each.transition["seq"] for each in explain_transitions(records, seqs[-1])] == seqs[-1:]
    with pytest.raises(UsageError, match=f"record 0 is no transition.*{seqs[0]}"):
        explain_transitions(records, 0)


def test_judging_again_gives_the_same_bytes_from_every_base() -> None:
    """Whole, and up to each record: at most seven summaries are needed from the last snapshot on."""
    lines, summaries = run()
    assert again(lines, summaries, None) == len(summaries) or again(lines, summaries, None) > 0
    for seq in range(0, len(lines), 5):
        assert again(lines, summaries, seq) <= SNAPSHOT_EVERY


def test_a_ledger_that_says_otherwise_is_found_out() -> None:
    """A record that was changed and the chain mended after it does not follow from the summaries."""
    lines, summaries = run()
    records = decoded(lines)
    at = next(i for i, each in enumerate(records) if each["kind"] == "transition")
    chain = Chain.resume(lines[at - 1])
    kind, time, fields = parts_of(lines[at])
    forged = [*lines[:at], chain.append(kind, time, fields | {"reason": "nothing to see here"})]
    assert chain.head != GENESIS
    with pytest.raises(CheckFailed, match=f"record {at} .*differs in reason"):
        again(forged, summaries, at)
    with pytest.raises(CheckFailed, match="they end before it"):
        again(lines, summaries[:3], None)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A run's ledger, summaries, configuration and profile on disk."""
    lines, summaries = run(None)
    (tmp_path / "cfg.yaml").write_text(CONFIG)
    (tmp_path / "m.profile").write_bytes(dump(fitted(configured()))[0])
    (tmp_path / "run.ledger").write_bytes(b"".join(line + b"\n" for line in lines))
    (tmp_path / "run.summaries").write_bytes(b"".join(line + b"\n" for line in summaries))
    assert load_profiles(configured(), tmp_path / "m.profile")["1"].digest == fitted(configured()).digest
    return tmp_path


def status(*args: str | Path) -> int:
    """Exit status of `holdback ledger why`."""
    with pytest.raises(SystemExit) as ended:
        main(["ledger", "why", *map(str, args)])
    return int(ended.value.code or 0)


def test_the_command_tells_why_and_judges_again(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words alone without the summaries; with them the very same record, or exit status 3."""
    ledger, summaries, config, profile = (files / n for n in ("run.ledger", "run.summaries", "cfg.yaml", "m.profile"))
    assert status(ledger) == 0
    assert "->" in capsys.readouterr().out
    assert status(ledger, "--summaries", summaries, "-c", config, "--profile", profile, "--json", "-") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["again"]["records"] == len(run(None)[0])
    seq = result["transitions"][0]["transition"]["seq"]
    assert status(ledger, "--seq", str(seq), "--summaries", summaries, "-c", config, "--profile", profile) == 0
    assert f"record {seq}" in capsys.readouterr().out
    config.write_text(CONFIG.replace("20%", "19%"))
    assert status(ledger, "--summaries", summaries, "-c", config, "--profile", profile) == 3
    assert "does not follow from the summaries" in capsys.readouterr().err


def test_the_command_says_what_is_missing(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Summaries without a configuration, a record that is not there, a ledger that is broken."""
    ledger, summaries = files / "run.ledger", files / "run.summaries"
    assert status(ledger, "--summaries", summaries) == 2
    assert "-c CFG" in capsys.readouterr().err
    assert status(ledger, "--seq", "99999") == 2
    ledger.write_bytes(ledger.read_bytes().replace(b"error", b"terror", 1))
    assert status(ledger) == 3


def test_what_is_no_longer_kept_is_not_judged_again() -> None:
    """It begins at the first base whose summaries are all there; a record that needs older ones is refused."""
    lines, summaries = run()
    topic, records = Topics.of(configured()).summaries, decoded(lines)
    snapshots = [i for i, each in enumerate(records) if each["kind"] == "snapshot"]
    kept = records[snapshots[1]]["offset"]

    def since(first: int) -> list[tuple[int, bytes]]:
        return list(enumerate(summaries))[max(first, kept) :]

    again = judge_again(lines, since, topic, new_judge, None, kept)
    assert (again.base, again.records) == (snapshots[1], len(lines) - snapshots[1])
    with pytest.raises(UsageError, match=f"kept from offset {kept} on"):
        judge_again(lines, since, topic, new_judge, snapshots[0] + 1, kept)
