"""What helm makes of the chart, without a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor import __version__
from monitor.config import load_config
from tests.helm.charts import CHART, HERE, SCENARIOS, Manifest, config_of, helm, pods, render, run, the
from tests.tools import TOOLS, require

GOLDEN = HERE / "golden" / "default.yaml"
RULES = CHART / "rules" / "holdback.rules.yaml"
scenarios = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
natives = pytest.mark.parametrize("native", ["true", "false"], ids=["native", "plain"])


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Prometheus operator's resource definitions, as JSON Schemas that refuse unknown keys."""
    folder = tmp_path_factory.mktemp("definitions")
    for path in require("prometheus-operator's definitions", TOOLS / "crds").glob("*.yaml"):
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        kind = definition["names"]["kind"].lower()
        schema = _strict(definition["versions"][0]["schema"]["openAPIV3Schema"])
        (folder / f"{kind}.json").write_text(json.dumps(schema))
    return folder


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        strict["additionalProperties"] = False
    return strict


def _conform(manifests: list[Manifest], definitions: Path, *, check: bool = True) -> str:
    """What kubeconform says, with the schemas of each Kubernetes version."""
    said = ""
    schemas = require("kubernetes' schemas", TOOLS / "schemas")
    versions = sorted(path.name for path in schemas.iterdir())
    assert versions
    for version in versions:
        own = f"{schemas}/{version}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
        others = f"{definitions}/{{{{.ResourceKind}}}}.json"
        command: list[str | Path] = [
            require("kubeconform"),
            "-strict",
            "-schema-location",
            own,
            "-schema-location",
            others,
        ]
        said += run(command, text=yaml.safe_dump_all(manifests), check=check).stdout
    return said


@scenarios
def test_helm_finds_nothing_to_complain_of(scenario: Path) -> None:
    """`helm lint --strict` passes, where a warning is an error."""
    helm("lint", "--strict", CHART, "--values", scenario)


@scenarios
def test_what_is_rendered_is_what_kubernetes_knows(scenario: Path, definitions: Path) -> None:
    """Every manifest has the fields of its kind and no others, in the oldest, the tested and the newest version."""
    _conform(render(CHART, "--values", scenario), definitions)


def test_a_field_that_kubernetes_does_not_know_is_seen(definitions: Path) -> None:
    """A misspelt field, deep inside or in another's definition, is found: the test above proves something."""
    manifests = render(CHART, "--set", "podMonitor.enabled=true")
    pods(manifests)[0]["spec"]["containers"][0]["securityContext"]["runAsNotRoot"] = True
    the("PodMonitor", manifests)["spec"]["podMetricsEndpoints"][0]["intervall"] = "15s"
    said = _conform(manifests, definitions, check=False)
    assert "runAsNotRoot" in said
    assert "intervall" in said


@natives
def test_the_example_is_what_kubernetes_knows(example: Path, definitions: Path, native: str) -> None:
    """The model's Deployment with the sidecar conforms, too, and `helm lint --strict` passes."""
    chosen = ("--set", f"holdback.sidecar.native={native}")
    helm("lint", "--strict", example, *chosen)
    _conform(render(example, *chosen), definitions)


def test_the_default_rendering_is_the_golden_one() -> None:
    """No change of the chart alters what an upgrade applies unseen. `UPDATE_GOLDEN=1` writes the file anew."""
    rendered = helm("template", "loan", CHART, "--namespace", "models").stdout
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(rendered, encoding="utf-8")
    assert rendered == GOLDEN.read_text(encoding="utf-8")


@scenarios
def test_the_configuration_is_holdbacks(scenario: Path, tmp_path: Path) -> None:
    """What the ConfigMap holds has no faults and the values' very contents, under the environment of the pod."""
    manifests = render(CHART, "--values", scenario)
    path = tmp_path / "config.yaml"
    path.write_text(config_of(manifests), encoding="utf-8")
    environment = {
        variable["name"]: variable["value"]
        for pod in pods(manifests)
        for variable in pod["spec"]["containers"][0]["env"]
        if variable["name"].startswith("HOLDBACK_") and "value" in variable
    }
    load_config(path, environment)
    given = yaml.safe_load(scenario.read_text(encoding="utf-8")).get("config", {})
    held = yaml.safe_load(config_of(manifests))
    assert {key: held[key] for key in given} == given


def test_holdback_check_accepts_the_default_configuration(tmp_path: Path) -> None:
    """`holdback check` ends with 0 on the ConfigMap of an installation without any values."""
    (tmp_path / "config.yaml").write_text(config_of(render(CHART)), encoding="utf-8")
    code = "import sys; from monitor.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "check", "-c", str(tmp_path / "config.yaml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{command[-1]}: no faults\n")


