"""The canary: the candidate's counts beside the baseline's, and what that says of the candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from detectors.side_by_side import QUANTITIES, SideBySide, SideBySideReading, SideBySideVerdict
from detectors.types import RANK_CELLS, FloatArray, Stake, State
from fallback.types import BreakerState
from monitor.config import Canary as Wanted
from monitor.config import Config
from monitor.judging.version_types import Judged
from monitor.packing import unpack
from monitor.summaries import VersionCounts, labels_of

__all__ = ["Canary"]

_RANKS: Final = (np.arange(RANK_CELLS) + 0.5) / RANK_CELLS
_SERVING: Final = (BreakerState.CLOSED, BreakerState.DEGRADED)
_WORDS: Final = {"error": "more of its answers are wrong", "doubt": "it is less sure", "held back": "more is held back"}


class Canary:
    """Compares two versions, summary by summary; a function of the summaries alone.

    Errors are those of all requests where every outcome is known, else those of accepted answers that were audited.
    Doubt is one minus the confidence rank, in each version's own reference. What is held back is what lies below its
    bar, as long as both versions serve.
    """

    def __init__(self, config: Config, wanted: Wanted) -> None:
        self.baseline, self.candidate = wanted.baseline, wanted.candidate
        margin = config.promise.max_error / 2 if wanted.margin is None else wanted.margin
        self._stakes = list(Stake) if config.outcomes.known == "all" else [Stake.ACCEPTED]
        self._test = SideBySide(margin, wanted.tolerated, 1 - wanted.confidence)
        self._margin = margin
        self._batch: dict[str, list[FloatArray]] = {}
        self._bars: dict[str, float] = {}

    @property
    def is_open(self) -> bool:
        """Whether more may come of it."""
        return self._test.reading().verdict is not SideBySideVerdict.WORSE

    def look(self, counted: Sequence[VersionCounts], judged: Mapping[str, Judged]) -> dict[str, Any] | None:
        """Take in a summary, and say what it changed: fields for the ledger; None where the verdict stands."""
        for counts in counted:
            if counts.version in judged and counts.version in (self.baseline, self.candidate):
                self._take(counts.version, counts, judged[counts.version])
        if not self._batch:
            return None
        nothing = [np.empty(0)] * len(QUANTITIES)
        values = [self._batch.get(version, nothing) for version in (self.baseline, self.candidate)]
        if len(self._bars) < 2:
            # who holds everything back is not to be compared with
            values = [[*each[:2], np.empty(0)] for each in values]
        before = self._test.reading().verdict
        reading = self._test.update(*values)
        self._batch = {}
        return None if reading.verdict is before else self.told(reading)

    def begin_again(self) -> None:
        """An operator has spoken on the candidate: what was known of it is void."""
        self._test.begin_again()

    def told(self, reading: SideBySideReading | None = None) -> dict[str, Any]:
        """What is known, as the ledger has it."""
        reading = reading or self._test.reading()
        rates = {
            name: {"baseline": _number(pair[0]), "candidate": _number(pair[1])}
            for name, pair in zip(QUANTITIES, reading.means.tolist(), strict=True)
        }
        return {
            "baseline": self.baseline,
            "candidate": self.candidate,
            "verdict": reading.verdict.value,
            "why": self._why(reading, rates),
            "compared": reading.n,
            "means": rates,
        }

    def state(self) -> State:
        """The test's state, and the bars."""
        bars = np.array([self._bars.get(each, np.nan) for each in (self.baseline, self.candidate)])
        return {"bars": bars, **self._test.state()}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same versions."""
        names = zip((self.baseline, self.candidate), state["bars"].tolist(), strict=True)
        self._bars = {name: bar for name, bar in names if not np.isnan(bar)}
        self._test.restore(state)

    def _take(self, version: str, counts: VersionCounts, judged: Judged) -> None:
        """What one version showed, and the bar that it is held to from now on."""
        labels = sum((each.counts[self._stakes].sum(axis=(0, 1)) for each in labels_of(counts)), np.zeros(2, np.int64))
        traffic = unpack(counts.traffic)
        bar = self._bars.get(version)
        held = np.empty(0) if bar is None else np.repeat((bar > _RANKS).astype(float), traffic)
        self._batch[version] = [np.repeat([0.0, 1.0], labels), np.repeat(1 - _RANKS, traffic), held]
        verdict = judged.verdict
        serves = verdict.state in _SERVING and verdict.threshold <= 1
        if serves:
            self._bars[version] = verdict.threshold + verdict.suspicion
        else:
            self._bars.pop(version, None)

    def _why(self, reading: SideBySideReading, rates: Mapping[str, Mapping[str, float | None]]) -> str:
        who, other = f"version {self.candidate}", f"version {self.baseline}"
        if reading.verdict is SideBySideVerdict.WORSE:
            pair = rates[reading.what]
            numbers = f"{100 * (pair['candidate'] or 0):.1f} % against {100 * (pair['baseline'] or 0):.1f} %"
            return f"{who} is worse than {other}, beside which it serves: {_WORDS[reading.what]} ({numbers})"
        if reading.verdict is SideBySideVerdict.SAFE:
            return f"{who} makes fewer than {100 * self._margin:.2g} points more errors than {other}"
        return f"it is not decided yet whether {who} is worse than {other}"


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)
