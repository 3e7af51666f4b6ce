"""From a recorded reference to a profile, and from there through a backtest, for every kind of model and file."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.cli import main

_CONFIG = """
model: m
version: "1"
promise: {max_error: 20%, false_pages: 1 per 10000 events}
columns: {outcome: target, COLUMNS}
"""
_KINDS = {
    "probability": "label: y, probability: p",
    "probabilities": 'probability: {"no": p_no, "yes": p_yes}',
    "label": "label: y",
    "value": "value: v",
    "interval": "value: v, lower: lo, upper: hi",
}


def rows(kind: str, n: int, seed: int) -> list[dict[str, Any]]:
    """Flat rows of a model of that kind, with a text and two numbers as features."""
    rng = np.random.default_rng(seed)
    x, city = rng.normal(size=(n, 2)), rng.choice(["ulm", "bonn", "kiel"], n)
    p = 1 / (1 + np.exp(-2 * x[:, 0]))
    truth = rng.random(n) < p
    value = x[:, 0] * 10
    real = value + rng.normal(size=n)
    flat = []
    for i in range(n):
        row: dict[str, Any] = {"age": float(x[i, 0]), "pay": float(x[i, 1]), "city": str(city[i])}
        if kind in {"value", "interval"}:
            row |= {"v": float(value[i]), "target": float(real[i])}
        else:
            row["target"] = ("yes" if truth[i] else "no") if kind == "probabilities" else str(int(truth[i]))
        if kind == "interval":
            row |= {"lo": float(value[i] - 2), "hi": float(value[i] + 2 + abs(x[i, 1]))}
        if kind in {"probability", "label"}:
            row["y"] = str(int(p[i] > 0.5))
        if kind == "probability":
            row["p"] = float(p[i])
        if kind == "probabilities":
            row |= {"p_no": float(1 - p[i]), "p_yes": float(p[i])}
        flat.append(row)
    return flat


def write(path: Path, flat: list[dict[str, Any]]) -> Path:
    """As CSV, JSON lines or Parquet, by the suffix."""
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, flat[0])
            writer.writeheader()
            writer.writerows(flat)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in flat))
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(flat), path)
    return path


def status(*args: str | Path) -> int:
    """Exit status of the command line."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, args)])
    return int(ended.value.code or 0)


def configured(tmp_path: Path, kind: str) -> Path:
    """A configuration of that kind of model."""
    path = tmp_path / "cfg.yaml"
    path.write_text(_CONFIG.replace("COLUMNS", _KINDS[kind]))
    return path


def fit(tmp_path: Path, kind: str, suffix: str = ".csv", n: int = 1200) -> tuple[Path, Path, dict[str, Any]]:
    """Fit; the configuration, the profile and what was printed."""
    config, profile, printed = configured(tmp_path, kind), tmp_path / "m.profile", tmp_path / "fit.json"
    reference = write(tmp_path / f"reference{suffix}", rows(kind, n, 0))
    assert status("fit", "-c", config, "--reference", reference, "--out", profile, "--json", printed) == 0
    return config, profile, json.loads(printed.read_text())


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        *((kind, ".csv") for kind in _KINDS),
        ("probability", ".jsonl"),
        ("probability", ".parquet"),
        ("value", ".parquet"),
    ],
)
def test_fit_then_backtest(kind: str, suffix: str, tmp_path: Path) -> None:
    """Every kind of model from every kind of file: all rows are decided, and the counts of the result agree."""
    config, profile, fitted = fit(tmp_path, kind, suffix)
    assert fitted["rows"] == fitted["labelled"] == 1200
    assert fitted["task"] == ("regression" if kind in {"value", "interval"} else "classification")
    events, out, decisions = write(tmp_path / f"events{suffix}", rows(kind, 500, 1)), tmp_path / "r", tmp_path / "d"
    args = ("-c", config, "--profile", profile, "--events", events, "--json", out, "--decisions", decisions)
    assert status("backtest", *args) == 0
    result = json.loads(out.read_text())
    assert result["events"] == sum(result["routes"].values()) == len(decisions.read_text().splitlines()) == 500
    assert result["always_answering"]["labelled"] == 500
    assert result["profile"] == fitted["profile"]
    assert result["dead_letters"]["n"] == 0
    if kind == "label":
        assert result["routes"]["model"] in {0, 500}
    else:
        assert result["accepted"]["labelled"] == result["routes"]["model"] > 0
    lines = [json.loads(line) for line in decisions.read_text().splitlines()]
    assert all((each["answer"] is None) == (each["route"] != "model") for each in lines)
    if kind != "label":
        wrong = result["accepted"]["errors"] / max(result["accepted"]["labelled"], 1)
        assert result["accepted"]["error_rate"] == pytest.approx(wrong)