@pytest.mark.parametrize("written", ["off", '"off"', "false"])
def test_off_in_the_values_is_off(tmp_path: Path, written: str) -> None:
    """Helm reads `off` as a boolean; schema and configuration know what was meant."""
    values = tmp_path / "values.yaml"
    values.write_text(f"config: {{evidence: {{temper: {written}}}}}\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(config_of(render(CHART, "--values", values)), encoding="utf-8")
    assert load_config(tmp_path / "config.yaml", {}).evidence.temper == "off"


def test_a_text_in_quotes_stays_a_text(tmp_path: Path) -> None:
    """The chart's README asks for quotes around yes, no, on and off; with them they arrive."""
    values = tmp_path / "values.yaml"
    values.write_text("config: {model: 'no', columns: {segment: ['on']}}\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(config_of(render(CHART, "--values", values)), encoding="utf-8")
    config = load_config(tmp_path / "config.yaml", {})
    assert (config.model, config.columns.segment) == ("no", ["on"])


def test_the_chart_installs_its_own_version() -> None:
    """appVersion, and with it the image's tag, is the program's version."""
    container = pods(render(CHART))[0]["spec"]["containers"][0]
    assert container["image"] == f"holdback:{__version__}"


@scenarios
def test_no_mount_lies_within_another(scenario: Path, example: Path) -> None:
    """A folder within a read-only volume can't be made, and the container would not start."""
    for pod in pods([*render(CHART, "--values", scenario), *render(example)]):
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]:
            mounts = [Path(mount["mountPath"]) for mount in container.get("volumeMounts", [])]
            assert not [(a, b) for a in mounts for b in mounts if a in b.parents]
            assert {m["name"] for m in container.get("volumeMounts", [])} <= {v["name"] for v in pod["spec"]["volumes"]}


def test_a_changed_configuration_starts_the_pods_anew() -> None:
    """The pods' annotation follows the configuration, and nothing else."""

    def checksum(*values: str) -> str:
        return str(pods(render(CHART, *values))[0]["metadata"]["annotations"]["checksum/config"])

    assert checksum() == checksum("--set", "replicas=5")
    assert checksum() != checksum("--set", "config.promise.max_error=4%")


@natives
def test_the_sidecar_is_native_or_plain(example: Path, native: str) -> None:
    """Natively it is an init container that is restarted always; otherwise a container beside the model's."""
    spec = the("Deployment", render(example, "--set", f"holdback.sidecar.native={native}"))["spec"]["template"]["spec"]
    names = [container["name"] for container in spec["containers"]]
    if native == "true":
        assert (names, spec["initContainers"][0]["restartPolicy"]) == (["model"], "Always")
    else:
        assert (names, "initContainers" in spec) == (["model", "holdback"], False)
        assert "restartPolicy" not in spec["containers"][1]


def test_probes_ask_the_process_and_not_kafka(example: Path) -> None:
    """Liveness and start look at /livez, readiness at /readyz, alone and as a sidecar."""
    alone = pods(render(CHART))[0]["spec"]["containers"][0]
    beside = pods(render(example))[0]["spec"]["initContainers"][0]
    for container in (alone, beside):
        asked = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
        assert asked == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}


@pytest.mark.parametrize(
    ("bootstrap", "ports"),
    [
        ("kafka:9092", [9092]),
        ("a:9093\\,b:9093\\,c:19093", [9093, 19093]),
        ("[2001:db8::1]:9094", [9094]),
        ("kafka", [9092]),
    ],
)
def test_the_policy_lets_the_brokers_ports_through(bootstrap: str, ports: list[int]) -> None:
    """Besides names, the pods reach the ports in the bootstrap addresses."""
    policy = the("NetworkPolicy", render(CHART, "--set-string", f"config.kafka.bootstrap={bootstrap}"))
    names, brokers = policy["spec"]["egress"]
    assert {rule["port"] for rule in names["ports"]} == {53}
    assert [rule["port"] for rule in brokers["ports"]] == ports


@pytest.mark.parametrize("mode", ["standalone", "sidecar"])
def test_the_rules_are_the_file(mode: str) -> None:
    """A PrometheusRule comes only when asked for, and is the rule file word by word."""
    kinds = {manifest["kind"] for manifest in render(CHART, "--set", f"mode={mode}")}
    assert not kinds & {"PrometheusRule", "PodMonitor"}
    rule = the("PrometheusRule", render(CHART, "--set", f"mode={mode},prometheusRule.enabled=true"))
    assert rule["spec"] == yaml.safe_load(RULES.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("config.web.port=9000", "set web.port"),
        ("config.state_dir=/state", "leave it out"),
        ("config.kafka.bootstrap=embedded", "name your brokers"),
        ("config.profile=a.profile,profile.file=a.profile,profile.existingClaim=a", "both name the profile"),
        ("profile.file=a.profile", "name also where it is"),
        ("profile.existingClaim=a,profile.existingSecret=b", "name one of"),
        ("mode=sidecar,podMonitor.enabled=true", "sidecar.podLabels"),
    ],
)
def test_what_would_not_work_is_refused_with_advice(values: str, words: str) -> None:
    """A combination of values that cannot run fails to render, and the message says what to do."""
    refused = helm("template", "loan", CHART, "--set", values, check=False)
    assert refused.returncode != 0
    assert words in refused.stderr


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("replicas=1", "No profile is named"),
        ("podMonitor.enabled=true", "add its own to `networkPolicy.fromNamespaces`"),
        ("config.paging.webhook.url=http://receiver", "`networkPolicy.extraEgress`"),
        ("config.route.chain[0].http=http://small/infer", "`networkPolicy.extraEgress`"),
        ("mode=sidecar", "holdback.sidecar"),
    ],
)
def test_the_notes_tell_what_is_still_missing(values: str, words: str) -> None:
    """What an installation prints names what it leaves to do, and is silent about that once it is done."""
    done = "profile.existingClaim=a,profile.file=a,networkPolicy.fromNamespaces={monitoring}"
    done += ",networkPolicy.extraEgress[0].ports[0].port=443"

    def notes(chosen: str) -> str:
        said = helm("install", "loan", CHART, "--dry-run=client", "--set", chosen).stdout
        return " ".join(said.split("NOTES:")[1].split())

    assert words in notes(values)
    if values.startswith(("replicas", "podMonitor", "config")):
        assert words not in notes(f"{values},{done}")


def test_a_native_sidecar_needs_a_cluster_that_has_them(example: Path) -> None:
    """Before Kubernetes 1.29 it would be an init container that never ends: refused, and the plain one is not."""
    refused = helm("template", example, "--kube-version", "1.28.0", check=False)
    assert "native sidecars need Kubernetes 1.29" in refused.stderr
    render(example, "--kube-version", "1.28.0", "--set", "holdback.sidecar.native=false")
