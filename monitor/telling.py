"""What a turn of the loop tells those who watch: the page, the metrics, the log."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from detectors.method import Method
from detectors.profile import Profile
from fallback.types import Route
from monitor.events import Decision, epoch_seconds
from monitor.joins.records import Match, Pending
from monitor.judging.office import Judging
from monitor.nonconformity import is_wrong
from monitor.observing import Counted, Decided, Labelled, Observer, Routed
from monitor.turn import Turn

__all__ = ["Teller"]

_SHOWN = 3
_MOST_ANSWERS = 100_000
_Tally = tuple[int, int]


class Teller:
    """Sums up a turn in a few observations.

    It remembers what a fallback answered, in bounded memory, so as to say how often callers got a wrong answer.
    """

    def __init__(
        self, observe: Observer, within: float | None, profiles: Mapping[str, Profile] = MappingProxyType({})
    ) -> None:
        self._observe = observe
        self._within = within
        self._methods = {version: profile.method for version, profile in profiles.items()}
        self._fallbacks: dict[str, str | float | None] = {}
        self._records = 0

    def tell(self, turn: Turn, judging: Judging) -> None:
        """Tell of a turn that was committed."""
        if turn.decisions:
            self._tell_decisions(turn)
        if turn.matches:
            self._tell_labels(turn)
        features = [routed.arranged for routed in turn.routed if routed.arranged is not None]
        self._observe(
            Counted(
                dead_letters=Counter(each.reason.value for each in turn.intake.letters),
                joined=len(turn.matches),
                unmatched=turn.unmatched,
                expired=turn.expired,
                duplicates=sum(each.reason.value == "duplicate" for each in turn.intake.letters),
                skipped=turn.intake.skipped,
                backwards=turn.intake.backwards,
                features_missing=sum(each.missing for each in features),
                features_new=sum(each.new for each in features),
                segments_other=sum(each.grouped.others for each in turn.routed if each.grouped is not None),
                ledger_records=judging.records - self._records,
            )
        )
        self._records = judging.records

    def _tell_decisions(self, turn: Turn) -> None:
        time = turn.time if math.isfinite(turn.time) else 0.0
        for version, decisions in _by_version([each for some in turn.decisions.values() for each in some]).items():
            for each in decisions:
                if each.route == Route.FALLBACK.value:
                    self._fallbacks[each.id] = each.answer if not isinstance(each.answer, bool) else str(each.answer)
            routes: Counter[tuple[str, str]] = Counter((each.route, each.reason) for each in decisions)
            last = [_shown(each) for each in decisions[-_SHOWN:]]
            answerers: Counter[tuple[str, str]] = Counter((each.route, each.answered_by or "") for each in decisions)
            self._observe(
                Routed(
                    time=time,
                    decisions=routes,
                    version=version,
                    last=last,
                    seconds=turn.seconds,
                    answerers=answerers,
                )
            )
        while len(self._fallbacks) > _MOST_ANSWERS:
            self._fallbacks.pop(next(iter(self._fallbacks)))

    def _tell_labels(self, turn: Turn) -> None:
        time = turn.time if math.isfinite(turn.time) else 0.0
        for version in dict.fromkeys(match.pending.version for match in turn.matches):
            accepted, answered, alone = self._tallies(
                [each for each in turn.matches if each.pending.version == version]
            )
            self._observe(Labelled(time=time, accepted=accepted, answered=answered, alone=alone, version=version))

    def _tallies(self, matches: Sequence[Match]) -> tuple[_Tally, _Tally, _Tally]:
        """(labelled, wrong) of the answers that passed, of those that callers got, and of the model's alone."""
        accepted, answered, alone = [0, 0], [0, 0], [0, 0]
        for match in matches:
            pending = match.pending
            if pending.label is None and pending.value is None:
                continue
            wrong = self._wrong(pending, match)
            given = wrong if pending.accepted else self._fallback_wrong(match)
            tallies = ((alone, wrong), (answered, given), *(((accepted, wrong),) if pending.accepted else ()))
            for tally, missed in tallies:
                tally[0] += 1
                tally[1] += missed
        return (accepted[0], accepted[1]), (answered[0], answered[1]), (alone[0], alone[1])

    def _fallback_wrong(self, match: Match) -> bool:
        """Whether what stood in for the model was wrong; a person is taken to be right."""
        answer = self._fallbacks.pop(match.pending.id, None)
        if answer is None:
            return False
        stood_in = match.pending._replace(label=str(answer)) if match.truth_label is not None else match.pending
        return self._wrong(stood_in, match)

    def _wrong(self, pending: Pending, match: Match) -> bool:
        method = self._methods.get(pending.version, _PLAIN)
        return is_wrong(pending, match.truth_label, match.truth_value, self._within, method)


_PLAIN = Method()


def _by_version(decisions: Sequence[Decision]) -> dict[str, list[Decision]]:
    found: dict[str, list[Decision]] = {}
    for each in decisions:
        found.setdefault(each.version, []).append(each)
    return found


def _shown(decision: Decision) -> Decided:
    return Decided(
        id=decision.id,
        time=epoch_seconds(decision.time),
        route=decision.route,
        reason=decision.reason,
        answer=None if decision.answer is None else str(decision.answer),
        confidence=decision.confidence,
        threshold=decision.threshold,
        guarantee=decision.guarantee,
    )
