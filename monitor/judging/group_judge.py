"""The judge of a version's groups: all of them as arrays, under the version, whose ruling they fall back on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from detectors.groups.counts import GroupBatch
from detectors.groups.fitted import Groups, members
from detectors.groups.sets import GroupSets
from detectors.groups.tracking import GroupTracking
from detectors.harm import BANDS, HarmAlarm, HarmReading, upper_bound
from detectors.profile import Profile
from detectors.rates import Rates
from detectors.selective import TAU
from detectors.types import BoolArray, FloatArray, Stake, State
from fallback.policy import Policy
from fallback.records import Command, Signals
from fallback.types import BreakerState, GroupRuling
from monitor.config import Config
from monitor.group_counts import group_batch
from monitor.judging.group_bars import Bars
from monitor.judging.group_breakers import GroupBreakers, GroupStep
from monitor.judging.group_gaps import GroupGaps
from monitor.judging.group_types import GroupsJudged, Situation
from monitor.judging.probes import risk
from monitor.summaries import VersionCounts

__all__ = ["GroupJudge", "GroupsJudged", "Situation"]

_MEMORY = 2000.0
"""Requests of a group after which recent traffic has half forgotten, roughly; of all, for the groups' shares."""
_RULES = 0.5
"""Share of the groups' weight of harm that their own rates have; the gaps between them have the rest."""
_NOTHING = HarmReading(-math.inf, (), None, open=False)


