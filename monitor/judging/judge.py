"""Judge: the summaries of all replicas become evidence, verdicts and transitions in the ledger.

Everything here is a function of the summaries alone, their times included, so whoever judges them again from the last
snapshot gets the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

import msgspec
import numpy as np

from detectors.profile import Profile
from fallback.policy import Policy
from fallback.records import Transition
from fallback.types import Verdict
from monitor.config import Config
from monitor.events import format_time, parse_time
from monitor.judging import happened, records
from monitor.judging import tells as judge_tells
from monitor.judging.canary import Canary
from monitor.judging.covered import Covered
from monitor.judging.orders import obey, told
from monitor.judging.patches import patched
from monitor.judging.snapshots import FORMAT, packed, parts_of, readable, unpacked
from monitor.judging.trips import Trips
from monitor.judging.version_judge import Judged, VersionJudge
from monitor.ledger.chain import Chain
from monitor.observing import Observer, Ruled
from monitor.summaries import Damaged, Examples, KillNotice, OperatorOrder, Summary, Told
from monitor.topics import Topics

__all__ = ["SNAPSHOT_EVERY", "Judge"]

SNAPSHOT_EVERY = 10_000
"""Summaries between two snapshots: a new judge has at most these to judge again, a few seconds' work."""


class Judge:
    """Judges summaries, in the order of their topic.

    Parameters
    ----------
    config, profiles, policy
        The promise, a profile a version, and the breaker's policy.
    observe
        Is told of every alarm, transition and verdict.
    snapshot_every
        Summaries between two snapshots.
    """

    def __init__(
        self,
        config: Config,
        profiles: Mapping[str, Profile],
        policy: Policy,
        observe: Observer,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._config = config
        self._observe = observe
        self._snapshot_every = snapshot_every
        self.versions = {version: VersionJudge(config, profile, policy) for version, profile in profiles.items()}
        self._covered = Covered(Topics.of(config).predictions)
        self._rules = records.rules(config)
        self._chain = Chain()
        self._clock, self._began = -math.inf, 0.0
        self._summaries = 0
        self._told: dict[str, tuple[Verdict, int]] = {}
        self._canary = None if config.canary is None else Canary(config, config.canary)
        self._trips = Trips(enforced=config.breaker.mode == "enforce", window=config.outcomes.flags.window)

    @property
    def head(self) -> str:
        """Hash of the ledger's last record."""
        return self._chain.head

    @property
    def events(self) -> int:
        """Records of predictions judged so far, unreadable ones included."""
        return self._covered.events

    def begin(self, time: float, offset: int = 0, ended: Sequence[Mapping[str, Any]] = ()) -> list[bytes]:
        """The first records of a ledger, or of a new promise in it: what is promised, and what holds at first.

        `offset` is the first summary's under it, `ended` are episodes that it ends.
        """
        # as it can be read back: whoever judges again begins with what the record says
        time = self._began = parse_time(format_time(time))
        fields = records.start(self._config, self.digests(), self._rules) | {"offset": offset}
        lines = [self._chain.append("start", time, fields | ({"patched": list(ended)} if ended else {}))]
        lines += [self._say(version, judge.verdict(), time) for version, judge in self.versions.items()]
        for told_of in ended:
            self._observe(patched(told_of, time))
        return lines

    def accepts(self, base: Mapping[str, Any]) -> bool:
        """Whether a record that a judge can begin from was written under the same profiles and rules."""
        return self.knows(base) and base.get("rules") == self._rules

    def knows(self, base: Mapping[str, Any]) -> bool:
        """Whether it was written under the same profiles, and can be read."""
        return readable(base) and dict(base["profiles"]) == self.digests()

    def judge(self, records_read: Sequence[Told | Damaged], offsets: Sequence[int], topic: str) -> list[bytes]:
        """Judge summaries and orders, in the order of their topic; returns lines for the ledger."""
        lines: list[bytes] = []
        pairs = list(zip(records_read, offsets, strict=True))
        while pairs:
            # a snapshot falls after a whole number of summaries, however they were polled
            room = self._snapshot_every - self._summaries % self._snapshot_every
            # what a canary brings must not depend on how summaries were polled
            room = 1 if self._canary is not None and self._canary.is_open else room
            counted = list(takewhile(lambda pair: isinstance(pair[0], Summary), pairs[:room]))
            part, pairs = (counted, pairs[len(counted) :]) if counted else (pairs[:1], pairs[1:])
            lines += self._judge(part, topic) if counted else self._heed(*part[0], topic)
            if self._summaries % self._snapshot_every == 0:
                # what is written is what it goes on with, or whoever begins from it would differ
                for judge in self.versions.values():
                    judge.settle()
                lines.append(self._chain.append("snapshot", self._now(), self._snapshot(part[-1][1] + 1)))
        return lines

    def resume(self, last_line: bytes) -> None:
        """Go on writing behind the ledger's last record."""
        self._chain = Chain.resume(last_line)

    def state(self) -> dict[str, Any]:
        """All that it knows, as plain values; equal states are equal to the bit."""
        return self._snapshot(0)

    def restore(self, base: Mapping[str, Any], after: Sequence[bytes] = ()) -> None:
        """Continue from the fields of a snapshot, or of the record that began the ledger and the verdicts after it."""
        self._began = parse_time(base["time"])
        if "versions" not in base:
            verdicts = [self._chain.append(*parts_of(line)) for line in after[: len(self.versions)]]
            for line in verdicts:
                _, _, fields = parts_of(line)
                self._told[fields["version"]] = (Verdict.from_builtins(fields["verdict"]), 0)
            return
        for version, text in base["versions"].items():
            self.versions[version].restore(unpacked(text))
        if self._canary is not None and "canary" in base:
            self._canary.restore(unpacked(base["canary"]))
        self._clock = -math.inf if base["clock"] is None else float(base["clock"])
        self._summaries = int(base["summaries"])
        self._covered.restore(base)
        self._told = {v: (Verdict.from_builtins(each), int(n)) for v, (each, n) in base["told"].items()}
        self._trips.restore(base.get("trips", {}))

    def digests(self) -> dict[str, str]:
        """Digest of each version's profile."""
        return {version: judge.profile.digest for version, judge in self.versions.items()}

    def _judge(self, part: Sequence[tuple[Any, int]], topic: str) -> list[bytes]:
        summaries: list[Summary] = [each for each, _ in part]
        times = np.maximum.accumulate([max(self._clock, each.time) for each in summaries]).tolist()
        judged: dict[tuple[int, str], Judged] = {}
        outstanding = [self._covered.outstanding(each) for each in summaries]
        for version, judge in self.versions.items():
            # counts of another profile have other bins: their replica is about to be restarted, or we are
            mine = [
                (i, counts)
                for i, each in enumerate(summaries)
                for counts in each.versions
                if counts.version == version and counts.profile == judge.profile.digest
            ]
            results = judge.judge(
                [counts for _, counts in mine], [times[i] for i, _ in mine], [outstanding[i] for i, _ in mine]
            )
            judged |= {(i, version): result for (i, _), result in zip(mine, results, strict=True)}
        lines: list[bytes] = []
        for i, summary in enumerate(summaries):
            self._clock = times[i]
            self._summaries += 1
            self._covered.note(summary.ranges, topic, part[i][1])
            for version in self.versions:
                if (i, version) in judged:
                    lines += self._tell(version, judged[i, version])
            lines += self._compare(summary, {version: each for (at, version), each in judged.items() if at == i})
            lines += self._trips.look(summary.versions, self._clock, self._write, self._observe)
        return lines

    def _compare(self, summary: Summary, judged: Mapping[str, Judged]) -> list[bytes]:
        """A candidate beside its baseline; one that turns out worse is taken out at once."""
        canary = self._canary
        if canary is None or not canary.is_open or (said := canary.look(summary.versions, judged)) is None:
            return []
        self._observe(judge_tells.compared(self._clock, self._covered.events - 1, said))
        lines = [self._write("canary", {**said, "event": self._covered.events - 1})]
        if said["verdict"] == "worse" and canary.candidate in self.versions:
            judge = self.versions[canary.candidate]
            steps = judge.found_worse(said["why"], self._clock)
            lines += [self._transition(canary.candidate, self._covered.events - 1, each, ()) for each in steps]
            lines.append(self._say(canary.candidate, judge.verdict(), self._clock))
        return lines

    def _heed(self, order: Told | Damaged, offset: int, topic: str) -> list[bytes]:
        """An operator's word: carried out, or refused with the reason; either way it is in the ledger."""
        self._summaries += 1
        self._covered.note((), topic, offset)
        if isinstance(order, KillNotice):
            return [self._write("kill_switch", msgspec.structs.asdict(order))]
        if isinstance(order, Examples):
            return self._trips.explain(order, self.digests(), self._now(), self._write, self._observe)
        if not isinstance(order, OperatorOrder):
            return [self._write("skipped", {"offset": offset, "why": getattr(order, "why", "")})]
        stepped, said = obey(order, self.versions, self._clock)
        lines = [self._write("order", told(order) | said)]
        again = order.order in ("auto", "accept") and not order.segment
        if again and self._canary is not None and self._canary.candidate in stepped:
            self._canary.begin_again()
        for version, transitions in stepped.items():
            where = order.segment or ""
            lines += [self._transition(version, self._covered.events - 1, each, (), where) for each in transitions]
            lines.append(self._say(version, self.versions[version].verdict(), self._clock))
        return lines

    def _tell(self, version: str, judged: Judged) -> list[bytes]:
        """Records for what happened, and a verdict where it changed what holds."""
        judge, time, event = self.versions[version], self._clock, self._covered.events - 1
        lines = []
        for fields, alarm, group in happened.views(version, judge, judged, event, time):
            lines.append(self._write("alarm", fields))
            self._trips.moved(alarm, group)
            self._observe(alarm)
        whys: list[str] = []
        for fields, alarm in happened.harms(version, judged, event, time):
            # a broken promise says more than a rate that rose
            whys.insert(0 if alarm.view == "accepted error" else len(whys), alarm.why)
            lines.append(self._write("alarm", fields))
            self._observe(alarm)
        if judged.selective.epoch_alarm is not None:
            lines.append(self._write("epoch", records.epoch(version, event, judged.selective)))
        own: dict[int, list[str]] = {}
        labels = () if judge.groups is None else judge.groups.groups.labels
        for place, fields, alarm in happened.groups(version, judge, judged, event, time):
            own.setdefault(place, []).append(alarm.why)
            lines.append(self._write("alarm", fields))
            self._observe(alarm)
        for place, step in judged.groups.steps:
            lines.append(self._transition(version, event, step, own.get(place, ()), labels[place]))
        lines += [self._transition(version, event, each, whys) for each in judged.transitions]
        evidence = judge_tells.evidence(time, event, judged, judge)
        self._observe(evidence)
        last, at = self._told[version]
        if lines or judge_tells.is_news(judged.verdict, last, time - last.time, self._summaries - at):
            lines.append(self._say(version, judged.verdict, time, records.evidence(evidence)))
        return lines

    def _transition(
        self, version: str, event: int, transition: Transition, whys: Sequence[str], segment: str = ""
    ) -> bytes:
        fields = records.transition(version, event, transition, segment)
        trip = self._trips.stepped(version, transition, whys, segment)
        for seen in judge_tells.of_step(self._clock, self._config.model, fields, transition, trip):
            self._observe(seen)
        return self._write("transition", fields)

    def _say(self, version: str, verdict: Verdict, time: float, more: dict[str, Any] | None = None) -> bytes:
        verdict = replace(verdict, time=time, ledger_offset=self._chain.seq)
        self._told[version] = (verdict, self._summaries)
        for each in judge_tells.standing(verdict, version, self.versions[version], self._trips):
            self._observe(each)
        self._observe(Ruled(version=version, verdict=verdict, guarantee=records.guarantee(verdict)))
        return self._write("verdict", {"version": version, "verdict": verdict.to_builtins(), **(more or {})}, time)

    def _write(self, kind: str, fields: dict[str, Any], time: float | None = None) -> bytes:
        """A record, with the ranges that were judged since the one before."""
        return self._chain.append(
            kind, self._now() if time is None else time, {**fields, "judged": self._covered.told()}
        )

    def _now(self) -> float:
        """Its clock, which begins with the first summary; until then the time of the ledger's beginning."""
        return self._clock if math.isfinite(self._clock) else self._began

    def _snapshot(self, offset: int) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "offset": offset,
            "profiles": self.digests(),
            "rules": self._rules,
            "clock": None if math.isinf(self._clock) else self._clock,
            "summaries": self._summaries,
            **self._covered.state(),
            "told": {version: [verdict.to_builtins(), n] for version, (verdict, n) in self._told.items()},
            "trips": self._trips.state(),
            **({} if self._canary is None else {"canary": packed(self._canary.state())}),
            "versions": {version: packed(judge.state()) for version, judge in self.versions.items()},
        }
