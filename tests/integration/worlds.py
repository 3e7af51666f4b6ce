"""A model's server and its world, which can change and be put right again, at a pace, over a real broker."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import numpy as np

from tests.integration.replicas import Fleet
from tests.monitor.streams import FEATURES, prediction

__all__ = ["World"]


class World(threading.Thread):
    """Predictions at a pace, and their outcomes a little later; `late` is by how many predictions."""

    def __init__(self, fleet: Fleet, rate: int, late: int) -> None:
        super().__init__(daemon=True)
        self._fleet, self._rate, self._late, self._over = fleet, rate, late, threading.Event()
        self._rng = np.random.default_rng(5)
        self._truth: list[str] = []
        self._told = 0
        self._until = math.inf
        self.changed = False

    @property
    def sent(self) -> int:
        """How many predictions there were so far."""
        return len(self._truth)

    def run(self) -> None:
        """Serve."""
        began = time.monotonic()
        while not self._over.wait(0.1):
            first, due = self.sent, int((time.monotonic() - began) * self._rate)
            predictions = [self._predict(i) for i in range(first, due)]
            known = int(min(max(self.sent - self._late, 0), self._until))
            self._fleet.send(predictions, [(str(i), self._truth[i]) for i in range(self._told, known)])
            self._told = max(known, self._told)

    def mend(self, *, silently: bool = False) -> None:
        """Be as before; `silently`, nobody learns what is true of the predictions from here on, until `tell`."""
        self.changed = False
        if silently:
            self._until = self.sent

    def tell(self) -> None:
        """Let it be known again what is true, of what was kept back, too."""
        self._until = math.inf

    def stop(self) -> None:
        """Serve no more."""
        self._over.set()
        self.join(30)

    def _predict(self, i: int) -> dict[str, Any]:
        x = self._rng.normal(size=FEATURES)
        p = 1 / (1 + np.exp(-2 * (x[0] + x[1])))
        truth = int(self._rng.random() < p)
        if self.changed:
            x[3] += 1.5
            truth = 1 - int(p > 0.5) if self._rng.random() < 0.6 else truth
        self._truth.append(str(truth))
        made = prediction(str(i), {f"f{k}": float(x[k]) for k in range(FEATURES)}, float(p), time.time())
        return made | {"model": self._fleet.config.model}