class GroupJudge:
    """Judges the groups of one version; a deterministic function of the counts, restored to the bit from its state.

    The groups have half of the weight of harm, and the version's own views the other half, so that the rate of false
    pages holds over all of them. A group has a bar of its own from the reference on, for a higher bar is safe on few
    labels; a breaker and sets once it has `breaker.min_volume` requests, those of the reference among them. Until then,
    and where it has too few labels, these are the version's.
    """

    def __init__(self, config: Config, profile: Profile, groups: Groups, policy: Policy, threshold: float) -> None:
        promise, n = config.promise, len(groups)
        self.groups = groups
        self._min_volume, self._floor = config.breaker.min_volume, policy.min_acceptance
        log_level = math.log(promise.false_pages.n) + math.log(2)
        self._bars = Bars(groups, profile.fitted.rank_counts, TAU * promise.max_error)
        self._tracking = GroupTracking(TAU * promise.max_error, self._bars.offsets(threshold))
        self._sets = GroupSets(promise.coverage, groups.edges, groups.scores)
        wrong = groups.errors.sum(axis=1)
        tolerated = np.concatenate([upper_bound(wrong[:, 1], wrong.sum(axis=1)), np.full(n, promise.max_error)])
        names = [f"{what} of {label}" for what in ("error", "promise") for label in groups.labels]
        self._gaps = GroupGaps(config, profile, groups, threshold, log_level, policy.close_hold, 1 - _RULES)
        own = _RULES if self._gaps.watched else 1.0
        self._rates = Rates(names, tolerated, log_level, policy.close_hold, share=own)
        self.breakers = GroupBreakers(f"{config.model}/{profile.version}", groups.labels, policy)
        self._volume = groups.n.astype(np.float64)
        self._recent = np.zeros(n + 1)
        self._traffic = groups.traffic * np.minimum(1.0, _MEMORY / np.maximum(groups.n, 1))[:, None]
        self._began_with = self._could_pass(threshold)
        self._since = np.zeros((n, BANDS, 2))
        self._probed = np.zeros((n, BANDS, 2))
        self.totals = np.zeros((n, 6))
        """(groups, 6): requests, answered by the model; labels of those, wrong ones; judged coverage, and misses."""

    @property
    def gaps_open(self) -> bool:
        """Whether some gap between groups has an open episode."""
        return self._gaps.is_open

    @property
    def followed(self) -> BoolArray:
        """(groups,): which have enough requests to be ruled on."""
        return self._volume >= self._min_volume

    def others(self, batch: GroupBatch, weights: FloatArray) -> FloatArray:
        """Weights of a batch's scores, nought for those of groups whose own breaker is not closed."""
        apart = self.breakers.apart
        if not apart.any() or not len(batch.bits):
            return weights
        return np.where(members(batch.bits, len(apart))[:, apart].any(axis=1), 0.0, weights)

    def read(self, counts: VersionCounts) -> GroupBatch:
        """Counts by group of a batch."""
        return group_batch(counts.groups, len(self.groups))

    def update(
        self,
        batch: GroupBatch,
        n: int,
        scores: FloatArray,
        weights: FloatArray,
        at: Situation,
        clock: float,
        time: float,
    ) -> GroupsJudged:
        """Take in a batch of `n` requests, those in no group among them."""
        self._count(batch, n)
        share = self._shares()
        followed = self.followed
        if batch.labels or len(scores):
            self._tracking.update(batch.labels, at.threshold, at.outstanding * share)
            self._sets.update(scores, weights, batch.bits, batch.misses, batch.judged, at.waiting * share)
        alarms = self._watch(batch, followed & (not self.breakers.resting), clock, time)
        steps = self._step(alarms, at, time, share)
        return GroupsJudged(tuple(alarms), tuple(steps), *self._apart(share))

    def compare(self, batch: GroupBatch, clock: float, time: float, harm: HarmReading) -> HarmReading:
        """Hold the gaps between groups against what is tolerated; `harm` is what the version's own views say."""
        compared = self.followed & ~self.breakers.apart
        return self._gaps.count(batch, compared, clock, time, harm)

    def command(self, place: int, command: Command, at: Situation, time: float) -> list[GroupStep]:
        """Carry out an operator's order on one group."""
        steps = self.breakers.command(place, command, self._signals(place, [], at, time))
        self._after(steps, at.threshold)
        return steps

    def rulings(self, time: float) -> tuple[GroupRuling, ...]:
        """What differs from the version's ruling, group by group."""
        own = zip(
            self.groups.labels,
            (np.ceil(self._tracking.offsets * 1000) / 1000).tolist(),
            [_rounded(each) for each in np.where(self.followed, self._sets.thresholds, np.nan).tolist()],
            self.breakers.records,
            strict=True,
        )
        rulings = (
            GroupRuling(label, offset, sets, record.state, record.epoch, self.breakers.ramp(place, time))
            for place, (label, offset, sets, record) in enumerate(own)
        )
        return tuple(each for each in rulings if each != GroupRuling(each.group))

    def state(self) -> State:
        """All parts' arrays, and its own."""
        parts = {f"{part}.{k}": v for part, owner in self._parts().items() for k, v in owner.state().items()}
        own = {name: getattr(self, name).copy() for name in _OWN}
        return parts | {name.strip("_"): array for name, array in own.items()}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same profile and configuration."""
        for part, owner in self._parts().items():
            owner.restore({k.partition(".")[2]: v for k, v in state.items() if k.startswith(f"{part}.")})
        for name in _OWN:
            setattr(self, name, state[name.strip("_")].astype(np.float64))

    def _parts(self) -> Mapping[str, GroupTracking | GroupSets | Rates | GroupGaps | GroupBreakers]:
        return {
            "tracking": self._tracking,
            "sets": self._sets,
            "rates": self._rates,
            "gaps": self._gaps,
            "breakers": self.breakers,
        }

    def _count(self, batch: GroupBatch, n: int) -> None:
        """Add up what came, and let recent traffic follow it."""
        self._volume += batch.n
        self._recent *= math.exp(-n / _MEMORY)
        self._recent += np.append(batch.n, n)
        self._traffic *= np.exp(-batch.n / _MEMORY)[:, None]
        self._traffic += batch.traffic
        accepted = batch.answers[:, Stake.ACCEPTED].sum(axis=1)
        columns = (batch.n, batch.passed, accepted.sum(axis=1), accepted[:, 1], batch.judged, batch.misses)
        self.totals += np.stack(columns, axis=1)

    def _shares(self) -> FloatArray:
        """(groups,): share of recent requests."""
        shares: FloatArray = self._recent[:-1] / max(self._recent[-1], 1.0)
        return shares

    def _apart(self, share: FloatArray) -> tuple[float, float]:
        if not self.breakers.apart.any():
            return math.nan, 0.0
        return self.breakers.shares(share, self.groups.name_of.tolist())

    def _watch(self, batch: GroupBatch, followed: BoolArray, clock: float, time: float) -> list[tuple[int, HarmAlarm]]:
        """Hold the errors of each group against its reference, and those of what passes against the promise."""
        n = len(self.groups)
        seen = np.zeros((2 * n, 2))
        for each in batch.labels:
            by_stake = each.counts.sum(axis=2)
            weights = np.full(len(Stake), each.propensity)
            weights[Stake.ACCEPTED] = 1.0
            seen[:n] += (weights[:, None] * by_stake).sum(axis=1)
            seen[n:] += by_stake[:, Stake.ACCEPTED] + each.propensity * by_stake[:, Stake.SUSPECTED]
        seen[~np.tile(followed, 2)] = 0.0
        said = self._rates.count(seen, clock, time, _NOTHING)
        bands = batch.answers.sum(axis=1)
        self._since = np.maximum(*self._rates.retained.reshape(2, n))[:, None, None] * self._since + bands
        self._probed += bands
        places = {name: i % n for i, name in enumerate(self._rates.names)}
        return self._narrowest([(places[alarm.view], alarm) for alarm in said.alarms])

    def _narrowest(self, alarms: list[tuple[int, HarmAlarm]]) -> list[tuple[int, HarmAlarm]]:
        """Of alarms of several names, those of the name with the greatest share of errors: there the fault is.

        What overlaps with these has seen the same labels, and begins anew.
        """
        if not alarms:
            return alarms
        name_of = self.groups.name_of
        worst = max(alarms, key=lambda each: each[1].wrong / max(each[1].n, 1))
        name = name_of[worst[0]]
        # of its own name, no other group has seen these labels
        self._rates.forget(np.tile(name_of != name, 2))
        return [each for each in alarms if name_of[each[0]] == name]

    def _few(self, threshold: float) -> BoolArray:
        """(groups,): of which too little could pass, though on the reference enough did."""
        few: BoolArray = self._could_pass(threshold) < self._floor
        return few & (self._began_with >= 2 * self._floor) & self.followed

    def _could_pass(self, threshold: float) -> FloatArray:
        """(groups,): share of recent traffic at or above the group's bar, taking it as even within a band."""
        bar = (threshold + self._tracking.offsets)[:, None]
        covered = np.clip(np.arange(1, BANDS + 1) - bar * BANDS, 0.0, 1.0)
        passing = (covered * self._traffic).sum(axis=1)
        total = self._traffic.sum(axis=1)
        share: FloatArray = np.divide(passing, total, out=np.ones(len(total)), where=total > 0)
        return share

    def _step(
        self, alarms: Sequence[tuple[int, HarmAlarm]], at: Situation, time: float, share: FloatArray
    ) -> list[GroupStep]:
        news = self._few(at.threshold)
        news[[place for place, _ in alarms]] = True

        def signals_of(place: int) -> Signals:
            return self._signals(place, [alarm for where, alarm in alarms if where == place], at, time)

        steps = self.breakers.step(news, signals_of, time, at.breaker, self._apart(share)[1])
        self._after(steps, at.threshold)
        return steps

    def _after(self, steps: Sequence[GroupStep], threshold: float) -> None:
        """An epoch moves the bar at once, up for harm; what probes have shown sets it anew."""
        for place, each in steps:
            now = self._tracking.offsets[place]
            if each.harm:
                borne = self._bars.offset(place, self._since[place], self._traffic[place], threshold)
                self._tracking.jump(place, max(borne, float(now)))
            elif each.live_to is BreakerState.CLOSED and self._probed[place].sum():
                self._tracking.jump(
                    place, self._bars.offset(place, self._probed[place], self._traffic[place], threshold)
                )
            if each.to is not each.source:
                self._probed[place] = 0.0

    def _signals(self, place: int, alarms: Sequence[HarmAlarm], at: Situation, time: float) -> Signals:
        names = [alarm.view for alarm in alarms]
        n = len(self.groups)
        probes, bound = risk(self._probed[place], at.threshold + float(self._tracking.offsets[place]), self._floor)
        could_pass = self._could_pass(at.threshold)[place] if self._began_with[place] >= 2 * self._floor else math.nan
        return Signals(
            time=time,
            harm=tuple(name for name in names if name.startswith("error")),
            harm_open=bool(self._rates.held[[place, n + place]].any()),
            promise_broken=any(name.startswith("promise") for name in names),
            could_pass=float(could_pass),
            labels=int(self._since[place].sum()),
            risk_upper=bound,
            probes=probes,
            label_delay=at.label_delay,
        )


_OWN = ("_volume", "_recent", "_traffic", "_since", "_probed", "totals")


def _rounded(threshold: float) -> float | None:
    """A threshold in few digits, rounded up; None where the version's holds."""
    if math.isnan(threshold):
        return None
    return threshold if math.isinf(threshold) else float(f"{threshold + 1e-6 * abs(threshold):.6g}")
