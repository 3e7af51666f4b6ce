"""Prometheus and Alertmanager as tests need them: with the shipped rules and the documented example, on free ports."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.real.kafka import free_port
from tests.sources import ROOT
from tests.tools import require

__all__ = ["EXAMPLE", "RULES", "alertmanager", "example", "prometheus"]

RULES = ROOT / "helm/holdback/rules/holdback.rules.yaml"
EXAMPLE = ROOT / "docs/examples/alertmanager.yml"
_UP_SECONDS = 60.0


def example(folder: Path, receiver: str, routing_key: str) -> dict[str, Any]:
    """The example configuration of Alertmanager, its receivers pointed at `receiver`, a URL."""
    config: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    (folder / "pagerduty.key").write_text(routing_key)
    for each in config["receivers"]:
        for pager in each.get("pagerduty_configs", []):
            pager |= {"url": f"{receiver}/v2/enqueue", "routing_key_file": str(folder / "pagerduty.key")}
        for hook in each.get("webhook_configs", []):
            hook["url"] = f"{receiver}/{each['name']}"
    return config


@contextmanager
def alertmanager(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """An Alertmanager; its URL."""
    program, port = require("alertmanager"), free_port()
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    command = [
        str(program),
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _running(command, folder / "alertmanager.log", f"http://127.0.0.1:{port}") as url:
        yield url


@contextmanager
def prometheus(folder: Path, targets: Sequence[str], alertmanager_url: str, scrape: str = "1s") -> Iterator[str]:
    """A Prometheus that scrapes `targets`, host:port each, and has the shipped rules; its URL."""
    program, port = require("prometheus"), free_port()
    config = {
        "global": {"scrape_interval": scrape, "evaluation_interval": scrape},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "holdback", "static_configs": [{"targets": list(targets)}]}],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager_url.removeprefix("http://")]}]}]},
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        str(program),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with _running(command, folder / "prometheus.log", f"http://127.0.0.1:{port}") as url:
        yield url


@contextmanager
def _running(command: Sequence[str], log: Path, url: str) -> Iterator[str]:
    """A program that says at /-/ready when it is; stopped at the end."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            give_up = time.monotonic() + _UP_SECONDS
            while not _is_ready(url):
                if process.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"{command[0]} did not come up: {log.read_text()[-2000:]}")
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
