"""Fairness as the judge watches it: gaps of error, coverage and acceptance between the groups of each name."""

from __future__ import annotations

import math

import numpy as np

from detectors.groups.counts import GroupBatch
from detectors.groups.fitted import Groups
from detectors.groups.gaps import Gaps, reference_gaps
from detectors.harm import BANDS, HarmReading
from detectors.profile import Profile
from detectors.types import BoolArray, FloatArray, Stake, State
from monitor.config import Config

__all__ = ["GroupGaps"]


class GroupGaps:
    """An e-detector a group and kind of gap; kinds that nobody watches cost nothing."""

    def __init__(
        self,
        config: Config,
        profile: Profile,
        groups: Groups,
        threshold: float,
        log_level: float,
        quiet: float,
        share: float,
    ) -> None:
        name_of = groups.name_of
        tolerated = {
            "error": _wanted(config.fairness.error, _error_gaps(groups, threshold)),
            "coverage": _wanted(config.fairness.coverage, _coverage_gaps(groups, profile)),
            "acceptance": _wanted(config.fairness.acceptance, np.full(len(groups), np.inf)),
        }
        # a name with one group has nobody to be compared with
        alone = np.array([(name_of == name).sum() < 2 for name in name_of])
        watched = {what: np.where(alone, np.inf, gaps) for what, gaps in tolerated.items()}
        watched = {what: gaps for what, gaps in watched.items() if np.isfinite(gaps).any()}
        part = share / max(len(watched), 1)
        self._gaps = {
            what: Gaps(what, groups.labels, name_of, gaps, log_level, quiet, part) for what, gaps in watched.items()
        }

    @property
    def watched(self) -> bool:
        """Whether any gap is watched."""
        return bool(self._gaps)

    @property
    def is_open(self) -> bool:
        """Whether one of them has an open episode."""
        return any(each.is_open for each in self._gaps.values())

    def count(
        self, batch: GroupBatch, compared: BoolArray, clock: float, time: float, harm: HarmReading
    ) -> HarmReading:
        """Take in a batch; groups that are not `compared` are left out, as those whose own breaker is open."""
        for what, gaps in self._gaps.items():
            seen = np.where(compared[:, None], _seen(what, batch), 0.0)
            harm = gaps.count(seen, clock, time, harm)
        return harm

    def state(self) -> State:
        """Those of its parts."""
        return {f"{what}.{key}": array for what, each in self._gaps.items() for key, array in each.state().items()}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same profile and configuration."""
        for what, each in self._gaps.items():
            start = f"{what}."
            each.restore({key.removeprefix(start): a for key, a in state.items() if key.startswith(start)})


def _seen(what: str, batch: GroupBatch) -> FloatArray:
    """(groups, 2): of how many it does not hold, and of how many it does."""
    if what == "error":
        answers: FloatArray = batch.answers[:, Stake.ACCEPTED].sum(axis=1).astype(np.float64)
        return answers
    n, happened = (batch.judged, batch.misses) if what == "coverage" else (batch.n, batch.passed)
    seen: FloatArray = np.stack([n - happened, happened], axis=1).astype(np.float64)
    return seen


def _wanted(said: float | None, shown: FloatArray) -> FloatArray:
    """(groups,): what the user tolerates, or else what the reference shows; infinite where nothing is watched."""
    if said is None:
        return shown
    return np.full(len(shown), said if said < 1 else np.inf)


def _error_gaps(groups: Groups, threshold: float) -> FloatArray:
    """(groups,): between the errors of what would have passed on the reference."""
    start = min(math.floor(max(threshold, 0.0) * BANDS), BANDS - 1)
    answers = groups.errors[:, start:].sum(axis=1).astype(np.float64)
    return reference_gaps(answers[:, 1], answers.sum(axis=1), groups.name_of)


def _coverage_gaps(groups: Groups, profile: Profile) -> FloatArray:
    """(groups,): between the misses of the reference's threshold for all."""
    bar = float(profile.facts.get("size_threshold", math.inf))
    misses = groups.scores[:, groups.edges > bar].sum(axis=1).astype(np.float64)
    return reference_gaps(misses, groups.scores.sum(axis=1).astype(np.float64), groups.name_of)
