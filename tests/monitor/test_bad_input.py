"""Whatever comes in ends as a decision with a reason or as a dead letter with its bytes, and the stream goes on."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.profile import Profile
from detectors.profile_bytes import dump
from monitor.backtest import Outputs, backtest, rows_of
from monitor.cli import main
from monitor.config import Config
from monitor.ledger.chain import verify
from monitor.logs import MemoryBroker
from monitor.observing import Counted
from monitor.tables import read_stream
from monitor.topics import Topics
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, outcome, prediction, stream
from tests.monitor.test_why import CONFIG

FEATURES = {f"f{k}": 0.1 for k in range(4)}


@cache
def told() -> tuple[Config, Profile]:
    """A configuration and its profile."""
    return configured(), fitted(configured())


def started() -> Run:
    """A replica that has judged some good events."""
    config, profile = told()
    run = Run(config, profile, broker(config))
    run.drain()
    predictions, truth = stream(600, 5)
    for start in range(0, 600, 100):
        records = [msgspec.json.encode(each | {"id": f"good{each['id']}"}) for each in predictions[start : start + 100]]
        known = [outcome(f"good{i}", truth[i]) for i in range(start, start + 100)]
        run.feed(records, known)
    return run


def good(request: str = "x", **changes: Any) -> dict[str, Any]:
    """A prediction that is sure of itself."""
    return prediction(request, dict(FEATURES), 0.97, FIRST + 700) | changes


def said(record: bytes | dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The decision and the dead letter that a record ends as, amid good ones."""
    run = started()
    data = record if isinstance(record, bytes) else json.dumps(record).encode()
    before, dead = len(run.decisions()), len(run.letters())
    around = [msgspec.json.encode(good(f"around{i}")) for i in range(4)]
    run.feed([*around[:2], data, *around[2:]], [])
    decided, letters = run.decisions()[before:], run.letters()[dead:]
    assert verify(run.ledger()).head == run.judge.head
    assert {f"around{i}" for i in range(4)} <= {each["id"] for each in decided}
    ours = [each for each in decided if not each["id"].startswith("around")]
    assert len(ours) + len(letters) <= 1
    return next(iter(ours), None), next(iter(letters), None)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"", "unreadable"),
        (b"{not json", "unreadable"),
        (b"\xff\xfe\x00", "unreadable"),
        (b'{"id":"x","more":' + b"[" * 100_000, "unreadable"),
        (b"[" * 100_000, "schema"),
        (b"[]", "schema"),
        (b'"text"', "schema"),
        (good(id=""), "schema"),
        (good(id=7), "schema"),
        (good(id="x" * 1000), "schema"),
        (good(features=5), "schema"),
        (good(features={"f0": [1]}), "schema"),
        (good(time="yesterday"), "schema"),
        (good(output={"probabilities": "a lot"}), "schema"),
        (good(features={"f0": "x" * 10_000_000}), "too_large"),
        (b"x" * 10_000_000, "too_large"),
    ],
    ids=lambda each: repr(each)[:40],
)
def test_what_cannot_be_read_is_a_dead_letter(record: bytes | dict[str, Any], reason: str) -> None:
    """Unreadable bytes, wrong types and records of 10 MB: their reason, where they stood, and their bytes."""
    decision, letter = said(record)
    assert decision is None
    assert letter is not None
    assert letter["reason"] == reason
    assert letter["detail"]
    data = record if isinstance(record, bytes) else json.dumps(record).encode()
    assert letter["source"] == {"topic": "m.predictions", "partition": 0, "offset": 602}
    assert b64decode(letter["bytes"]) == data


NAN = float("nan")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (good(output={"label": "1", "probabilities": {"0": 0.5, "1": 0.9}}), "invalid_output"),
        (good(output={"label": "1", "probabilities": {"0": 0.2, "1": 0.8, "2": 0.7}}), "invalid_output"),
        (good(output={"label": "1", "probabilities": {"0": -0.5, "1": 1.5}}), "invalid_output"),
        (good(output={"label": "1", "probabilities": {"a": 1.0}}), "invalid_output"),
        (good(output={"label": "1", "probabilities": [1.0]}), "invalid_output"),
        (good(output={"label": "1", "logits": [1.0, 2.0, 3.0]}), "invalid_output"),
        (good(output={"label": "1", "logits": [0.0, float("inf")]}), "invalid_output"),
        (good(output={}), "no_output"),
        (good(output=None), "no_output"),
        (good(features=[1.0, 2.0]), "invalid_features"),
        (good(features={**FEATURES, "f1": "red"}), "invalid_features"),
        (good(features={"age": 41.0, "income": 2.0}), "invalid_features"),
        (good(version="9"), "no_profile"),
    ],
)
def test_what_does_not_fit_is_held_back_with_its_reason(record: dict[str, Any], reason: str) -> None:
    """No output, features of the wrong kind or of another model, no profile of a version: the model may not answer."""
    decision, letter = said(record)
    assert letter is None
    assert decision is not None
    assert decision["reason"] == reason
    assert decision["route"] != "model"
    assert decision["guarantee"] == "none"
    assert decision["answer"] is None


