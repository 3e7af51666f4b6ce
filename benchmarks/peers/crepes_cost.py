"""What crepes takes for intervals: deciding, and learning what came. Needs nothing but NumPy and crepes.

    python -m benchmarks.peers.crepes_cost 1000 100000

For each number of labels of history, a line of JSON: µs an event of an interval, in batches of 100, and µs a label of
going on with its history: fitted anew with a batch more, or by its online mode, which gives each event an interval and
then learns its label.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from crepes import ConformalRegressor

__all__ = ["main"]

_BATCH = 100
_SECONDS = 2.0


def _best(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest of a few: at least one, then as many as fit into two seconds."""
    times: list[float] = []
    while sum(times) < _SECONDS and len(times) < 50:
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def _measured(history: int) -> dict[str, float]:
    r = np.random.default_rng(0)
    residuals, value = r.normal(size=history), r.normal(size=_BATCH)
    truth = value + r.normal(size=_BATCH)
    fitted = ConformalRegressor().fit(residuals)
    more = np.concatenate([residuals, truth - value])
    return {
        "decide": _best(lambda: fitted.predict_int(value, confidence=0.9)) / _BATCH * 1e6,
        "fit anew": _best(lambda: ConformalRegressor().fit(more)) / _BATCH * 1e6,
        "online": _best(lambda: fitted.predict_int_online(value, truth, confidence=0.9)) / _BATCH * 1e6,
    }


def main() -> None:
    """Measure what was asked for."""
    warnings.simplefilter("ignore")
    found = {history: _measured(int(history)) for history in sys.argv[1:]}
    print(json.dumps({"version": version("crepes"), "found": found}))


if __name__ == "__main__":
    main()
