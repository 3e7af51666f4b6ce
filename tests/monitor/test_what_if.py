from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from monitor.cli import main
from monitor.errors import ConfigError, UsageError
from monitor.fit.fitting import fit_profile
from monitor.what_if import changed_config
from tests.monitor.streams import configured, raw, stream

CONFIG = """
model: m
version: "1"
promise: {max_error: 20%, false_pages: 1 per 10000 events}
outcomes: {delay: 50}
columns: {outcome: target}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    return path


def test_a_change_by_dotted_path(config: Path) -> None:
    """The value is read as the file's would be; several changes at once; the environment stays under it."""
    assert changed_config(config, {}, "promise.max_error=1%").promise.max_error == 0.01
    both = changed_config(config, {"HOLDBACK_PROMISE__AUDIT": "20%"}, "promise.max_error = 1%; outcomes.known=asked")
    assert (both.promise.max_error, both.outcomes.known, both.promise.audit) == (0.01, "asked", 0.2)


@pytest.mark.parametrize("change", ["", "promise.max_error", "=1%", "promise..x=1", "Promise.max_error=1%"])
def test_what_is_no_change_is_refused(config: Path, change: str) -> None:
    """A path, an equals sign and a value; the message shows how."""
    with pytest.raises(UsageError, match=r"promise\.max_error=1%"):
        changed_config(config, {}, change)


@pytest.mark.parametrize("change", ["views.joint=false", "evidence.bins=8", "columns.outcome=y", "model=other"])
def test_what_is_in_the_profile_is_refused(config: Path, change: str) -> None:
    """Another value would need another fit, and the message says so."""
    with pytest.raises(UsageError, match="part of the profile"):
        changed_config(config, {}, change)


@pytest.mark.parametrize("change", ["promise.max_eror=1%", "promise.max_error=200%"])
def test_a_wrong_key_or_value_is_a_fault_of_the_configuration(config: Path, change: str) -> None:
    """The same faults as in the file, with their paths."""
    with pytest.raises(ConfigError, match=r"promise\.max_er"):
        changed_config(config, {}, change)


def test_the_stream_runs_under_each_configuration(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON has a result for each change, the terminal and the page a column; the first run is as without any change."""
    events, profile = tmp_path / "e.jsonl", tmp_path / "m.profile"
    predictions, truth = stream(1500, 1, drift_at=800)
    lines = [msgspec.json.encode({**each, "target": t}) for each, t in zip(predictions, truth, strict=True)]
    events.write_bytes(b"\n".join(lines))
    profile.write_bytes(fit_profile([raw(*stream(2000, 0))], configured()).data)
    args = ["backtest", "-c", config, "--profile", profile, "--events", events]
    results = []
    for name, more in (("plain", []), ("both", ["--what-if", "promise.max_error=2%", "--html", tmp_path / "r.html"])):
        out = tmp_path / name
        with pytest.raises(SystemExit) as ended:
            main([*map(str, [*args, "--json", out, *more])])
        assert not ended.value.code
        results.append(json.loads(out.read_text()))
    plain, both = results
    (changed,) = both.pop("what_if")
    for each in (plain, both):
        del each["seconds"], each["events_per_second"]
    assert plain == both
    assert changed["change"] == "promise.max_error=2%"
    assert changed["accepted"]["promise"] == 0.02
    assert changed["routes"]["model"] < both["routes"]["model"]
    assert "promise.max_error=2%" in capsys.readouterr().out
    page = (tmp_path / "r.html").read_text()
    assert "promise.max_error = 2%" in page
    assert "e.jsonl" in page
