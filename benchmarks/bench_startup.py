"""How long it takes to start, and what it takes to be there: help, imports, and a replica with nothing to do.

python -m benchmarks.bench_startup
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import SHORT, aim, finish, machine, publish, table

__all__ = ["Start", "main"]

REPEATS = 1 if SHORT else 11
IDLE_SECONDS = 2.0 if SHORT else 10.0
_MEGABYTE = 1024.0 if sys.platform == "linux" else 1024.0**2  # ru_maxrss is in kB there, in bytes elsewhere
_HELP = "from monitor.cli import main; main(['--help'])"
_NEEDED = (
    "import monitor.building, monitor.fit.fitting, monitor.metrics.metrics, monitor.page.status, "
    "monitor.web.app, monitor.web.server"
)
_KAFKA = f"{_NEEDED}, monitor.logs.kafka"
_NOTHING = "pass"
_LEARNERS = "import numpy, scipy.stats, sklearn.ensemble"


@dataclass(frozen=True)
class Start:
    """One start of a process: seconds of wall time until it ended or was ready, of CPU, and the most memory in MB."""

    wall: float
    cpu: float
    memory: float


def start(arguments: Sequence[str], ready: bool = False) -> tuple[Start, str]:
    """Start Python and wait for its end; `ready`: its wall time counts until its first line."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = process.stdout.readline() if ready else ""
    wall = time.perf_counter() - began
    said = process.stdout.read()
    # wait4 and not wait: it tells what this one child used
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode or (ready and first.strip() != "ready"):
        raise SystemExit(f"{' '.join(arguments)[:80]} ended with {process.returncode}")
    wall = wall if ready else time.perf_counter() - began
    return Start(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _MEGABYTE), said


def typical(arguments: Sequence[str]) -> Start:
    """The median of several starts, the first of which only warms the disk's cache."""
    start(arguments)
    starts = [start(arguments)[0] for _ in range(REPEATS)]
    return Start(
        *(statistics.median(getattr(each, name) for each in starts) for name in ("wall", "cpu", "memory")),
    )


def main() -> None:
    """Measure, print, publish; fail if starting has come to cost as much as what it must not import."""
    code = {
        "python, nothing imported": _NOTHING,
        "`holdback --help`": _HELP,
        "importing what a replica needs": _NEEDED,
        "... and its Kafka client": _KAFKA,
        "beside it: numpy, scipy.stats, scikit-learn's forests": _LEARNERS,
    }
    starts = {name: typical(["-c", text]) for name, text in code.items()}
    with tempfile.TemporaryDirectory() as folder:
        profile = str(Path(folder) / "bench.profile")
        start(["-m", "benchmarks.idle_replica", profile])
        replica = ["-m", "benchmarks.idle_replica", profile, str(IDLE_SECONDS)]
        ready, said = start(replica, ready=True)
    idle = json.loads(said)
    rows: list[tuple[str, float, float | str, float | str]] = [
        # the least that can be seen is what this process takes, from which the others are started
        (name, each.wall, each.cpu, each.memory if text != _NOTHING else "")
        for (name, text), each in zip(code.items(), starts.values(), strict=True)
    ]
    rows.append(("a replica with its status page, until it is ready", ready.wall, "", ready.memory))
    spent = f"An idle replica with its status page takes {idle['cpu']:.1%} of a core; torch is not imported."
    aims = [
        aim("`holdback --help` in less than 2 s", starts["`holdback --help`"].wall, 2.0),
        aim("a replica ready in less than 2 s", ready.wall, 2.0),
        aim("a replica without torch in less than 150 MB", ready.memory, 150.0),
    ]
    head = ("", "seconds", "of CPU", "MB at most")
    publish("startup", machine("typer"), table(head, rows), spent, "\n".join(aims))
    helping, needed, beside = (
        starts[name] for name in ("`holdback --help`", "importing what a replica needs", [*code][-1])
    )
    finish(
        [
            (not idle["torch"], "a replica imports torch"),
            (helping.cpu < beside.cpu, f"help costs {helping.cpu:.2f} s of CPU, as much as importing scikit-learn"),
            (needed.cpu < 1.5 * beside.cpu, f"imports cost {needed.cpu:.2f} s of CPU, scikit-learn's {beside.cpu:.2f}"),
            (
                ready.memory < 1.5 * beside.memory,
                f"a replica takes {ready.memory:.0f} MB, scikit-learn {beside.memory:.0f}",
            ),
        ]
    )


if __name__ == "__main__":
    main()
