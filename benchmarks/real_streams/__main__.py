"""Real streams through the production pipeline: python -m benchmarks.real_streams --data FOLDER.

The folder, by default HOLDBACK_STREAMS, has `streams.json` and the files that it names; they are not part of the
project.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.tables import machine, publish

from .told import few_labels, flips, long_streams

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> None:
    """Measure, print and publish; without data say why not, and leave what stands in the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("HOLDBACK_STREAMS"))
    folder: Path | None = parser.parse_args(args).data
    if folder is None or not (Path(folder) / "streams.json").is_file():
        print("skipped: --data or HOLDBACK_STREAMS must name the folder with streams.json")
        return
    with threadpool_limits(1):
        parts = [part for measure in (flips, long_streams, few_labels) for part in measure(Path(folder))]
    publish("real streams", machine("river", "scikit-learn"), *parts)


if __name__ == "__main__":
    main()
