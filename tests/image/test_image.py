"""The image that `make image` builds, run as the chart runs it: without rights, on a root that is read-only."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor import __version__
from tests.sources import ROOT
from tests.tools import TOOLS, require

pytestmark = pytest.mark.real

_KEPT = TOOLS / "image"
_INSIDE = """
root=$1; shift
mount --rbind "$root" "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
mount --bind "$1" "$root/mnt"; shift
mount -o remount,bind,ro "$root"
exec chroot --userspec=65532:65532 "$root" env -i -C /tmp "$@"
"""
"""A mount namespace of its own, in which the image's root is read-only and /tmp alone can be written."""


def _buildah(*arguments: str | Path) -> str:
    buildah = require("buildah")
    store = ["--root", _KEPT / "storage", "--runroot", _KEPT / "run", "--storage-driver", "vfs"]
    command = [str(part) for part in (buildah, *store, *arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Image:
    """The image's configuration, and its files."""

    config: dict[str, Any]
    root: Path

    def run(self, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """A finished command in it, with `folder` at /mnt."""
        return subprocess.run(self.command(folder, *command), check=False, capture_output=True, text=True)

    def command(self, folder: Path, *command: str) -> list[str]:
        """The same, to be started; variables may stand before the command."""
        folder.chmod(0o755)
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", _INSIDE, "sh", self.root, folder]
        return [str(word) for word in (*words, *self.config["Env"], *command)]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount the image")
    require("the container image", _KEPT / "storage")
    container = _buildah("from", "holdback:dev")
    try:
        described = json.loads(_buildah("inspect", "--type", "image", "holdback:dev"))
        yield Image(described["OCIv1"]["config"], Path(_buildah("mount", container)))
    finally:
        _buildah("rm", container)


def test_the_dockerfile_is_clean() -> None:
    """Hadolint has nothing to say, not even of style."""
    command = [str(require("hadolint")), "--failure-threshold", "style", str(ROOT / "Dockerfile")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_starts_holdback_as_a_user_without_rights(image: Image) -> None:
    """Its program, user and port are what the chart expects; glibc is told to keep its buffers."""
    assert image.config["Entrypoint"] == ["holdback"]
    assert image.config["User"] == "65532:65532"
    assert list(image.config["ExposedPorts"]) == ["8088/tcp"]
    assert {entry.split("=")[0] for entry in image.config["Env"]} >= {
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TRIM_THRESHOLD_",
    }


def test_the_program_answers(image: Image, tmp_path: Path) -> None:
    """`holdback --version` tells the version of this tree, and `holdback check` finds no fault in a configuration."""
    (tmp_path / "config.yaml").write_text("model: loan\npromise: {max_error: 5%, false_pages: 1 per 90d}\n")
    assert image.run(tmp_path, "holdback", "--version").stdout == f"holdback {__version__}\n"
    checked = image.run(tmp_path, "holdback", "check", "-c", "/mnt/config.yaml")
    assert (checked.returncode, checked.stdout) == (0, "/mnt/config.yaml: no faults\n")


def test_nothing_can_be_written_but_tmp(image: Image, tmp_path: Path) -> None:
    """As that user on that root only /tmp takes a file: what the next test does needs no more."""
    tried = "for d in / /opt /opt/holdback /var /var/tmp /home /tmp; do touch $d/x 2>/dev/null && echo $d; done; id -u"
    assert image.run(tmp_path, "sh", "-c", tried).stdout.split() == ["/tmp", "65532"]


def test_it_fits_and_judges_a_stream(image: Image, tmp_path: Path) -> None:
    """`fit` and `backtest` come to a result there: every library that they need is in the image, and torch is not."""
    draw = random.Random(4)
    lines = ["x,y_pred,proba,target"]
    for _ in range(2_000):
        x = draw.gauss(0, 1)
        lines.append(f"{x:.4f},{int(x > 0)},{1 / (1 + 2.718 ** (-3 * x)):.4f},{int(x + draw.gauss(0, 0.3) > 0)}")
    (tmp_path / "events.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "config.yaml").write_text(
        "model: loan\npromise: {max_error: 10%, false_pages: 1 per 90d}\n"
        "columns: {label: y_pred, probability: proba, outcome: target}\n"
    )
    script = (
        "set -e; c=/mnt/config.yaml; e=/mnt/events.csv\n"
        "holdback fit -c $c --reference $e --out /tmp/a.profile >&2\n"
        "holdback backtest -c $c --profile /tmp/a.profile --events $e --json -\n"
    )
    done = image.run(tmp_path, "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] == 2_000
    torch = image.run(tmp_path, "python3", "-c", "import torch")
    assert "No module named 'torch'" in torch.stderr


def test_it_lives_and_is_ready_while_kafka_is_away(image: Image, tmp_path: Path) -> None:
    """`holdback run` answers the probes, sent to a pod's address, while no broker does; SIGTERM ends it in order."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "config.yaml").write_text(
        "model: loan\npromise: {max_error: 5%, false_pages: 1 per 90d}\nkafka: {bootstrap: '127.0.0.1:1'}\n"
    )
    chart = ("HOLDBACK_WEB__HOST=0.0.0.0", f"HOLDBACK_WEB__PORT={port}", "HOLDBACK_STATE_DIR=/tmp/state")
    command = image.command(tmp_path, *chart, "holdback", "run", "-c", "/mnt/config.yaml")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        asked = {"host": f"10.1.2.3:{port}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=asked, timeout=10) as client:
            _await_start(client, process)
            assert client.get("/livez").status_code == 200
            assert client.get("/readyz").status_code == 200
            assert "holdback_" in client.get("/metrics").text
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    finally:
        process.kill()
        process.wait()


def _await_start(client: httpx.Client, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            client.get("/livez")
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.1)
        else:
            return
    pytest.fail("nothing answered within 60 s")
