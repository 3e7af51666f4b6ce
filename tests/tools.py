"""Programs that tests need besides Python: `make tools` and `make kube` put them under `.tools/`."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.sources import ROOT

__all__ = ["TOOLS", "require", "require_torch"]

TOOLS = ROOT / ".tools"


def require(name: str, path: str | Path | None = None) -> Path:
    """Where a tool is: at `path` below `.tools/` (default `bin/<name>`), or on the PATH as `name`.

    Without it the test is skipped on a developer's machine; in CI it fails, so that nothing goes untested unseen.
    """
    kept = TOOLS / (path or f"bin/{name}")
    if kept.exists():
        return kept
    if found := shutil.which(name):
        return Path(found)
    return _lacking(f"{name} is neither at {kept.relative_to(ROOT)} nor on the PATH: `make tools kube image` brings it")


def require_torch() -> Any:
    """Torch, on one thread; without it the test is skipped, or fails in CI: `make test-torch` brings it along."""
    if find_spec("torch") is None:
        _lacking("torch is not installed: `make test-torch` brings it to a folder of its own, and runs this")
    import torch

    # on a machine that does more than this, threads wait for each other a hundred times as long as they work
    torch.set_num_threads(1)
    return torch


def _lacking(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
