from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = [
    "torch",
    "sklearn",
    "mapie",
    "matplotlib",
    "scipy.stats",
    "pandas",
    "pyarrow",
    "river",
    "starlette",
    "uvicorn",
    "kafka",
    "rich",
]


def _loaded_after(code: str) -> list[str]:
    script = f"{code}\nimport json, sys; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded: list[str] = json.loads(done.stderr.splitlines()[-1])
    return loaded


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    """`import monitor.cli` pulls in neither learning nor plotting nor web libraries."""
    assert _loaded_after("import monitor.cli") == []


@pytest.mark.parametrize("args", [["--help"], ["schema", "config"], ["check", "--help"]])
def test_light_commands_import_nothing_heavy(args: list[str]) -> None:
    """Help, schemas and checks answer without loading what only a run needs."""
    assert _loaded_after(f"from monitor.cli import main\ntry: main({args!r})\nexcept SystemExit: pass") == []
