"""Usage of the commands that talk to a broker: what they refuse before they look for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.terminal import printable

GOOD = """
model: m
promise: {max_error: 2%, false_pages: 1 per 90d}
kafka: {bootstrap: "127.0.0.1:1"}
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is at port 1: a client need not look for long."""
    monkeypatch.setattr("monitor.logs.kafka_clients.CONNECT_SECONDS", 0.3)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD)
    return path


def run(args: list[str], config: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([*args, "-c", str(config)])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


UNUSABLE = [
    ("breaker open", "needs --reason and --for"),
    ("breaker open --reason x", "needs --reason and --for"),
    ("breaker close --for 30m", "needs --reason and --for"),
    ("breaker open --reason x --for soon", "--for 'soon' is not a duration"),
    ("breaker open --reason x --for 30m --wait x", "--wait 'x' is not a duration"),
    ("breaker open --reason x --for 30m --model other", "is of model 'm'"),
    ("breaker status --model other", "is of model 'm'"),
    ("profile accept", "needs --reason"),
    ("profile accept --reason x --wait x", "--wait 'x' is not a duration"),
    ("breaker auto --for 30m", "No such option"),
    ("breaker auto --actor=", "give one with --actor"),
    ("dead-letters list --reason odd", "there is no such reason; there are unreadable"),
    ("dead-letters list --since yesterday", "neither a time"),
    ("dead-letters replay --at 17", "is not a place such as 0:17"),
    ("dead-letters list --limit 0", "--limit"),
    ("reviews claim", "--reviewer"),
    ("reviews claim --reviewer=", "--reviewer is empty"),
    ("reviews answer --reviewer ada --answer 1", "DECISION_ID"),
    ("reviews claim --reviewer ada", "set `state_dir`, or give --store"),
    ("ledger why --again --summaries /dev/null", "give the ledger's FILE"),
    ("ledger verify /dev/null", "either the ledger's FILE, or the configuration"),
]


@pytest.mark.parametrize(("command", "why"), UNUSABLE, ids=[command for command, _ in UNUSABLE])
def test_unusable_arguments_are_exit_status_2(
    command: str, why: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard error says what is wrong and what is right."""
    args = [each.replace("/dev/null", str(config)) for each in command.split()]
    status, out, err = run(args, config, capsys)
    assert (status, out) == (2, "")
    assert why in err
    assert "Traceback" not in err


COMMANDS = [
    "breaker status",
    "breaker open --reason x --for 30m",
    "dead-letters list",
    "dead-letters replay",
    "reviews list --store STORE",
    "reviews list",
    "reviews claim --reviewer ada --store STORE",
    "ledger verify",
    "ledger show",
    "ledger why",
    "ledger save STORE",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_broker_that_is_away_is_told_with_its_address(
    command: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, one line, and the command that looks closer; the client's own words stay out of it."""
    status, out, err = run(command.replace("STORE", str(tmp_path / "r")).split(), config, capsys)
    assert (status, out) == (1, "")
    assert err.startswith("holdback: the broker does not answer: 127.0.0.1:1 cannot be reached: Connection refused")
    assert "`holdback doctor` looks closer" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_an_embedded_broker_is_nowhere_to_be_found(
    command: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It lives inside another process; the message says how to reach it while that runs."""
    config.write_text(GOOD.replace("127.0.0.1:1", "embedded"))
    status, _, err = run(command.replace("STORE", str(tmp_path / "r")).split(), config, capsys)
    assert status == 2
    assert "HOLDBACK_KAFKA__BOOTSTRAP" in err


def test_the_doctor_says_what_is_wrong_with_a_broker(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 3; the JSON says the same; nothing that lies on the broker is judged."""
    status, out, err = run(["doctor", "--json", "-"], config, capsys)
    found = json.loads(out)
    assert (status, found["ok"]) == (3, False)
    assert [each["check"] for each in found["checks"]][-1] == "broker"
    assert "127.0.0.1:1 cannot be reached: Connection refused" in found["checks"][-1]["what"]
    assert "1 of 6 checks fail: broker" in err
    config.write_text(GOOD.replace("127.0.0.1:1", "no such host:x"))
    assert "is not host:port" in run(["doctor"], config, capsys)[1]


def test_the_doctor_needs_no_embedded_broker(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is on this machine is checked; the broker comes with the run."""
    config.write_text(GOOD.replace("127.0.0.1:1", "embedded") + "web: {port: 0}\n")
    status, out, _ = run(["doctor"], config, capsys)
    assert status == 0
    assert "broker: embedded" in out.splitlines()[-1]


def test_the_doctor_refuses_a_configuration_that_cannot_be_used(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, every fault with its path."""
    config.write_text(GOOD + "nonsense: 1\n")
    status, _, err = run(["doctor"], config, capsys)
    assert (status, "nonsense" in err) == (2, True)


def test_a_text_from_outside_does_not_move_the_terminal() -> None:
    """Control characters are spelt out; letters of any script stay."""
    assert printable("Größe\x1b[31m\n\x00 ü") == "Größe\\x1b[31m\\n\\x00 ü"
