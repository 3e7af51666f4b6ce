"""Every benchmark, one after the other: `python -m benchmarks`, with BENCH_SHORT=1 in two minutes."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.tables import SHORT

__all__ = ["main"]

# over a real broker everything takes minutes
_OVER_KAFKA = () if SHORT else ("bench_kafka",)
_ALL = (
    "bench_counting",
    "bench_state",
    "bench_scores",
    "bench_pipeline",
    "bench_startup",
    *_OVER_KAFKA,
    "evidence",
    "routing",
    "canary_simulation",
    "published",
    "real_streams",
    "breaker_simulation",
)
# one core: the threads of a matrix library would make twenty features no faster, and the figures hard to read
_ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main() -> int:
    """Run them all, each in a process of its own; 1 if one of them failed."""
    failed = []
    for name in _ALL:
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], env=os.environ | _ENVIRONMENT, check=False)
        if done.returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