@pytest.mark.parametrize("stated", ["list", "logits", "names"])
def test_errors_are_counted_however_the_output_is_stated(stated: str, tmp_path: Path) -> None:
    """A list of probabilities, logits and probabilities by name give the same result, without any label."""
    config, rng = tmp_path / "cfg.yaml", np.random.default_rng(0)
    config.write_text(_CONFIG.replace(", COLUMNS", ""))
    x = rng.normal(size=1500)
    p = 1 / (1 + np.exp(-2 * x))
    truth = rng.random(1500) < p
    lines = []
    for i in range(1500):
        both = [1 - float(p[i]), float(p[i])]
        output = {
            "list": {"probabilities": both},
            "logits": {"logits": [0.0, 2 * float(x[i])]},
            "names": {"probabilities": {"0": both[0], "1": both[1]}},
        }[stated]
        event = {"id": str(i), "features": {"a": float(x[i]), "b": 0.5}, "output": output, "target": str(int(truth[i]))}
        lines.append(json.dumps(event) + "\n")
    reference, events, profile, out = (tmp_path / name for name in ("r.jsonl", "e.jsonl", "m.profile", "out"))
    reference.write_text("".join(lines[:1000]))
    events.write_text("".join(lines[1000:]))
    assert status("fit", "-c", config, "--reference", reference, "--out", profile) == 0
    assert status("backtest", "-c", config, "--profile", profile, "--events", events, "--json", out) == 0
    result = json.loads(out.read_text())
    wrong = int(((p[1000:] > 0.5) != truth[1000:]).sum())
    assert result["always_answering"] == {"labelled": 500, "errors": wrong, "error_rate": wrong / 500}
    assert 0 < result["accepted"]["errors"] < wrong


