from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cli import main
from monitor.config import Config, load_config


def init(*args: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["init", *map(str, args)])
    return int(ended.value.code or 0)


def started(folder: Path, sample: str, name: str = "events.csv") -> Config:
    (folder / name).write_text(sample)
    assert init(folder) == 0
    return load_config(folder / "holdback.yaml", {})


def test_the_starter_is_a_configuration_without_faults(tmp_path: Path) -> None:
    """Usual column names are recognised; the rest are features."""
    config = started(tmp_path, "ts,age,colour: of car,y_pred,Y_PRED_PROBA,target\n2026-01-01,3,red,1,.9,1\n")
    c = config.columns
    assert (c.time, c.label, c.probability, c.outcome) == ("ts", "y_pred", "Y_PRED_PROBA", "target")
    assert c.features == ["age", "colour: of car"]


def test_many_fractions_are_a_regression(tmp_path: Path) -> None:
    """A prediction with many different fractions is a value, not a label; whole numbers are labels."""
    rows = "\n".join(f"{i},{i / 7},{i}" for i in range(50))
    assert started(tmp_path, f"x,prediction,actual\n{rows}\n").columns.value == "prediction"


def test_events_that_name_their_features_need_no_columns(tmp_path: Path) -> None:
    """JSON lines in the form of the wire are read as they are."""
    config = started(tmp_path, '{"id": "a", "features": {"x": 1}}\n', "events.jsonl")
    assert config.columns == Config(model="m", promise=config.promise).columns


def test_nothing_is_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run is refused, unless --force."""
    started(tmp_path, "a,target\n1,1\n")
    assert init(tmp_path) == 2
    assert "--force" in capsys.readouterr().err
    assert init(tmp_path, "--force") == 0


@pytest.mark.parametrize("sample", ["", "a,b\n", "{\n", '{"a": 1}\n[]\n', "\x00\x00"])
def test_an_unusable_sample_is_exit_status_2(tmp_path: Path, sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says what was wrong, and nothing is written."""
    (tmp_path / "e.csv").write_text(sample)
    assert init(tmp_path) == 2
    assert "sample" in capsys.readouterr().err
    assert not (tmp_path / "holdback.yaml").exists()


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_told(tmp_path: Path, separator: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A table that was saved with semicolons is not one long feature."""
    (tmp_path / "e.csv").write_text(f"a{separator}y_pred{separator}target\n1{separator}1{separator}1\n")
    assert init(tmp_path) == 2
    err = capsys.readouterr().err
    assert "has one column" in err
    assert "write it with commas" in err


def test_files_among_which_to_choose_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of many the first few; where there are none, nothing is named."""
    assert init(tmp_path) == 2
    assert "not one; name it with --events" in capsys.readouterr().err
    for i in range(7):
        (tmp_path / f"{i}.csv").write_text("a\n1\n")
    assert init(tmp_path) == 2
    assert "not one ('0.csv', '1.csv', '2.csv', '3.csv', '4.csv', ...)" in capsys.readouterr().err


def test_no_sample_or_several_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which file is meant must be clear; bytes that are no text are refused."""
    assert init(tmp_path / "nowhere") == 2
    assert "--events" in capsys.readouterr().err
    (tmp_path / "b.bin").write_bytes(b"\xff\xfe")
    assert init(tmp_path, "--events", tmp_path / "b.bin") == 2
    assert "save it as UTF-8" in capsys.readouterr().err
    assert init(tmp_path, "--events", tmp_path / "missing") == 2
    assert init(tmp_path, "--events", tmp_path / "b.bin", "--model", "a b") == 2
