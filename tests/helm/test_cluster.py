"""The chart on a real Kubernetes API server, in a namespace that enforces the pod security standard `restricted`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.helm.charts import CHART, SCENARIOS, Manifest, pods
from tests.helm.cluster import Cluster

INSTALLED = [path for path in SCENARIOS if path.stem != "sidecar"]


def _start_pods(cluster: Cluster, namespace: str, manifests: list[Manifest]) -> list[Manifest]:
    """Create the pods as a controller would, and give them back as the cluster holds them."""
    started = []
    for pod in pods(manifests):
        said = cluster.kubectl("create", "--namespace", namespace, "-f", "-", send=pod)
        assert "Warning" not in said.stderr
        started.append(cluster.get("pod", pod["metadata"]["name"], "--namespace", namespace))
    return started


def _sent(cluster: Cluster, namespace: str) -> list[Manifest]:
    """Manifests of the release, hooks included."""
    text = "".join(cluster.helm("get", part, "loan", "--namespace", namespace).stdout for part in ("manifest", "hooks"))
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.mark.parametrize("scenario", INSTALLED, ids=lambda path: path.stem)
def test_standalone_is_installed_where_restricted_is_enforced(cluster: Cluster, scenario: Path) -> None:
    """`helm install` succeeds without a warning, and the pods that come of it are admitted, `helm test`'s too."""
    namespace = cluster.namespace(f"standalone-{scenario.stem}")
    said = cluster.helm("install", "loan", CHART, "--namespace", namespace, "--values", scenario)
    assert "Warning" not in said.stderr
    sent = _sent(cluster, namespace)
    for manifest in sent:
        if "helm.sh/hook" not in manifest["metadata"].get("annotations", {}):
            kept = cluster.get(manifest["kind"], manifest["metadata"]["name"], "--namespace", namespace)
            assert kept["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    started = _start_pods(cluster, namespace, sent)
    assert len(started) == 2
    for pod in started:
        assert not [volume for volume in pod["spec"]["volumes"] if "projected" in volume]  # no token came in


@pytest.mark.parametrize("native", [True, False], ids=["native", "plain"])
def test_the_sidecar_is_installed_where_restricted_is_enforced(cluster: Cluster, example: Path, native: bool) -> None:
    """The model's chart with the sidecar is installed, its pod is admitted, and a native one stays a native one."""
    namespace = cluster.namespace(f"sidecar-{'native' if native else 'plain'}")
    chosen = f"holdback.sidecar.native={str(native).lower()},holdback.podMonitor.enabled=true"
    said = cluster.helm("install", "loan", example, "--namespace", namespace, "--set", chosen)
    assert "Warning" not in said.stderr
    (pod,) = _start_pods(cluster, namespace, _sent(cluster, namespace))
    names = [container["name"] for container in pod["spec"]["containers"]]
    if native:
        (sidecar,) = pod["spec"]["initContainers"]
        assert (names, sidecar["name"], sidecar["restartPolicy"]) == (["model"], "holdback", "Always")
    else:
        assert names == ["model", "holdback"]


def _escalates(spec: Manifest) -> None:
    spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True


def _keeps_capabilities(spec: Manifest) -> None:
    del spec["containers"][0]["securityContext"]["capabilities"]


def _runs_as_root(spec: Manifest) -> None:
    spec["containers"][0]["securityContext"]["runAsUser"] = 0


@pytest.mark.parametrize("loosened", [_escalates, _keeps_capabilities, _runs_as_root])
def test_the_cluster_would_have_refused(cluster: Cluster, loosened: Callable[[Manifest], None]) -> None:
    """The same pod with one thing loosened is refused by that namespace: the tests above do prove something."""
    namespace = cluster.namespace(f"refused-{loosened.__name__.strip('_').replace('_', '-')}")
    cluster.helm("install", "loan", CHART, "--namespace", namespace)
    pod = copy.deepcopy(pods(_sent(cluster, namespace))[0])
    loosened(pod["spec"])
    refused = cluster.kubectl("create", "--namespace", namespace, "-f", "-", send=pod, check=False)
    assert refused.returncode != 0
    assert 'violates PodSecurity "restricted' in refused.stderr


def test_an_upgrade_starts_the_pods_anew_only_for_a_new_configuration(cluster: Cluster) -> None:
    """`helm upgrade` with more replicas leaves the pods' template as it is; a new promise changes it."""
    namespace = cluster.namespace("upgraded")

    def template(*values: str) -> Manifest:
        where = ("--namespace", namespace, "--install", "--reset-values")
        cluster.helm("upgrade", "loan", CHART, *where, *values)
        found: Manifest = cluster.get("deployment", "loan-holdback", "--namespace", namespace)["spec"]["template"]
        return found

    first = template()
    assert template("--set", "replicas=3") == first
    assert template("--set", "config.promise.max_error=4%") != first


def test_what_was_installed_is_removed(cluster: Cluster) -> None:
    """`helm uninstall` leaves nothing of the release behind."""
    namespace = cluster.namespace("removed")
    cluster.helm("install", "loan", CHART, "--namespace", namespace, "--set", "podMonitor.enabled=true")
    cluster.helm("uninstall", "loan", "--namespace", namespace, "--cascade", "background")
    kinds = "deployment,service,configmap,serviceaccount,networkpolicy,poddisruptionbudget,podmonitor,secret"
    left = cluster.get(kinds, "--namespace", namespace, "--selector", "app.kubernetes.io/managed-by=Helm")
    assert left["items"] == []
