"""Runs a peer's detectors in the environment that it is installed in; needs nothing but NumPy and that peer.

    python -m benchmarks.peers.run river

Reads a job a line from its standard input, JSON: which detector, its setting, and the .npy files with a reference
(runs, rows, features) and with events (runs, events, features). Answers with a line of JSON: where each run alarmed,
and the CPU time of it.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Watcher", "alarms_of", "main"]

Floats = NDArray[np.float64]


class Watcher(Protocol):
    """A peer's detector, made anew for each run; it goes on by itself after an alarm."""

    block: int
    """Events that it is given at once."""

    def take(self, rows: Floats) -> list[int]:
        """Learn some events, (events, features); where in them it alarmed."""
        ...


def alarms_of(watcher: Watcher, events: Floats, until: int, patience: float) -> tuple[list[int], int, float]:
    """Alarms until the first at `until` or later, events taken, CPU seconds of it; it ends when patience does."""
    alarms: list[int] = []
    at, spent = 0, 0.0
    while at < len(events) and not (alarms and alarms[-1] >= until) and spent <= patience:
        rows = events[at : at + watcher.block]
        began = time.process_time()
        found = watcher.take(rows)
        spent += time.process_time() - began
        for each in found:
            if not (alarms and alarms[-1] >= until):
                alarms.append(at + each)
        at += len(rows)
    return alarms, at, spent


def _answer(peer: Any, job: dict[str, Any]) -> dict[str, Any]:
    reference, events = np.load(job["reference"], mmap_mode="r"), np.load(job["events"], mmap_mode="r")
    runs, taken, seconds, setup = [], 0, 0.0, 0.0
    for run, until in enumerate(job["until"]):
        np.random.seed(run)  # noqa: NPY002  # peers draw from it
        began = time.process_time()
        watcher = peer.DETECTORS[job["detector"]](job["setting"], np.array(reference[run]))
        setup += time.process_time() - began
        alarms, n, spent = alarms_of(watcher, np.array(events[run]), until, job["patience"] - seconds)
        taken, seconds = taken + n, seconds + spent
        # a stream that was left before its change was seen tells nothing of the delay
        if n == events.shape[1] or until >= events.shape[1] or (alarms and alarms[-1] >= until):
            runs.append(alarms)
        if seconds > job["patience"] or setup > 3 * job["patience"]:
            break
    return {"alarms": runs, "events": taken, "seconds": seconds, "setup": setup}


def main() -> None:
    """Answer until there are no more jobs."""
    warnings.simplefilter("ignore")
    replies, sys.stdout = sys.stdout, sys.stderr  # what peers print is no answer
    peer = importlib.import_module(f"benchmarks.peers.{sys.argv[1].replace('-', '_')}_peer")
    print(json.dumps({"version": peer.VERSION, "detectors": list(peer.DETECTORS)}), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(peer, json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
