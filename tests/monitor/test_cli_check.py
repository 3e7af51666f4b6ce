from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.cli import COMMANDS, main

GOOD = "model: m\npromise: {max_error: 2%, false_pages: 1 per 90d}\n"


def run(args: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(args)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "c.yaml"


def test_a_good_configuration_has_no_faults(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, and a line that says so."""
    config.write_text(GOOD)
    status, out, err = run(["check", "-c", str(config)], capsys)
    assert (status, err) == (0, "")
    assert "no faults" in out


def test_a_broken_configuration_is_told_every_fault(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, each fault with its path on standard error, and no traceback."""
    config.write_text("promise: {max_error: -3%, false_pages: often}\nkafcka: {}\n")
    status, out, err = run(["check", "-c", str(config)], capsys)
    assert (status, out) == (2, "")
    assert all(
        word in err
        for word in ("promise.max_error", "promise.false_pages", "kafcka", "did you mean `kafka`", "4 faults")
    )
    assert "Traceback" not in err


@pytest.mark.parametrize("written", ["off", "'off'", "false", "auto", "4"])
def test_a_setting_is_turned_off_by_the_word_that_the_documentation_has(
    written: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`off` needs no quotes, and is not a boolean; a tool that made false of it is understood."""
    config.write_text(f"{GOOD}evidence: {{temper: {written}}}\n")
    assert run(["check", "-c", str(config)], capsys) == (0, f"{config}: no faults\n", "")


@pytest.mark.parametrize("text", [GOOD, "promise: {max_error: -3%}"])
def test_the_json_says_the_same(config: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json -` is JSON alone on standard output, with or without faults."""
    config.write_text(text)
    status, out, _ = run(["check", "-c", str(config), "--json", "-"], capsys)
    report = json.loads(out)
    assert report["ok"] is (status == 0)
    assert bool(report["faults"]) is (status == 2)
    assert all(set(fault) == {"path", "message"} for fault in report["faults"])


def test_the_json_can_be_a_file(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is written, and the line for people is still printed; a folder that is not there is told plainly."""
    config.write_text(GOOD)
    status, out, _ = run(["check", "-c", str(config), "--json", str(tmp_path / "r.json")], capsys)
    assert (status, json.loads((tmp_path / "r.json").read_text())) == (0, {"ok": True, "faults": []})
    assert "no faults" in out
    status, _, err = run(["check", "-c", str(config), "--json", str(tmp_path / "no" / "r.json")], capsys)
    assert status == 1
    assert "No such file" in err


def test_the_environment_counts(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is checked is what would run."""
    config.write_text(GOOD)
    monkeypatch.setenv("HOLDBACK_PROMISE__MAX_ERROR", "300%")
    status, _, err = run(["check", "-c", str(config)], capsys)
    assert status == 2
    assert "promise.max_error" in err


@pytest.mark.parametrize(
    "args",
    [["check"], ["chek"], ["check", "--no-such"], ["schema", "nothing"], ["schema"], ["check", "-c", "/no/such/file"]],
)
def test_unusable_arguments_are_exit_status_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Something on standard error says what was wrong."""
    status, _, err = run(args, capsys)
    assert status == 2
    assert err
    assert "Traceback" not in err


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The top level knows the commands without importing them."""
    status, out, _ = run(["--help"], capsys)
    assert status == 0
    assert all(f"  {name} " in out for name in COMMANDS)


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` names the program and its version."""
    status, out, _ = run(["--version"], capsys)
    assert (status, out.split()[0]) == (0, "holdback")
