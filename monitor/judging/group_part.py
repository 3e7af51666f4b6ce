"""The groups' part in the judge of a version; it does nothing where segments make no groups."""

from __future__ import annotations

import math

from detectors.groups.counts import GroupBatch
from detectors.harm import HarmReading
from detectors.profile import Profile
from detectors.types import FloatArray, State
from fallback.policy import Policy
from fallback.records import BreakerRecord, Command, Transition
from fallback.types import GroupRuling
from monitor.config import Config
from monitor.judging.group_judge import GroupJudge
from monitor.judging.group_types import GroupsJudged, Situation
from monitor.summaries import VersionCounts

__all__ = ["GroupPart", "harm_level"]


def harm_level(profile: Profile, log_level: float) -> float:
    """log A for the version's own views of harm: its groups have half of the weight, where there are any."""
    return log_level + (math.log(2) if profile.fitted.groups is not None else 0.0)


class GroupPart:
    """Holds the judge of the groups, if there is one; `threshold` is λ at first."""

    def __init__(self, config: Config, profile: Profile, policy: Policy, threshold: float) -> None:
        self._radius = policy.blast_radius
        self._batch: GroupBatch | None = None
        self.judge: GroupJudge | None = None
        """The judge of the groups; None where segments make none."""
        if profile.fitted.groups is not None:
            self.judge = GroupJudge(config, profile, profile.fitted.groups, policy, threshold)

    @property
    def is_open(self) -> bool:
        """Whether some gap between groups has an open episode."""
        return self.judge is not None and self.judge.gaps_open

    def update(
        self,
        counts: VersionCounts,
        scores: FloatArray,
        weights: FloatArray,
        at: Situation,
        clock: float,
        time: float,
    ) -> tuple[GroupsJudged, FloatArray]:
        """Judge a batch; returns with it the weights of its scores that count for the whole, too."""
        if self.judge is None:
            return GroupsJudged(), weights
        self._batch = self.judge.read(counts)
        judged = self.judge.update(self._batch, counts.n, scores, weights, at, clock, time)
        return judged, self.judge.others(self._batch, weights)

    def compare(self, clock: float, time: float, harm: HarmReading) -> HarmReading:
        """Add to `harm` what the gaps between groups say of the batch that was judged last."""
        if self.judge is None or self._batch is None:
            return harm
        return self.judge.compare(self._batch, clock, time, harm)

    def spread(self, judged: GroupsJudged, above: BreakerRecord) -> tuple[str, ...]:
        """Groups in trouble that hold too much of the traffic are one harm of the whole."""
        if above.harm or not judged.apart_share > self._radius:
            return ()
        return (f"segments with {judged.apart_share:.0%} of the traffic",)

    def rulings(self, time: float) -> tuple[GroupRuling, ...]:
        """What differs from the version's ruling, group by group."""
        return () if self.judge is None else self.judge.rulings(time)

    def command(self, group: str, command: Command, at: Situation, time: float) -> tuple[Transition, ...]:
        """Carry out an operator's order on the breaker of one group, `name=value`."""
        assert self.judge is not None
        place = self.judge.groups.labels.index(group)
        return tuple(step for _, step in self.judge.command(place, command, at, time))

    def state(self) -> State:
        """All that the groups remember."""
        return {} if self.judge is None else self.judge.state()

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same profile and configuration."""
        if self.judge is not None:
            self.judge.restore(state)
