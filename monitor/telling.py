"""What a turn of the loop tells those who watch: the page, the metrics, the log."""

from __future__ import annotations

import math
from collections import Counter

from fallback.types import Route
from monitor.counter import is_wrong
from monitor.events import Decision, epoch_seconds
from monitor.joins_records import Match
from monitor.judging import Judging
from monitor.observing import Counted, Decided, Labelled, Observer, Routed
from monitor.pipeline import Turn

__all__ = ["Teller"]

_SHOWN = 3
_MOST_ANSWERS = 100_000


class Teller:
    """Sums up a turn in a few observations.

    It remembers what a fallback answered, in bounded memory, so as to say how often callers got a wrong answer.
    """

    def __init__(self, observe: Observer, within: float | None) -> None:
        self._observe = observe
        self._within = within
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
                ledger_records=judging.records - self._records,
            )
        )
        self._records = judging.records

    def _tell_decisions(self, turn: Turn) -> None:
        for each in turn.decisions:
            if each.route == Route.FALLBACK.value:
                self._fallbacks[each.id] = each.answer if not isinstance(each.answer, bool) else str(each.answer)
        while len(self._fallbacks) > _MOST_ANSWERS:
            self._fallbacks.pop(next(iter(self._fallbacks)))
        time = turn.time if math.isfinite(turn.time) else 0.0
        routes: Counter[tuple[str, str]] = Counter((each.route, each.reason) for each in turn.decisions)
        self._observe(Routed(time=time, decisions=routes, last=[_shown(each) for each in turn.decisions[-_SHOWN:]]))

    def _tell_labels(self, turn: Turn) -> None:
        accepted, answered, alone = [0, 0], [0, 0], [0, 0]
        for match in turn.matches:
            pending = match.pending
            if pending.label is None and pending.value is None:
                continue
            wrong = is_wrong(pending, match.truth_label, match.truth_value, self._within)
            given = wrong if pending.accepted else self._fallback_wrong(match)
            for tally, missed in (
                (alone, wrong),
                (answered, given),
                *(((accepted, wrong),) if pending.accepted else ()),
            ):
                tally[0] += 1
                tally[1] += missed
        time = turn.time if math.isfinite(turn.time) else 0.0
        self._observe(
            Labelled(time=time, accepted=tuple(accepted), answered=tuple(answered), alone=tuple(alone))  # type: ignore[arg-type]  # pairs
        )

    def _fallback_wrong(self, match: Match) -> bool:
        """Whether what stood in for the model was wrong; a person is taken to be right."""
        answer = self._fallbacks.pop(match.pending.id, None)
        if answer is None:
            return False
        stood_in = match.pending._replace(label=str(answer)) if match.truth_label is not None else match.pending
        return is_wrong(stood_in, match.truth_label, match.truth_value, self._within)


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
