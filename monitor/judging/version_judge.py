"""The judge of one version: counts in; evidence, thresholds and breaker out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from detectors.calibration.learn_then_test import first_certificate
from detectors.estimated import EstimatedError
from detectors.evidence import EvidenceReading
from detectors.harm import Harm, HarmReading, upper_bound
from detectors.profile import Profile
from detectors.selective import Selective, SelectiveReading, SelectiveReference, suspicion_level
from detectors.sets import AdaptiveSets
from detectors.types import Labels, Stake, State, Stateful
from fallback.breaker import new_epoch, step
from fallback.policy import Policy
from fallback.records import BreakerRecord, Command, Signals, Transition
from fallback.rules import ramp_share
from fallback.types import Verdict
from monitor.config import Config
from monitor.judging.bet_rules import new_evidence
from monitor.judging.group_judge import GroupJudge
from monitor.judging.group_part import GroupPart, harm_level
from monitor.judging.group_types import GroupsJudged, Situation
from monitor.judging.more_harm import MoreHarm
from monitor.judging.opinions import Opinions
from monitor.judging.probes import closes_on_evidence
from monitor.judging.tallies import Tallies
from monitor.judging.version_types import Judged, Seen, clocks_of
from monitor.packing import unpack
from monitor.summaries import VersionCounts, labels_of

__all__ = ["Judged", "VersionJudge"]


class VersionJudge:
    """Judges the counts of one version; a deterministic function of them, restored to the bit from its state."""

    def __init__(self, config: Config, profile: Profile, policy: Policy) -> None:
        fitted, promise = profile.fitted, config.promise
        self.profile, self.policy = profile, policy
        self._in_days = promise.false_pages.unit == "days"
        self.log_level = math.log(promise.false_pages.n)
        self._reference = SelectiveReference(fitted.rank_counts, fitted.n, fitted.events_per_day)
        self._propensity = 1.0 if config.outcomes.known == "all" else promise.audit
        self._layout = fitted.views.layout()
        quiet = policy.close_hold
        self._evidence = new_evidence(config, profile, self.log_level, quiet)
        self._bar = float(profile.facts.get("size_threshold", math.inf))
        tolerated = float(upper_bound(int((fitted.scores > self._bar).sum()), len(fitted.scores)))
        self._more = MoreHarm(profile, harm_level(profile, self.log_level), quiet, config.outcomes.flags)
        self._harm = Harm(fitted.rank_counts, promise.max_error, tolerated, self._more.level_of_others, quiet)
        errors, memory = (promise.max_error, promise.confidence), profile.error_memory
        first = first_certificate(fitted.rank_counts, *errors, memory)
        self._selective = Selective(self._reference, *errors, config.outcomes.known, first=first, memory=memory)
        self._estimated = EstimatedError(fitted.rank_counts)
        self._sets = AdaptiveSets(promise.coverage)
        self._sets.update(fitted.scores, 0, 0, 0)
        self._breaker = BreakerRecord(f"{config.model}/{profile.version}")
        self._opinions = Opinions(config.evidence.second_opinions, self._layout, fitted.counts)
        self._time = math.nan
        self._tallies = Tallies()
        self._groups = GroupPart(config, profile, policy, self._selective.reading().threshold)

    @property
    def groups(self) -> GroupJudge | None:
        """The judge of its groups; None where segments make none."""
        return self._groups.judge

    @property
    def breaker(self) -> BreakerRecord:
        """What the breaker remembers."""
        return self._breaker

    @property
    def estimated_error(self) -> float:
        """Error of what passes, estimated from its confidence alone; NaN if nothing does."""
        return self._estimated.error(self._selective.reading().threshold)

    @property
    def log_e_since_profile(self) -> float:
        """Logarithm of the evidence that anything has changed since the profile."""
        return self._evidence.log_e_since_profile

    def judge(
        self, batches: Sequence[VersionCounts], times: Sequence[float], waiting: Sequence[Sequence[int]]
    ) -> list[Judged]:
        """Judge some batches; the same as one after the other.

        `times` are the judge's clock at each batch, `waiting` the labels outstanding in all replicas, by stake.
        """
        judged: list[Judged] = []
        clocks = clocks_of([each.n for each in batches], times, self._time, in_days=self._in_days)
        while len(judged) < len(batches):
            # the views hear nothing of the rest, but that a trip by harm freezes them: so they go ahead together
            at, before, frozen = len(judged), self._evidence.state(), self._evidence.frozen
            was_open = bool(self._evidence.held.any())
            reading = self._look(batches[at:], clocks[at:], times[at:])
            for i in range(at, len(batches)):
                judged.append(
                    self._rule(batches[i], times[i], waiting[i], clocks[i], Seen.of(reading, i - at, was_open=was_open))
                )
                was_open = bool(reading.is_open[i - at])
                if self._breaker.harm != frozen:
                    self._evidence.restore(before)
                    self._look(batches[at : i + 1], clocks[at : i + 1], times[at : i + 1])
                    self._evidence.frozen = self._breaker.harm
                    break
        return judged

    def accept(self) -> dict[str, int]:
        """Take what came since each open change for normal: how many events that is, by view."""
        return {self._layout.names[view]: events for view, events in self._evidence.accept().items()}

    def command(self, command: Command, time: float) -> tuple[Transition, ...]:
        """Carry out an operator's order: a step of the breaker on what is known already."""
        return self._between(time, command=command)

    def command_group(self, group: str, command: Command, time: float) -> tuple[Transition, ...]:
        """Carry out an operator's order on the breaker of one group, `name=value`."""
        self._time = time
        return self._groups.command(group, command, self._situation(), time)

    def found_worse(self, why: str, time: float) -> tuple[Transition, ...]:
        """Take the version out that is worse than the one beside it: a step of its breaker."""
        return self._between(time, worse_than=why)

    def _between(self, time: float, **more: Any) -> tuple[Transition, ...]:
        """A step between two batches, on what is known already."""
        self._time = time
        reading = self._selective.reading()
        signals = self._signals(time, reading, warning=bool(self._evidence.held.any()))
        transitions = self._take(replace(signals, **more))
        self._evidence.frozen = self._breaker.harm
        return transitions

    def verdict(self) -> Verdict:
        """The present ruling, not yet in the ledger."""
        reading = self._selective.reading()
        return Verdict(
            state=self._breaker.state,
            epoch=reading.epoch,
            threshold=reading.threshold,
            certified_from=reading.certified_from,
            suspicion=reading.suspicion,
            propensity=self._propensity,
            set_threshold=self._sets.threshold,
            usual_delay=self._tallies.usual_delay,
            time=self._time,
            ledger_offset=-1,
            **({} if reading.platt is None else {"intercept": reading.platt[0], "slope": reading.platt[1]}),
            ramp=ramp_share(self._breaker, self._time, self.policy) if not math.isnan(self._time) else 1.0,
            groups=self._groups.rulings(self._time),
        )

    def settle(self) -> None:
        """Round what takes most room to what a snapshot keeps of it, and go on from there."""
        self._evidence.settle()

    def state(self) -> State:
        """All parts' arrays, each under its part's name."""
        arrays = {f"{part}.{name}": array for part, owner in self._parts() for name, array in owner.state().items()}
        breaker = np.frombuffer(msgspec.json.encode(self._breaker), dtype=np.uint8)
        own = {"time": np.array([self._time]), "breaker": breaker}
        return arrays | {name: array.copy() for name, array in own.items()}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same profile and configuration."""
        for part, owner in self._parts():
            owner.restore({k.partition(".")[2]: v for k, v in state.items() if k.startswith(f"{part}.")})
        self._time = float(state["time"][0])
        self._breaker = msgspec.json.decode(state["breaker"].tobytes(), type=BreakerRecord)

    def _parts(self) -> tuple[tuple[str, Stateful], ...]:
        return (
            ("evidence", self._evidence),
            ("harm", self._harm),
            ("selective", self._selective),
            ("sets", self._sets),
            ("estimated", self._estimated),
            ("more", self._more),
            ("tallies", self._tallies),
            ("groups", self._groups),
        )

    def _look(
        self, batches: Sequence[VersionCounts], clocks: Sequence[float], times: Sequence[float]
    ) -> EvidenceReading:
        counts = np.concatenate([unpack(each.counts).reshape(-1, self._layout.width) for each in batches])
        if len(counts) == len(batches) and not any(each.cells for each in batches):
            return self._evidence.update(counts, np.array(clocks), np.array(times))
        cells = [each.cells or [0] for each in batches]
        starts = np.cumsum([0, *map(len, cells)])
        flat = np.array([cell for each in cells for cell in each])
        return self._evidence.update(counts, np.array(clocks), np.array(times), flat, starts)

    def _rule(
        self,
        counts: VersionCounts,
        time: float,
        waiting: Sequence[int],
        clock: float,
        seen: Seen,
    ) -> Judged:
        self._time = time
        labels = labels_of(counts)
        self._tallies.add(counts, labels)
        scores, weights = np.frombuffer(counts.scores), np.frombuffer(counts.weights)
        # against the reference's threshold: the one that is served wanders, and its misses with it
        groups, others = self._groups.update(counts, scores, weights, self._situation(waiting), clock, time)
        if any(step.harm for _, step in groups.steps):
            # what a group is taken out for must not be held against the others as well
            self._harm.forget()
            self._selective.forget()
        missed = float(others[scores > self._bar].sum())
        harm = self._harm.update(labels, missed, float(others.sum()) - missed, clock, time)
        harm = self._groups.compare(clock, time, self._more.update(counts, scores, weights, clock, time, harm))
        reading = self._select(counts, labels, waiting, clock, seen)
        if len(scores):
            self._sets.update(scores, counts.misses, counts.judged, float(sum(waiting)), weights)
        if reading.epoch_alarm is not None:
            self._breaker = new_epoch(self._breaker)
            self._tallies.begin_epoch()
        transitions = self._step(time, harm, reading, groups, warning=seen.is_open)
        opinions = self._opinions.hear(counts, labels)
        return Judged(seen.alarms, harm, reading, transitions, self.verdict(), seen.top, opinions, groups)

    def _situation(self, waiting: Sequence[int] = (0,) * len(Stake)) -> Situation:
        moving = self._outstanding(waiting)
        delay = self._tallies.usual_delay
        return Situation(self._selective.reading().threshold, self._breaker, moving, float(sum(waiting)), delay)

    def _outstanding(self, waiting: Sequence[int]) -> float:
        """Labels outstanding that would move the threshold."""
        suspected = self._propensity * waiting[Stake.SUSPECTED]
        return waiting[Stake.ACCEPTED] + suspected + waiting[Stake.SUREST]

    def _select(
        self, counts: VersionCounts, labels: list[Labels], waiting: Sequence[int], clock: float, seen: Seen
    ) -> SelectiveReading:
        outstanding = self._outstanding(waiting)
        traffic = unpack(counts.traffic)
        self._estimated.update(traffic, int(sum(each.counts.sum() for each in labels)), clock)
        # once an episode is open, what else moves is part of it, and has been suspected already
        evidence = 0.0 if seen.was_open else self._suspicion(seen.top)
        evidence = max(evidence, self._suspicion(self._estimated.log_evidence))
        warned = bool(seen.alarms) and not seen.was_open
        return self._selective.update(labels, traffic, outstanding, evidence, warning_alarm=warned)

    def _suspicion(self, log_m: float) -> float:
        """How far evidence without labels is on its way to the alarm, in events."""
        log_a = self.log_level
        if self._in_days:
            log_m, log_a = self._reference.in_events(log_m), self._reference.in_events(log_a)
        return suspicion_level(log_m, log_a)

    def _step(
        self, time: float, harm: HarmReading, reading: SelectiveReading, groups: GroupsJudged, *, warning: bool
    ) -> tuple[Transition, ...]:
        signals = replace(
            self._signals(time, reading, warning=warning),
            harm=(*(alarm.view for alarm in harm.alarms), *self._groups.spread(groups, self._breaker)),
            promise_broken=harm.promise is not None,
            open_share=groups.open_share,
        )
        return self._take(signals)

    def _signals(self, time: float, reading: SelectiveReading, *, warning: bool) -> Signals:
        probes, risk = self._tallies.risk(reading.threshold, self.policy.min_acceptance)
        return Signals(
            time=time,
            warning=warning,
            harm_open=self._harm.is_open or self._more.is_open or self._groups.is_open,
            could_pass=reading.could_pass,
            labels=self._tallies.labels,
            schema_break=self._tallies.schema_break,
            risk_upper=risk,
            probes=probes,
            label_delay=self._tallies.usual_delay,
        )

    def _take(self, signals: Signals) -> tuple[Transition, ...]:
        """Let the breaker take a step; an epoch that begins with it is one of the threshold, too."""
        before = self._breaker
        self._breaker, transitions = step(before, signals, self.policy)
        if closes_on_evidence(before, transitions):
            self._selective.raise_to(self._tallies.borne_out(self._selective.reading().threshold, self.policy))
        if self._breaker.epoch != before.epoch:
            self._selective.begin_epoch()
            self._tallies.begin_epoch()
        if any(each.to is not each.source for each in transitions):
            self._tallies.probe_again()
        return transitions
