"""What the doctor sees of this machine."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from detectors.profile_bytes import dump
from monitor.doctor.findings import Finding
from monitor.doctor.local import check_profiles, check_secrets, check_state_dir, check_web
from monitor.metrics.metrics import Metrics
from monitor.page.status import Board
from monitor.web.app import build_app
from monitor.web.server import WebServer
from tests.monitor.streams import configured, fitted


def states(found: list[Finding]) -> list[str]:
    return [each.state for each in found]


def profiles(**changes: Any) -> list[Finding]:
    return list(check_profiles(configured(**changes)))


def test_a_profile_is_shown_with_its_digest_or_what_is_wrong_with_it(tmp_path: Path) -> None:
    """Whole and of this model: ok; of another model, damaged or gone: it fails, with what to do; none: a warning."""
    profile = fitted(configured())
    good, bad = tmp_path / "m.profile", tmp_path / "bad.profile"
    good.write_bytes(dump(profile)[0])
    bad.write_bytes(dump(profile)[0][:-1])
    (found,) = profiles(profile=str(good))
    assert (found.state, profile.digest[:12] in found.what) == ("ok", True)
    assert states(profiles(profile=str(bad))) == states(profiles(profile=str(tmp_path / "none"))) == ["fail"]
    (found,) = profiles(profile=str(good), model="other")
    assert (found.state, found.what) == ("fail", f"{good} is of model 'm', not 'other'")
    assert states(profiles(profile={"1": str(good), "2": str(good)})) == ["ok", "warn"]
    assert states(profiles()) == ["warn"]


def test_secrets_are_read_and_never_shown(tmp_path: Path) -> None:
    """Each key that ends in `_file` is tried, wherever it stands, also in the chain; a fault names key and file."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    chain = [{"http": "http://a", "token_file": str(secret)}, "refuse"]
    config = configured(security={"token_file": str(secret)}, route={"chain": chain})
    (found,) = check_secrets(config)
    assert (found.state, found.what) == ("ok", "2 files can be read")
    secret.write_text("\n")
    found_too = list(check_secrets(config))
    assert states(found_too) == ["fail", "fail"]
    assert {each.what.split(":")[0] for each in found_too} == {"route.chain[0].token_file", "security.token_file"}
    tls = {"bootstrap": "b:1", "tls": {"ca_file": str(tmp_path / "none")}}
    (missing,) = check_secrets(configured(kafka=tls))
    assert "kafka.tls.ca_file" in missing.what
    assert "hunter2" not in "".join(each.line for each in [found, *found_too, missing])


def test_the_folder_for_state_must_take_files(tmp_path: Path) -> None:
    """It is made if it is not there; a file in its place is a fault; none at all is fine."""
    assert check_state_dir(configured(state_dir=str(tmp_path / "new"))).state == "ok"
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    assert check_state_dir(configured(state_dir=str(tmp_path / "file"))).state == "fail"
    assert check_state_dir(configured()).state == "ok"


def test_a_port_is_free_or_taken_by_one_of_us_or_taken() -> None:
    """A sidecar that answers there is no fault: the doctor is asked beside it."""
    config = configured()
    board = Board(model="m", max_error=0.1)
    registry = CollectorRegistry()
    Metrics(registry, model="m", max_error=0.1)
    with WebServer(build_app(board, registry, lambda: (True, "")), port=0) as web:
        port = int(web.url.rsplit(":", 1)[1].strip("/"))
        found = check_web(configured(web={"port": port}))
        assert (found.state, "a sidecar that answers" in found.what) == ("ok", True)
    assert check_web(configured(web={"port": port})).state == "ok"
    assert check_web(configured(web={"port": 0})).state == "ok"
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.1)
        found = check_web(configured(web={"port": other.getsockname()[1]}))
    assert found.state == "fail"
    assert "web.port" in found.todo
    assert config.web.port == 8088


def test_a_finding_is_one_line() -> None:
    """State, check, what, and what to do."""
    assert Finding("broker", "fail", "it is away", "Start it").line == "fail  broker: it is away. Start it"
    assert Finding("web", "ok", "free").line == "ok    web: free"
