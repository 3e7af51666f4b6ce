"""alibi-detect's online MMD and LSDD as in its wine example, run where that is installed.

    .tools/peers/alibi-detect/bin/python benchmarks/published/wine_peer.py FILE.npz RUNS

Prints JSON: by detector its run lengths without and with drift.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
from alibi_detect.cd import LSDDDriftOnline, MMDDriftOnline
from numpy.typing import NDArray

__all__ = ["main"]

_ERT, _WINDOW, _BOOTSTRAPS = 50, 10, 2500


def _length(detector: Any, rows: NDArray[np.float32], rng: np.random.Generator) -> int:
    """Events before the alarming one, of the rows in any order, again and again."""
    detector.reset_state()
    order, t = rng.permutation(len(rows)), 0
    while not detector.predict(rows[order[t % len(rows)]])["data"]["is_drift"]:
        t += 1
    return t


def main() -> None:
    """Measure both."""
    parts, runs = np.load(sys.argv[1]), int(sys.argv[2])
    train, reference, unchanged, red = (parts[name] for name in ("train", "reference", "unchanged", "red"))
    rng = np.random.default_rng(0)
    np.random.seed(0)  # noqa: NPY002  # it draws from it
    axes = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)[2][:2].astype(np.float32)
    centre = train.mean(axis=0)
    settings = {"n_bootstraps": _BOOTSTRAPS, "verbose": False}
    mmd = MMDDriftOnline(reference, _ERT, _WINDOW, preprocess_fn=lambda x: (x - centre) @ axes.T, **settings)
    lsdd = LSDDDriftOnline(np.concatenate([train, reference]), _ERT, _WINDOW, **settings)
    found = {
        name: [[_length(detector, rows, rng) for _ in range(runs)] for rows in (unchanged, red)]
        for name, detector in (("MMD", mmd), ("LSDD", lsdd))
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
