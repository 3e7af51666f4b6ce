"""A Kubernetes API server for tests: etcd and kube-apiserver on free ports, ended with the session.

No controllers run, so Deployments make no pods; whatever is sent is validated, defaulted and admitted as in a cluster.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.helm.charts import Manifest, run
from tests.tools import TOOLS, require

__all__ = ["Cluster", "started"]

_TOKEN = "admin-of-a-test"
_PATIENCE = 120.0
"""Seconds; a machine that does other things, too, takes its time."""


@dataclass(frozen=True)
class Cluster:
    """How to talk to it."""

    kubeconfig: Path

    def kubectl(
        self, *arguments: str | Path, send: Manifest | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, perhaps with a manifest to send on its standard input."""
        text = None if send is None else json.dumps(send)
        return run([require("kubectl"), "--kubeconfig", self.kubeconfig, *arguments], text=text, check=check)

    def helm(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run helm against this cluster."""
        return run([require("helm"), "--kubeconfig", self.kubeconfig, *arguments])

    def get(self, *arguments: str) -> Manifest:
        """What the cluster holds."""
        found: Manifest = json.loads(self.kubectl("get", "-o", "json", *arguments).stdout)
        return found

    def namespace(self, name: str) -> str:
        """A new namespace that admits only what the pod security standard `restricted` allows, with its account."""
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
        self.kubectl(
            "create",
            "-f",
            "-",
            send={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        )
        self.kubectl("create", "serviceaccount", "default", "--namespace", name)  # as a controller would
        return name


@contextmanager
def started(folder: Path) -> Iterator[Cluster]:
    """The API server, ready, with the Prometheus operator's resource definitions."""
    etcd, apiserver, openssl = require("etcd"), require("kube-apiserver"), require("openssl")
    store, peers, port = (_free_port() for _ in range(3))
    with ExitStack() as cleanups:
        client = f"http://127.0.0.1:{store}"
        peer = f"http://127.0.0.1:{peers}"
        key = folder / "accounts.key"
        run([openssl, "genrsa", "-out", key, "2048"])
        (folder / "tokens.csv").write_text(f"{_TOKEN},admin,1,system:masters\n")
        etcd_flags = {
            "data-dir": folder / "etcd",
            "unsafe-no-fsync": "true",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
        }
        apiserver_flags = {
            "etcd-servers": client,
            "cert-dir": folder / "certificates",
            "bind-address": "127.0.0.1",
            "secure-port": port,
            "token-auth-file": folder / "tokens.csv",
            "authorization-mode": "RBAC",
            "service-account-issuer": "https://holdback.test",
            "service-account-key-file": key,
            "service-account-signing-key-file": key,
            "service-cluster-ip-range": "10.0.0.0/24",
        }
        _start(cleanups, folder / "etcd.log", etcd, etcd_flags)
        server = _start(cleanups, folder / "apiserver.log", apiserver, apiserver_flags)
        _await_ready(f"https://127.0.0.1:{port}/readyz", server, folder / "apiserver.log")
        cluster = Cluster(_kubeconfig(folder / "kubeconfig", port))
        for definition in sorted(require("prometheus-operator's definitions", TOOLS / "crds").glob("*.yaml")):
            cluster.kubectl("create", "-f", definition)
            cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", definition)
        yield cluster


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _start(cleanups: ExitStack, log: Path, program: Path, flags: Mapping[str, object]) -> subprocess.Popen[bytes]:
    output: IO[bytes] = cleanups.enter_context(log.open("wb"))
    command = [str(program), *(f"--{name}={value}" for name, value in flags.items())]
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    cleanups.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    unverified = ssl._create_unverified_context()  # its certificate is made at its start
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {_TOKEN}"})
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(request, timeout=5, context=unverified):
                return
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.2)
    raise AssertionError(f"the API server did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _kubeconfig(path: Path, port: int) -> Path:
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {
                        "name": "test",
                        "cluster": {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True},
                    }
                ],
                "users": [{"name": "admin", "user": {"token": _TOKEN}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
                "current-context": "test",
            }
        )
    )
    path.chmod(0o600)
    return path
