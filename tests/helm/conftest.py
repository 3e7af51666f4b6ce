from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helm.charts import EXAMPLE, helm
from tests.helm.cluster import Cluster, started
from tests.sources import ROOT


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's chart with its dependency, built in a copy."""
    copy = tmp_path_factory.mktemp("charts") / "helm"
    shutil.copytree(ROOT / "helm", copy, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    helm("dependency", "build", copy / EXAMPLE)
    return copy / EXAMPLE


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Kubernetes API server of its own, without nodes and controllers."""
    with started(tmp_path_factory.mktemp("cluster")) as running:
        running.kubectl("create", "priorityclass", "production", "--value=1000")
        yield running
