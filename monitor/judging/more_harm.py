"""Harm views that not every model has: losses of a regression, and a proxy that comes apart from its outcome."""

from __future__ import annotations

import math

import numpy as np

from detectors.harm import HarmReading
from detectors.losses import Losses
from detectors.profile import Profile
from detectors.proxy import Proxy
from detectors.rates import SHARE_OF_HARM, Rates
from detectors.types import FloatArray, State
from monitor.summaries import VersionCounts

__all__ = ["MoreHarm"]


class MoreHarm:
    """Watches those of them that the profile has; each has a quarter of the weight of harm."""

    def __init__(self, profile: Profile, log_level: float, quiet: float) -> None:
        scores, proxy = profile.fitted.scores, Proxy.of(profile.facts)
        self._losses = Losses(scores, log_level, quiet) if len(scores) and not profile.classes else None
        self._proxy = None
        if proxy is not None:
            name = f"{proxy.feature} and outcome apart"
            self._proxy = Rates((name,), np.array([proxy.tolerated]), log_level, quiet)
        parts = {"losses": self._losses, "proxy": self._proxy}
        self._parts = {name: part for name, part in parts.items() if part is not None}
        self.level_of_others = log_level - math.log1p(-SHARE_OF_HARM * len(self._parts))
        """log A for the other harm views, which keep the rest of the weight."""

    @property
    def is_open(self) -> bool:
        """Whether one of them has an open episode."""
        return any(part.is_open for part in self._parts.values())

    def update(
        self,
        counts: VersionCounts,
        scores: FloatArray,
        weights: FloatArray,
        clock: float,
        time: float,
        harm: HarmReading,
    ) -> HarmReading:
        """Take in a batch; `harm` is what the other harm views say, and is told together with these."""
        if self._losses is not None:
            harm = self._losses.update(scores, weights, clock, time, harm)
        if self._proxy is not None:
            harm = self._proxy.count(np.array([counts.proxy or [0.0, 0.0]]), clock, time, harm)
        return harm

    def state(self) -> State:
        """Those of its parts."""
        return {f"{name}.{key}": array for name, part in self._parts.items() for key, array in part.state().items()}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same profile."""
        for name, part in self._parts.items():
            start = f"{name}."
            part.restore({key.removeprefix(start): a for key, a in state.items() if key.startswith(start)})
