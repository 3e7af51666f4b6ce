"""Peak memory and time of `holdback fit` by rows of the reference: `python -m benchmarks.fit_memory 1000000 10000000`.

Each size runs in a process of its own, from a Parquet file that is written a piece at a time and removed again.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.cli import main

__all__ = ["fit_in_process", "write_reference"]

_FEATURES = 5
_PIECE = 100_000
_CONFIG = """
model: m
version: "1"
promise: {max_error: 20%, false_pages: 1 per 1000000 events}
columns: {label: y, probability: p, outcome: target, time: at}
"""


def write_reference(path: Path, rows: int, seed: int = 0) -> None:
    """Write a reference of `rows` Gaussian rows, one a second, with a calibrated model's answers."""
    rng = np.random.default_rng(seed)
    writer = None
    for start in range(0, rows, _PIECE):
        n = min(_PIECE, rows - start)
        x = rng.normal(size=(_FEATURES, n))
        p = 1 / (1 + np.exp(-2 * (x[0] + x[1])))
        columns: dict[str, object] = {f"f{i}": each for i, each in enumerate(x)}
        columns |= {"p": p, "y": (p > 0.5).astype(int), "target": (rng.random(n) < p).astype(int)}
        columns["at"] = (1_767_225_600 + start + np.arange(n)).astype("datetime64[s]")
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def fit_in_process(rows: int) -> tuple[float, float]:
    """Fit in a process of its own: its greatest resident memory in MB, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        write_reference(path / "reference.parquet", rows)
        (path / "c.yaml").write_text(_CONFIG)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.fit_memory", "--in", folder], capture_output=True, text=True, check=True
        )
        return float(done.stdout.split()[-1]), time.perf_counter() - began


def _fit(folder: Path) -> None:
    try:
        main(
            [
                "fit",
                "-c",
                f"{folder}/c.yaml",
                "--reference",
                f"{folder}/reference.parquet",
                "--out",
                f"{folder}/p.profile",
            ]
        )
    finally:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in"]:
        _fit(Path(sys.argv[2]))
    else:
        for size in map(int, sys.argv[1:]):
            peak, seconds = fit_in_process(size)
            print(f"{size:>12,} rows: {peak:,.0f} MB at most, {seconds:,.0f} s, {seconds / size * 1e6:.1f} µs a row")
