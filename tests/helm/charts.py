"""Runs helm on the charts, with nothing of the machine's own helm configuration."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.sources import ROOT
from tests.tools import require

__all__ = ["CHART", "EXAMPLE", "HERE", "SCENARIOS", "Manifest", "config_of", "helm", "pods", "render", "run", "the"]

HERE = ROOT / "tests" / "helm"
CHART = ROOT / "helm" / "holdback"
EXAMPLE = "examples/model-with-sidecar"
SCENARIOS = sorted((HERE / "scenarios").glob("*.yaml"))
Manifest = dict[str, Any]


def run(
    command: Sequence[str | Path], *, text: str | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """A finished program; with `check` one that failed is a failed test that shows what it said."""
    words = [str(part) for part in command]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HELM_", "KUBE"))}
    done = subprocess.run(words, check=False, input=text, capture_output=True, text=True, env=environment)
    assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def helm(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    return run([require("helm"), *arguments], check=check)


def render(chart: Path, *arguments: str | Path) -> list[Manifest]:
    """What `helm install loan` would send, hooks included."""
    text = helm("template", "loan", chart, "--namespace", "models", *arguments).stdout
    return [document for document in yaml.safe_load_all(text) if document]


def the(kind: str, manifests: Sequence[Manifest]) -> Manifest:
    """The only manifest of its kind."""
    (found,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


def pods(manifests: Sequence[Manifest]) -> list[Manifest]:
    """Pods, and those that Deployments would make, as manifests of their own."""
    made = []
    for manifest in manifests:
        if manifest["kind"] == "Pod":
            made.append(manifest)
        elif manifest["kind"] == "Deployment":
            template = manifest["spec"]["template"]
            name = {"name": manifest["metadata"]["name"] + "-0"}
            made.append(
                {"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"] | name, "spec": template["spec"]}
            )
    return made


def config_of(manifests: Sequence[Manifest]) -> str:
    """Holdback's configuration, as the pod will find it."""
    return str(the("ConfigMap", manifests)["data"]["config.yaml"])