@pytest.mark.parametrize(
    "record",
    [
        good(features={**FEATURES, "f0": NAN}),
        good(features={**FEATURES, "f0": float("inf")}),
        good(features={**FEATURES, "f0": -float("inf"), "f1": 1e300}),
        good(features={k: v for k, v in FEATURES.items() if k != "f2"}),
        good(features={**FEATURES, "f9": 1.0}),
        good(features={**FEATURES, "f0": None}),
        good(features={}),
        good(features=[0.1, 0.2, 0.3, 0.4]),
        good(output={"probabilities": [0.02, 0.98]}),
        good(output={"logits": [-2.0, 2.0]}),
        good(time="1970-01-01T00:00:00Z"),
        good(time=None),
    ],
)
def test_what_is_odd_but_usable_is_decided(record: dict[str, Any]) -> None:
    """NaN, infinite, missing and new features, lists and logits, a time long ago: views count them, and it goes on."""
    decision, letter = said(record)
    assert letter is None
    assert decision is not None
    assert decision["reason"] not in {"invalid_features", "invalid_output", "no_output"}
    if "output" in record and decision["route"] == "model":
        assert decision["answer"] == "1"


def test_other_models_events_are_skipped_and_counted() -> None:
    """Neither decided nor dead: they are not ours."""
    run = started()
    run.seen.clear()
    before = len(run.decisions())
    run.feed(
        [msgspec.json.encode(good(model="another"))], [msgspec.json.encode({"id": "y", "label": "1", "model": "o"})]
    )
    assert len(run.decisions()) == before
    assert not run.letters()
    assert sum(each.skipped for each in run.seen if isinstance(each, Counted)) == 2


def test_an_id_is_decided_once() -> None:
    """In the same batch, in a later one, and after it was joined: the second is a dead letter, and counted."""
    run = started()
    run.seen.clear()
    record = msgspec.json.encode(good("twice"))
    run.feed([record, record], [])
    run.feed([record], [outcome("twice", "1")])
    run.feed([record, msgspec.json.encode(good("other")), record], [])
    assert [each["id"] for each in run.decisions()].count("twice") == 1
    assert [each["id"] for each in run.decisions()].count("other") == 1
    assert [each["reason"] for each in run.letters()] == ["duplicate"] * 4
    assert all(b64decode(each["bytes"]) == record for each in run.letters())
    assert sum(each.duplicates for each in run.seen if isinstance(each, Counted)) == 4


def test_outcomes_may_come_before_their_prediction_or_without_one() -> None:
    """The early one is joined when its prediction comes; the other is buried in the end; a second one is ignored."""
    run = started()
    run.seen.clear()
    run.feed([], [outcome("early", "0"), outcome("never", "1"), outcome("early", "1")])
    run.feed([msgspec.json.encode(good("early"))], [outcome("early", "1"), b"{", b'{"id": "early"}'])
    run.parts.loop.end()
    joined = [msgspec.json.decode(v) for v in run.broker.read(run.topics.joined, 0, 600, 100).values]
    told = [(each["id"], each["label"], each["what"]) for each in joined]
    assert told == [("early", "0", "early"), ("never", "1", "early"), ("early", "0", "joined")]
    assert Counter(each["reason"] for each in run.letters()) == {"unmatched": 1, "unreadable": 1, "schema": 1}
    counted = [each for each in run.seen if isinstance(each, Counted)]
    assert sum(each.joined for each in counted) == 1
    assert sum(each.unmatched for each in counted) == 1


def test_time_may_run_backwards() -> None:
    """Every event is decided and counted as backward, and the ledger's clock never goes back."""
    run = started()
    run.seen.clear()
    records = [msgspec.json.encode(good(f"b{i}", time=f"2025-12-31T23:{59 - i:02}:00Z")) for i in range(50)]
    run.feed(records, [outcome(f"b{i}", "1") for i in range(50)])
    assert len(run.decisions()) == 650
    assert sum(each.backwards for each in run.seen if isinstance(each, Counted)) == 50
    times = [msgspec.json.decode(line)["time"] for line in run.ledger()]
    assert times == sorted(times)


def test_an_event_keeps_its_position_in_the_stream_whatever_came_before_it() -> None:
    """Dead letters, skipped events and versions without a profile count for the position of an alarm."""
    run = started()
    run.feed([b"{"] * 100 + [msgspec.json.encode(good(f"v{i}", version="9")) for i in range(100)], [])
    assert run.judge.events == 800


