"""Harm views that not every model has: losses of a regression, a proxy apart from its outcome, users' flags."""

from __future__ import annotations

import math

import numpy as np

from detectors.flags import SHARE_OF_FLAGS, FlagRate
from detectors.harm import HarmReading
from detectors.losses import Losses
from detectors.profile import Profile
from detectors.proxy import Proxy
from detectors.rates import SHARE_OF_HARM, Rates
from detectors.types import FloatArray, State
from monitor.config import Flags
from monitor.judging.flag_users import FlagUsers
from monitor.summaries import VersionCounts

__all__ = ["MoreHarm"]


class MoreHarm:
    """Watches those of them that the profile has, a quarter of the weight of harm each, and flags, a twentieth."""

    def __init__(self, profile: Profile, log_level: float, quiet: float, flags: Flags | None = None) -> None:
        scores, proxy = profile.fitted.scores, Proxy.of(profile.facts)
        self._losses = Losses(scores, log_level, quiet) if len(scores) and not profile.classes else None
        self._proxy = None
        if proxy is not None:
            name = f"{proxy.feature} and outcome apart"
            self._proxy = Rates((name,), np.array([proxy.tolerated]), log_level, quiet)
        flags = flags or Flags()
        self._flags = FlagRate(flags.tolerated, log_level, quiet)
        self._users = FlagUsers(flags.users, flags.window, log_level)
        parts = {"losses": self._losses, "proxy": self._proxy, "flags": self._flags, "users": self._users}
        self._parts = {name: part for name, part in parts.items() if part is not None}
        self.level_of_others = log_level - math.log1p(-SHARE_OF_HARM * (len(self._parts) - 2) - SHARE_OF_FLAGS)
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
        harm = self._flags.update(counts.n, counts.flagged, clock, time, harm)
        return self._users.update(counts.flaggers, time, harm)

    def state(self) -> State:
        """Those of its parts."""
        return {f"{name}.{key}": array for name, part in self._parts.items() for key, array in part.state().items()}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same profile."""
        for name, part in self._parts.items():
            start = f"{name}."
            part.restore({key.removeprefix(start): a for key, a in state.items() if key.startswith(start)})
