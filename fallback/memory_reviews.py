"""The queue of reviews in memory: for backtests, and for those who can do without what they had before a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from fallback.errors import LeaseLost, UnknownReview
from fallback.reviews import ReviewItem, ReviewKind, ReviewPolicy, Settled, TokenBucket

__all__ = ["MemoryReviews"]


@dataclass(frozen=True, slots=True)
class _Held:
    item: ReviewItem
    reviewer: str = ""
    until: float = 0.0


class MemoryReviews:
    """The queue in memory. A call looks at each open item once or a few times; of these there are never many."""

    def __init__(self, policy: ReviewPolicy) -> None:
        self._policy = policy
        self._open: dict[str, _Held] = {}
        self._settled: dict[str, Settled] = {}
        self._budget = TokenBucket(policy.rate, policy.burst, policy.reserve * policy.burst)
        self._measured = 0
        self.counts: Counter[str] = Counter()
        """How often what happened: offered, shed, claimed, answered, expired, repeated, audits_beyond_budget."""

    def __len__(self) -> int:
        return len(self._open)

    def offer(self, items: Iterable[ReviewItem], now: float) -> tuple[list[ReviewItem], list[ReviewItem]]:
        """Let in what there is room and budget for, the most valuable first; known items are neither."""
        new = {item.decision_id: item for item in items if not self._knows(item.decision_id)}
        shed: list[ReviewItem] = []
        refused: set[ReviewKind] = set()
        for item in sorted(new.values(), key=_worth):
            # what follows is worth less: after the first of a kind that is refused, the rest of it need not try
            if item.kind in refused or not self._admit(item, now, shed):
                refused.add(item.kind)
                shed.append(item)
            else:
                self._open[item.decision_id] = _Held(item)
        self.counts["offered"] += len(new)
        self.counts["shed"] += len(shed)
        return [item for item in new.values() if item.decision_id in self._open], shed

    def claim(self, reviewer: str, now: float, n: int = 1) -> list[ReviewItem]:
        """Take the most urgent items that are free; a lease that ran out is as good as none.

        Measurements get their reserve of all claims first, or they would starve behind urgent requests.
        """
        free = sorted(
            (h.item for h in self._open.values() if h.until <= now and not self._is_old(h.item, now)), key=_urgency
        )
        chosen: list[ReviewItem] = []
        while free and len(chosen) < n:
            owed = self._measured < self._policy.reserve * (self.counts["claimed"] + 1)
            item = next((one for one in free if owed and one.kind is not ReviewKind.HELD), free[0])
            free.remove(item)
            chosen.append(item)
            self._open[item.decision_id] = _Held(item, reviewer, now + self._policy.lease)
            self._measured += item.kind is not ReviewKind.HELD
            self.counts["claimed"] += 1
        return chosen

    def answer(self, decision_id: str, reviewer: str, answer: str | float, now: float) -> Settled:
        """Settle an item that this reviewer holds.

        Raises
        ------
        UnknownReview
            It was never here, was shed, or was settled too long ago to be remembered.
        LeaseLost
            Another reviewer holds it.
        """
        if decision_id in self._settled:
            self.counts["repeated"] += 1
            return self._settled[decision_id]
        held = self._open.get(decision_id)
        if held is None:
            raise UnknownReview(f"no review {decision_id!r}: it was shed, or settled long ago; claim another one")
        if held.reviewer != reviewer:
            raise LeaseLost(f"review {decision_id!r} is held by {held.reviewer!r}, not {reviewer!r}: claim it first")
        self.counts["answered"] += 1
        item = held.item
        return self._settle(Settled(decision_id, item.request_id, now, answer, reviewer, None, item.origin))

    def expire(self, now: float) -> list[Settled]:
        """Settle what is older than `max_age` by the policy, whoever holds it."""
        old = [held.item for held in self._open.values() if self._is_old(held.item, now)]
        self.counts["expired"] += len(old)
        policy = self._policy.on_expiry
        return [
            self._settle(Settled(one.decision_id, one.request_id, now, None, "expiry", policy, one.origin))
            for one in old
        ]

    def settle(self, decision_ids: Iterable[str]) -> None:
        """These were answered elsewhere: they need nobody any more."""
        for decision_id in decision_ids:
            self._open.pop(decision_id, None)

    def begin_again(self) -> None:
        """Forget what is open; whoever holds the partitions now tells what they left."""
        self._open.clear()

    def is_full(self, now: float) -> bool:
        """Whether neither room nor budget is left for an item that is no measurement."""
        return not self._has_place(ReviewKind.HELD, now)

    def audit_room(self, now: float) -> int:
        """Count the audits for which there is room and budget."""
        left = min(self._budget.left(now, privileged=True), self._policy.depth - len(self._open))
        return max(0, int(left))

    def _knows(self, decision_id: str) -> bool:
        return decision_id in self._open or decision_id in self._settled

    def _is_old(self, item: ReviewItem, now: float) -> bool:
        return now - item.offered_at > self._policy.max_age

    def _has_place(self, kind: ReviewKind, now: float) -> bool:
        privileged = kind is not ReviewKind.HELD
        room = self._policy.depth if privileged else int(self._policy.depth * (1.0 - self._policy.reserve))
        return len(self._open) < room and self._budget.left(now, privileged=privileged) >= 1.0

    def _admit(self, item: ReviewItem, now: float, shed: list[ReviewItem]) -> bool:
        if self._has_place(item.kind, now):
            self._budget.take()
            return True
        if self._replace(item, now, shed):
            return True
        # an audit's propensity is in its decision: shedding it would bend what is measured
        audit = item.kind is ReviewKind.AUDIT
        self.counts["audits_beyond_budget"] += audit
        return audit

    def _replace(self, item: ReviewItem, now: float, shed: list[ReviewItem]) -> bool:
        """Shed the least valuable item that nobody is looking at, if it is worth less; its place and budget pass on."""
        idle = [h.item for h in self._open.values() if h.until <= now and h.item.kind is not ReviewKind.AUDIT]
        least = max(idle, key=_worth, default=None)
        if least is None or _worth(least)[:2] <= _worth(item)[:2]:
            return False
        del self._open[least.decision_id]
        shed.append(least)
        return True

    def _settle(self, settled: Settled) -> Settled:
        self._open.pop(settled.decision_id, None)
        self._settled[settled.decision_id] = settled
        while len(self._settled) > self._policy.remembered:
            del self._settled[next(iter(self._settled))]
        return settled


_ORDER = {ReviewKind.AUDIT: 0, ReviewKind.PROBE: 1, ReviewKind.HELD: 2}


def _urgency(item: ReviewItem) -> tuple[float, float, str]:
    """Sort key of claims: priority, then age; the id makes it definite."""
    return -item.priority, item.offered_at, item.decision_id


def _worth(item: ReviewItem) -> tuple[int, float, float, str]:
    """Sort key of room: measurements first, then urgency."""
    return _ORDER[item.kind], *_urgency(item)
