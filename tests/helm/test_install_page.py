"""The commands in docs/install.md, run in their order."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.helm.cluster import Cluster
from tests.sources import ROOT
from tests.tools import require

PAGE = ROOT / "docs" / "install.md"
_FENCE = re.compile(r"^```(\w+)?( nodes)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _folder(folder: Path) -> Path:
    """What the page's reader has: the charts, a month of events, and a password."""
    shutil.copytree(ROOT / "helm", folder / "helm", ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    draw = random.Random(6)
    lines = ["income,y_pred,y_pred_proba,target"]
    for _ in range(2_000):
        x = draw.gauss(0, 1)
        lines.append(f"{x:.4f},{int(x > 0)},{1 / (1 + 2.718 ** (-3 * x)):.4f},{int(x + draw.gauss(0, 0.3) > 0)}")
    (folder / "january.csv").write_text("\n".join(lines) + "\n")
    (folder / "password").write_text("secret\n")
    return folder


def test_every_command_of_the_page_works(cluster: Cluster, tmp_path: Path) -> None:
    """Copied from the page and run in their order, the commands succeed; only those that need nodes are left out."""
    folder = _folder(tmp_path)
    programs = {require("helm").parent, require("kubectl").parent, Path(sys.executable).parent}
    environment = os.environ | {
        "KUBECONFIG": str(cluster.kubeconfig),
        "PATH": ":".join([*map(str, programs), os.environ["PATH"]]),
    }
    ran = 0
    for language, nodes, text in _FENCE.findall(PAGE.read_text(encoding="utf-8")):
        if language == "yaml":
            (folder / text.split("\n")[0].removeprefix("# ")).write_text(text)
        elif language == "sh" and not nodes:
            done = subprocess.run(
                ["sh", "-euc", text], check=False, cwd=folder, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
            ran += 1
    assert ran >= 10
    left = cluster.get("deployment", "--namespace", "models")["items"]
    assert [deployment["metadata"]["name"] for deployment in left] == ["loan-model"]
