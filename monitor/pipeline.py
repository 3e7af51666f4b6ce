"""From what was polled to everything that one transaction writes: count, route, join, judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from detectors.profile import Profile
from fallback.types import Health, Verdict, health_of
from monitor.answering import Answering
from monitor.answers import answer_record
from monitor.counter import Outcomes, count_outcomes, nothing_counted
from monitor.events import JoinRecord, utc
from monitor.examples import RecentRows
from monitor.hearing import Hearing
from monitor.intake import LATEST, Intake, bury_duplicates, take_answers, take_outcomes, take_predictions
from monitor.joins.records import Flagging, Match, Pending
from monitor.joins.shared import PartitionedJoins
from monitor.judging.office import Judging
from monitor.logs import Chunk
from monitor.overruling import KillSwitch, Orders
from monitor.router import UNJUDGED, Router
from monitor.summaries import Range, Summary, VersionCounts
from monitor.topics import Topics
from monitor.turn import Turn, by_partition, early_record, flag_record, joined_record, reviews_of, unmatched_letter

__all__ = ["Pipeline", "Settings"]

_DELAYS_TO_OVERDUE = 3.0
_LEAST_OVERDUE = 60.0
_HEARTBEAT = 5.0
"""Seconds without events after which a replica says that it is there, so that the judge's clock goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the pipeline is told of the configuration; times in seconds.

    `clock` gives wall time; None takes the running maximum of event time, from `start` on, and verdicts are always
    fresh: a backtest.
    """

    model: str
    version: str | None
    topics: Topics
    replica: str
    within: float | None
    max_bytes: int
    batch: int
    expire: float
    review_expire: float
    clock: Callable[[], float] | None = None
    start: float = -math.inf


class Pipeline:
    """Works through a poll; touches nothing but the join store and the judge, which the loop can take back."""

    def __init__(
        self,
        settings: Settings,
        router: Router,
        joins: PartitionedJoins,
        judging: Judging,
        answering: Answering,
        profiles: Mapping[str, Profile],
        orders: Orders | None = None,
        kill_switch: KillSwitch | None = None,
    ) -> None:
        self._orders = orders or Orders()
        self._kill_switch = kill_switch
        self._settings = settings
        self._router = router
        self._joins = joins
        self._judging = judging
        self._answering = answering
        self._profiles = profiles
        self._clock, self._hearing = settings.start, Hearing()
        self._summarised = -math.inf
        self._recent = RecentRows(profiles)

    @property
    def is_due(self) -> bool:
        """Whether there is something to do without anything polled: an order waits, or a silence of 5 s was live."""
        return bool(self._orders.waiting()) or self._judging.has_alarms or self._is_silent

    @property
    def _is_silent(self) -> bool:
        clock = self._settings.clock
        return clock is not None and bool(self._joins.partitions) and clock() - self._summarised >= _HEARTBEAT

    def now(self) -> float:
        """Wall time, or in a backtest the greatest time seen."""
        return self._settings.clock() if self._settings.clock else self._clock

    def work(self, chunks: Sequence[Chunk]) -> Turn:
        """Work through what was polled."""
        topics, turn = self._settings.topics, Turn()
        ranges = self._take(turn.intake, chunks)
        # only what was written moves the clock: a turn that is taken again begins where this one began
        turn.clock = max([self._clock, *turn.intake.clock])
        turn.time = self._settings.clock() if self._settings.clock else turn.clock
        self._decide(turn, {(chunk.topic, chunk.partition): chunk for chunk in chunks})
        self._join(turn)
        self._summarise(turn, ranges)
        summaries = [chunk for chunk in chunks if chunk.topic == topics.summaries]
        if self._judging.has_alarms:
            self._orders.explain(self._recent.explain(self._judging.take_alarms(), self._settings.replica))
        turn.orders = self._orders.waiting()
        turn.ledger = self._judging.judge(summaries, turn.time if math.isfinite(turn.time) else 0.0)
        self._answering.heard(turn.intake.answers)
        for each in self._answering.settled(turn.time):
            turn.answers.setdefault(each.origin, []).append(answer_record(each))
        return turn

    def keep(self, turn: Turn) -> None:
        """A turn was written."""
        self._answering.kept()
        self._orders.written(turn.orders)
        # as the summaries have them
        times = [turn.time] * turn.intake.batches if self._settings.clock else turn.intake.clock
        self._recent.take(turn.routed, times)
        self._clock = max(self._clock, turn.clock)
        self._summarised = turn.time if turn.summaries else self._summarised

    def end(self) -> Turn:
        """The end of a stream that has one: outcomes whose prediction never came are buried."""
        turn = Turn(time=self._clock if math.isfinite(self._clock) else 0.0)
        early = self._joins.expire(math.inf).early
        turn.intake.letters += [unmatched_letter(each, self._settings.topics.outcomes) for each in early]
        turn.unmatched = len(early)
        return turn

    def _take(self, intake: Intake, chunks: Sequence[Chunk]) -> list[Range]:
        """Decode predictions and outcomes; the ranges of the latter."""
        settings, ranges = self._settings, []
        latest = settings.clock() + LATEST if settings.clock else math.inf
        for chunk in chunks:
            if chunk.topic == settings.topics.predictions:
                clock = max([self._clock, *intake.clock])
                limits = (settings.max_bytes, settings.batch)
                take_predictions(intake, chunk, settings.model, settings.version, *limits, clock, latest)
            elif chunk.topic == settings.topics.outcomes:
                ranges += take_outcomes(intake, chunk, settings.model, settings.max_bytes)
            elif chunk.topic == settings.topics.answers:
                take_answers(intake, chunk)
        return ranges

    def _decide(self, turn: Turn, chunks: Mapping[tuple[str, int], Chunk]) -> None:
        """Route the predictions, and keep them until their labels come."""
        killed = self._kill_switch is not None and self._kill_switch.look() is not None
        for work in turn.intake.works.values():
            verdict, health = self._ruling(work.version, turn.time)
            routed = self._router.route(work, verdict, health, killed=killed)
            partitions = [source.partition for source in work.sources]
            added = self._joins.add(routed.pending, partitions)
            if added.duplicates:
                bury_duplicates(turn.intake, work, added.duplicates, chunks)
                if len(added.duplicates) == len(work.predictions):
                    continue
                routed = self._router.route(work.without(added.duplicates), verdict, health, killed=killed)
            decisions = self._router.decide(routed, turn.time)
            turn.routed.append(routed)
            self._answering.saw(routed.work.predictions, decisions)
            for partition, some in by_partition(decisions).items():
                turn.decisions.setdefault(partition, []).extend(some)
            # they have their time from now on, however old the event is
            for place, review in reviews_of(routed, decisions, turn.time + self._settings.review_expire):
                turn.reviews.setdefault(place, []).append(review)
            of = dict(zip((each.id for each in routed.pending), partitions, strict=False))
            for match in added.joined:
                turn.note(of[match.pending.id], joined_record(match))
            turn.matches += added.joined
            turn.dropped += added.dropped
        if len(turn.routed) > 1:
            for some in turn.decisions.values():
                some.sort(key=lambda each: each.source.offset)

    def _ruling(self, version: str, now: float) -> tuple[Verdict, Health]:
        verdict = self._judging.verdicts.get(version, UNJUDGED)
        timeless = self._settings.clock is None
        return verdict, Health.FRESH if timeless else health_of(self._hearing.age(version, verdict, now))

    def _join(self, turn: Turn) -> None:
        """Join outcomes to their decisions, and see which are overdue or will never come."""
        settings, now = self._settings, turn.time
        for partition, outcomes in turn.intake.outcomes.items():
            joined = self._joins.join(partition, outcomes)
            turn.matches += joined.matches
            turn.note(partition, *map(joined_record, joined.matches), *map(early_record, joined.early))
        self._flag(turn)
        overdue = turn.dropped
        if math.isfinite(now):
            delays = [each.usual_delay for each in self._judging.verdicts.values() if not math.isnan(each.usual_delay)]
            wait = max(_DELAYS_TO_OVERDUE * max(delays), _LEAST_OVERDUE) if delays else settings.expire
            for partition, pending in self._joins.overdue(now - wait):
                overdue.append(pending)
                turn.note(partition, JoinRecord(id=pending.id, time=utc(now), what="overdue"))
            expired = self._joins.expire(now)
            overdue += expired.asked
            turn.expired, turn.unmatched = expired.unlabelled, turn.unmatched + len(expired.early)
            turn.intake.letters += [unmatched_letter(each, settings.topics.outcomes) for each in expired.early]
        for start in range(0, max(len(turn.matches), len(turn.flags), 1), settings.batch):
            part = slice(start, start + settings.batch)
            # a backlog of labels is judged in batches as one of predictions is
            late, overdue = overdue, []
            turn.outcomes.append(self._counted(turn.matches[part], late, turn.flags[part]))

    def _flag(self, turn: Turn) -> None:
        """Find the decisions of flags; one whose decision is not known goes where unmatched outcomes go."""
        for partition, flags in turn.intake.flags.items():
            told = self._joins.flag(partition, [each.flagging for each in flags])
            new = [each for each in told if each.pending is not None and not each.again]
            turn.flags += new
            turn.note(partition, *map(flag_record, new))
            unknown = {each.id for each in told if each.pending is None}
            letters = [each.letter for each in flags if each.flagging.id in unknown]
            turn.intake.letters += letters
            turn.unmatched += len(letters)

    def _summarise(self, turn: Turn, ranges: list[Range]) -> None:
        """A summary a batch; outcomes go with the last, or make one of their own."""
        intake = turn.intake
        counted: list[dict[str, VersionCounts]] = [{} for _ in range(max(intake.batches, 1))]
        for routed in turn.routed:
            for batch, counts in enumerate(self._router.count(routed, intake.batches)):
                counted[batch][routed.work.version] = counts
        # labels go with the last batches, and have batches of their own where there are more of them
        more = max(len(turn.outcomes) - len(counted), 0)
        counted += [{} for _ in range(more)]
        first, due = len(counted) - len(turn.outcomes), self._is_silent
        for at, parts in enumerate(turn.outcomes, first):
            for version, outcomes in parts.items():
                if version in counted[at] or outcomes or due:
                    counts = counted[at].get(version, nothing_counted(self._profiles[version]))
                    counted[at][version] = outcomes.into(counts)
        read = [[each] for each in intake.ranges] or [[]]
        read[-1] += ranges
        read += [[] for _ in range(more)]
        times = list(intake.clock) or [turn.clock]
        times += [times[-1]] * more
        last = len(counted) - 1
        for i, (time, versions, each) in enumerate(zip(times, counted, read, strict=True)):
            # a batch of nothing but bad records has a place in the stream, too
            if versions or each:
                turn.summaries.append(
                    Summary(
                        replica=self._settings.replica,
                        time=turn.time if self._settings.clock else time,
                        ranges=each,
                        versions=list(versions.values()),
                        waiting=self._joins.waiting() if i == last else {},
                    )
                )

    def _counted(
        self, matches: Sequence[Match], overdue: Sequence[Pending], flags: Sequence[Flagging]
    ) -> dict[str, Outcomes]:
        """Outcomes and flags by version."""
        apart = self._router.grouping.apart(self._judging.verdicts)
        return {
            version: count_outcomes(
                [match for match in matches if match.pending.version == version],
                [each for each in overdue if each.version == version],
                profile,
                self._settings.within,
                [each for each in flags if each.pending is not None and each.pending.version == version],
                apart.get(version, 0),
            )
            for version, profile in self._profiles.items()
        }
