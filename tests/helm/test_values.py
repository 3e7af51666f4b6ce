"""Which values the chart takes, and what is written about them."""

from __future__ import annotations

import json

import pytest

from tests.helm.charts import CHART, helm
from tests.helm.generated import README, SCHEMA, readme, rows, schema


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("replica=2", "replica"),
        ("image.repo=x", "repo"),
        ("mode=deployment", "mode"),
        ("replicas=two", "replicas"),
        ("replicas=-1", "replicas"),
        ("web.port=70000", "port"),
        ("sidecar.native=yes-please", "native"),
        ("image.digest=sha256:short", "digest"),
        ("resources.limits.memory=plenty", "memory"),
        ("networkPolicy.fromNamespaces=monitoring", "fromNamespaces"),
        ("podDisruptionBudget.maxUnavailable=half", "maxUnavailable"),
        ("config.promise.max_eror=1%", "max_eror"),
        ("config.promise.max_error=very few", "max_error"),
        ("config.delivery=exactly", "delivery"),
        ("config.breaker.min_acceptance=much", "min_acceptance"),
        ("config.kafka.max_bytes=1", "max_bytes"),
    ],
)
def test_a_typo_or_a_bad_type_is_refused(value: str, where: str) -> None:
    """A key that is not known, or a value that can't be, is refused by helm, in the configuration, too."""
    refused = helm("template", "loan", CHART, "--set", value, check=False)
    assert refused.returncode != 0
    assert "schema" in refused.stderr
    assert where in refused.stderr


def test_the_schema_of_the_configuration_is_holdbacks_own() -> None:
    """What `helm install` refuses in `config` is what `holdback schema config` says. Else: `make chart`."""
    assert SCHEMA.read_text(encoding="utf-8") == schema()


def test_the_readme_lists_every_value() -> None:
    """The README's table is made of values.yaml as it is. Else: `make chart`."""
    assert README.read_text(encoding="utf-8") == readme()


def test_every_value_is_explained() -> None:
    """Each value in values.yaml has a comment above it."""
    assert [key for key, _, meaning in rows() if not meaning] == []


def test_the_schema_knows_every_value() -> None:
    """Each value in values.yaml has a place in the schema; below `config` it is Holdback's."""
    known = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]
    for key, _, _ in rows():
        properties = known
        for part in key.split("."):
            assert part in properties, key
            if "$ref" in properties[part]:
                break
            properties = properties[part].get("properties", {})