def test_fit_says_what_is_thin_about_a_reference(tmp_path: Path) -> None:
    """Few rows and no outcomes are said; too few rows are refused with what is needed."""
    _, _, fitted = fit(tmp_path, "probability", n=300)
    assert any("300 rows" in note for note in fitted["notes"])
    config, profile = configured(tmp_path, "probability"), tmp_path / "m.profile"
    unlabelled = [row | {"target": ""} for row in rows("probability", 1200, 0)]
    printed = tmp_path / "fit.json"
    reference = write(tmp_path / "u.csv", unlabelled)
    assert status("fit", "-c", config, "--reference", reference, "--out", profile, "--json", printed) == 0
    told = json.loads(printed.read_text())
    assert told["labelled"] == 0
    assert any("no row has an outcome" in note for note in told["notes"])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda flat: flat[:5], "at least 20"),
        (lambda flat: [{k: v for k, v in row.items() if k != "p"} for row in flat], "p"),
        (lambda flat: [{k: v for k, v in row.items() if k not in {"age", "pay", "city"}} for row in flat], "feature"),
    ],
    ids=["few rows", "no column", "no features"],
)
def test_fit_refuses_what_it_cannot_learn_from(
    spoil: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, no profile, and a message that says what is missing."""
    config, profile = configured(tmp_path, "probability"), tmp_path / "m.profile"
    reference = write(tmp_path / "r.csv", spoil(rows("probability", 200, 0)))
    assert status("fit", "-c", config, "--reference", reference, "--out", profile) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not profile.exists()


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        (lambda _, p: p, None),
        (lambda _, p: 100 * p, "of 300 rows, such as row"),
        (
            lambda i, p: p if i % 3 else "high",
            "no confidence in 100 of 300 rows, such as row 0: a probability is missing, is",
        ),
    ],
    ids=["sound", "percent", "words"],
)
def test_probabilities_that_are_none_are_told(spoilt: Any, told: str | None, tmp_path: Path) -> None:
    """Percent, or words, leave rows without confidence; nothing else would say why so little passes."""
    config, printed = configured(tmp_path, "probability"), tmp_path / "fit.json"
    data = rows("probability", 300, 0)
    for i, row in enumerate(data):
        row["p"] = spoilt(i, row["p"])
    reference = write(tmp_path / "r.csv", data)
    assert status("fit", "-c", config, "--reference", reference, "--out", tmp_path / "m", "--json", printed) == 0
    notes = [each for each in json.loads(printed.read_text())["notes"] if "confidence" in each]
    assert [told in each for each in notes] == ([True] if told else [])


def test_a_reference_of_which_no_event_can_be_read_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first event's fault, and where it is written how they have to be; no traceback."""
    reference = tmp_path / "r.jsonl"
    reference.write_text('{"id": "1", "features": {"a": [1]}}\n{"features": 3}\n')
    config = configured(tmp_path, "probability")
    assert status("fit", "-c", config, "--reference", reference, "--out", tmp_path / "m") == 2
    said = capsys.readouterr().err
    assert "the reference has no readable event; the first, row 0, is refused: " in said
    assert "$.features" in said
    assert "`holdback schema prediction` says how events are written" in said
    assert status("fit", "-c", config, "--reference", reference, "--out", tmp_path / "m", "--json", "-") == 2
    events, profile = tmp_path / "e.jsonl", fit(tmp_path, "probability", n=300)[1]
    events.write_text(reference.read_text())
    assert status("backtest", "-c", config, "--events", events, "--profile", profile) == 0
    assert "dead letters, records that could not be taken: schema 2" in capsys.readouterr().out


def test_a_backtest_without_a_profile_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing passes then, and whoever forgot it hears why; with one there is no such line."""
    config, profile, _ = fit(tmp_path, "probability", n=300)
    events = write(tmp_path / "e.csv", rows("probability", 60, 1))
    assert status("backtest", "-c", config, "--events", events) == 0
    assert "no profile is named, so nothing can pass: `holdback fit` writes one" in capsys.readouterr().out
    assert status("backtest", "-c", config, "--events", events, "--profile", profile) == 0
    assert "no profile" not in capsys.readouterr().out


def test_what_cannot_be_written_or_is_not_there_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2 with the option and what to do, although the recording itself could not be read either."""
    config, nothing, out = configured(tmp_path, "probability"), tmp_path / "no.csv", tmp_path / "nowhere" / "x"
    for option in ("--out", "--json"):
        other = ("--out", tmp_path / "m") if option == "--json" else ()
        assert status("fit", "-c", config, "--reference", nothing, option, out, *other) == 2
        assert f"{option} {str(out)!r}: there is no folder" in capsys.readouterr().err
    for option in ("--json", "--html", "--decisions", "--ledger", "--summaries"):
        assert status("backtest", "-c", config, "--events", nothing, option, out) == 2
        assert f"{option} {str(out)!r}: there is no folder" in capsys.readouterr().err
    assert status("fit", "-c", config, "--reference", nothing, "--out", tmp_path) == 2
    assert "is a folder; name a file in it" in capsys.readouterr().err
    assert status("backtest", "-c", config, "--events", nothing, "--profile", tmp_path / "m.profile") == 2
    assert f"does not exist: `holdback fit -c FILE --reference DATA --out {tmp_path / 'm.profile'}` writes it" in (
        capsys.readouterr().err
    )
    assert status("backtest", "-c", config, "--events", nothing, "--profile", tmp_path) == 2
    assert "cannot be read: Is a directory" in capsys.readouterr().err


def test_a_backtest_repeats_to_the_bit(tmp_path: Path) -> None:
    """The same file twice: the same decisions and the same ledger."""
    config, profile, _ = fit(tmp_path, "probability")
    events, ledgers, decisions = write(tmp_path / "e.csv", rows("probability", 700, 2)), [], []
    for run in "ab":
        ledger, decided = tmp_path / f"l{run}", tmp_path / f"d{run}"
        args = ("-c", config, "--profile", profile, "--events", events, "--ledger", ledger, "--decisions", decided)
        assert status("backtest", *args) == 0
        ledgers.append(ledger.read_bytes())
        decisions.append(decided.read_bytes())
    assert ledgers[0] == ledgers[1]
    assert decisions[0] == decisions[1]
    (tmp_path / "x").write_bytes(ledgers[0])
    assert status("ledger", "verify", tmp_path / "x") == 0