_SPOILT = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda features, output: json.dumps(good(features=features, output=output)).encode(),
        st.one_of(
            st.lists(st.floats(), max_size=5),
            st.dictionaries(st.sampled_from(["f0", "f1", "f3", "z"]), st.one_of(st.floats(), st.text(max_size=3))),
        ),
        st.one_of(
            st.none(),
            st.fixed_dictionaries({"probabilities": st.lists(st.floats(), max_size=3)}),
            st.fixed_dictionaries({"logits": st.lists(st.floats(), max_size=3)}),
            st.fixed_dictionaries({"label": st.one_of(st.text(max_size=3), st.integers(), st.floats(), st.booleans())}),
        ),
    ),
)


@settings(max_examples=40)
@given(st.lists(_SPOILT, max_size=12))
def test_nothing_that_comes_in_stops_the_stream(records: list[bytes]) -> None:
    """Every record ends as a decision or as a dead letter, whatever it is."""
    config, profile = told()
    log = MemoryBroker(Topics.of(config).partitions(1), clock=lambda: FIRST)
    run = Run(config, profile, log)
    run.drain()
    run.feed(records, [outcome("x", "1")])
    assert len(run.decisions()) + len(run.letters()) == len(records)


def spoilt_file(path: Path) -> Path:
    """A file of events with everything in it."""
    predictions, truth = stream(1000, 7)
    lines = [json.dumps(each | {"target": t}).encode() for each, t in zip(predictions, truth, strict=True)]
    lines[10] = b"{broken"
    lines[20] = json.dumps(predictions[19] | {"target": "1"}).encode()
    lines[30] = json.dumps(predictions[30] | {"features": {**FEATURES, "f0": NAN}}).encode()
    lines[40] = json.dumps(predictions[40] | {"output": {"label": "1", "probabilities": {"0": 3, "1": 4}}}).encode()
    lines[50] = json.dumps(predictions[50] | {"time": "2001-01-01T00:00:00Z"}).encode()
    lines[60] = json.dumps(predictions[60] | {"version": "9"}).encode()
    lines[70] = b'{"id":"big","features":{"f0":"' + b"x" * 10_000_000 + b'"}}'
    lines[80] = json.dumps(predictions[80] | {"id": 5}).encode()
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_a_backtest_goes_through_all_of_it(tmp_path: Path) -> None:
    """Each row of the file is a decision or a dead letter, in the result's counts and in the files."""
    config, profile = told()
    decisions = BytesIO()
    rows = rows_of(read_stream(spoilt_file(tmp_path / "events.jsonl"), config, labels=profile.classes, categorical=()))
    result = backtest(config, {"1": profile}, rows, Outputs(decisions=decisions))
    assert result["events"] == 1000
    assert result["dead_letters"]["reasons"] == {"unreadable": 1, "duplicate": 1, "too_large": 1, "schema": 1}
    assert sum(result["routes"].values()) == 996
    reasons = {each["id"]: each["reason"] for each in map(json.loads, decisions.getvalue().splitlines())}
    assert reasons["40"] == "invalid_output"
    assert reasons["60"] == "no_profile"


def status(*args: str | Path) -> int:
    """Exit status of the command line."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, args)])
    return int(ended.value.code or 0)


@pytest.mark.parametrize("what", ["config", "profile", "other model", "no events", "empty", "no profile"])
def test_what_cannot_work_at_all_ends_with_status_2_and_what_to_do(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken configuration or profile, another model's profile, and a file that is missing or empty."""
    config, profile, events = tmp_path / "cfg.yaml", tmp_path / "m.profile", tmp_path / "events.jsonl"
    config.write_text(CONFIG)
    data = dump(told()[1])[0]
    profile.write_bytes(data)
    events.write_bytes(json.dumps(good()).encode() + b"\n")
    spoil: dict[str, Callable[[], object]] = {
        "config": lambda: config.write_text(CONFIG.replace("20%", "a lot")),
        "profile": lambda: profile.write_bytes(data[: len(data) // 2]),
        "other model": lambda: config.write_text(CONFIG.replace("model: m", "model: other")),
        "no events": events.unlink,
        "empty": lambda: events.write_bytes(b""),
        "no profile": profile.unlink,
    }
    expected = {
        "config": "promise.max_error",
        "profile": "m.profile",
        "other model": "fit it again",
        "no events": "does not exist",
        "empty": "is empty",
        "no profile": "m.profile",
    }
    spoil[what]()
    assert status("backtest", "-c", config, "--profile", profile, "--events", events) == 2
    told_of = capsys.readouterr().err
    assert expected[what] in told_of
    assert "Traceback" not in told_of


def test_arrays_are_finite_where_they_must_be() -> None:
    """Thresholds in decisions stay numbers after all of this."""
    run = started()
    bars = [each["threshold"] for each in run.decisions()]
    assert np.isfinite([each for each in bars if each is not None]).all()
