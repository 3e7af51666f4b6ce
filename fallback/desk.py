"""The rules of the queue of reviews, wherever its items are kept: who gets in, who is shed, who is handed out when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from fallback.agreement import Counted, Vote, agreed, majority, most_votes
from fallback.errors import LeaseLost, UnknownReview
from fallback.reviews import ReviewItem, ReviewKind, ReviewPolicy, Settled, TokenBucket

__all__ = ["Desk", "Held", "Shelf"]


@dataclass(frozen=True, slots=True)
class Held:
    """An open item, who looks at it, until when it is theirs, and what others have said."""

    item: ReviewItem
    reviewer: str = ""
    until: float = 0.0
    votes: tuple[Vote, ...] = ()

    def is_leased(self, now: float, lease: float) -> bool:
        """Whether somebody looks at it now.

        No lease ends later than `lease` from now, but by a clock that was put back. A little is let pass; one that
        seems to last for more than twice as long is over, or the item would be nobody's until the clock has come again.
        """
        return now < self.until <= now + 2 * lease


class Shelf(Protocol):
    """Where items are kept. There are never many open ones, so all of them may be looked at."""

    counts: Counter[str]
    budget: TokenBucket

    def __len__(self) -> int:
        """Count the open items."""
        ...

    def held(self) -> Iterable[Held]:
        """Every open item, the first offered first."""
        ...

    def find(self, decision_id: str) -> Held | None:
        """An open item."""
        ...

    def put(self, held: Held) -> None:
        """Keep an open item, or what has become of it."""
        ...

    def drop(self, decision_id: str) -> None:
        """Keep an item no longer, if it is there."""
        ...

    def settled(self, decision_id: str) -> Settled | None:
        """How an item ended, if that is remembered."""
        ...

    def known(self, decision_ids: Iterable[str]) -> set[str]:
        """Which of these are open or remembered."""
        ...

    def remember(self, settled: Settled, most: int) -> None:
        """Remember how an item ended, and of all that ended the last `most`."""
        ...


class Desk:
    """Applies a policy to a shelf."""

    def __init__(self, policy: ReviewPolicy, shelf: Shelf) -> None:
        self._policy = policy
        self._shelf = shelf

    def offer(self, items: Iterable[ReviewItem], now: float) -> tuple[list[ReviewItem], list[ReviewItem]]:
        """Let in what there is room and budget for, the most valuable first; known items are neither."""
        offered = list(items)
        known = self._shelf.known([item.decision_id for item in offered])
        new = {item.decision_id: item for item in offered if item.decision_id not in known}
        shed: list[ReviewItem] = []
        refused: set[ReviewKind] = set()
        for item in sorted(new.values(), key=_worth):
            # what follows is worth less: after the first of a kind that is refused, the rest of it need not try
            if item.kind in refused or not self._admit(item, now, shed):
                refused.add(item.kind)
                shed.append(item)
            else:
                self._shelf.put(Held(item))
        self._shelf.counts["offered"] += len(new)
        self._shelf.counts["shed"] += len(shed)
        return [item for item in new.values() if self._shelf.find(item.decision_id) is not None], shed

    def claim(self, reviewer: str, now: float, n: int = 1) -> list[ReviewItem]:
        """Take the most urgent items that are free; a lease that ran out is as good as none.

        Measurements get their reserve of all claims first, or they would starve behind urgent requests. Nobody gets
        what they have answered, or what as many as are asked could not agree on.
        """
        counts = self._shelf.counts
        open_now = [h for h in self._shelf.held() if not self._is_taken(h, now) and not self._is_old(h.item, now)]
        votes = {h.item.decision_id: h.votes for h in open_now if self._wants(h, reviewer)}
        free = sorted((h.item for h in open_now if h.item.decision_id in votes), key=_urgency)
        chosen: list[ReviewItem] = []
        while free and len(chosen) < n:
            owed = counts["measured"] < self._policy.reserve * (counts["claimed"] + 1)
            item = next((one for one in free if owed and one.kind is not ReviewKind.HELD), free[0])
            free.remove(item)
            chosen.append(item)
            self._shelf.put(Held(item, reviewer, now + self._policy.lease, votes[item.decision_id]))
            counts["measured"] += item.kind is not ReviewKind.HELD
            counts["claimed"] += 1
        return chosen

    def answer(self, decision_id: str, reviewer: str, answer: str | float, now: float) -> Settled | Counted:
        """Answer an item that this reviewer holds: it is settled once more than half of those asked say the same.

        The first answer of a reviewer stays.

        Raises
        ------
        UnknownReview
            It was never here, was shed, or was settled too long ago to be remembered.
        LeaseLost
            Another reviewer holds it.
        """
        before = self._shelf.settled(decision_id)
        if before is not None:
            self._shelf.counts["repeated"] += 1
            return before
        held = self._shelf.find(decision_id)
        if held is None:
            raise UnknownReview(f"no review {decision_id!r}: it was shed, or settled long ago; claim another one")
        if any(vote.reviewer == reviewer for vote in held.votes):
            self._shelf.counts["repeated"] += 1
            return self._counted(held)
        if held.reviewer != reviewer:
            whose = f"is held by {held.reviewer!r}, not {reviewer!r}" if held.reviewer else "is held by nobody"
            raise LeaseLost(f"review {decision_id!r} {whose}: claim it first")
        self._shelf.counts["answered"] += 1
        item, votes = held.item, (*held.votes, Vote(reviewer, answer, now))
        found = agreed(votes, majority(self._policy.reviewers), self._policy.within)
        if found is None:
            self._shelf.counts["disputed"] += len(votes) == most_votes(self._policy.reviewers)
            self._shelf.put(waits := Held(item, votes=votes))
            return self._counted(waits)
        said, names = found
        return self.conclude(Settled(decision_id, item.request_id, now, said, names, None, item.origin))

    def expire(self, now: float) -> list[Settled]:
        """Settle what is older than `max_age` by the policy, whoever holds it."""
        old = [held.item for held in self._shelf.held() if self._is_old(held.item, now)]
        self._shelf.counts["expired"] += len(old)
        policy = self._policy.on_expiry
        return [
            self.conclude(Settled(one.decision_id, one.request_id, now, None, "expiry", policy, one.origin))
            for one in old
        ]

    def conclude(self, settled: Settled) -> Settled:
        """Remember how an item ended."""
        self._shelf.drop(settled.decision_id)
        self._shelf.remember(settled, self._policy.remembered)
        return settled

    def is_full(self, now: float) -> bool:
        """Whether neither room nor budget is left for an item that is no measurement."""
        return not self._has_place(ReviewKind.HELD, now)

    def audit_room(self, now: float) -> int:
        """Count the audits for which there is room and budget."""
        left = min(self._shelf.budget.left(now, privileged=True), self._policy.depth - len(self._shelf))
        return max(0, int(left))

    def _wants(self, held: Held, reviewer: str) -> bool:
        """Whether an item needs this reviewer's word."""
        voted = any(vote.reviewer == reviewer for vote in held.votes)
        return not voted and len(held.votes) < most_votes(self._policy.reviewers)

    def _counted(self, held: Held) -> Counted:
        item = held.item
        return Counted(item.decision_id, item.request_id, len(held.votes), majority(self._policy.reviewers))

    def _is_taken(self, held: Held, now: float) -> bool:
        return held.is_leased(now, self._policy.lease)

    def _is_old(self, item: ReviewItem, now: float) -> bool:
        return now - item.offered_at > self._policy.max_age

    def _has_place(self, kind: ReviewKind, now: float) -> bool:
        privileged = kind is not ReviewKind.HELD
        room = self._policy.depth if privileged else int(self._policy.depth * (1.0 - self._policy.reserve))
        return len(self._shelf) < room and self._shelf.budget.left(now, privileged=privileged) >= 1.0

    def _admit(self, item: ReviewItem, now: float, shed: list[ReviewItem]) -> bool:
        if self._has_place(item.kind, now):
            self._shelf.budget.take()
            return True
        if self._replace(item, now, shed):
            return True
        # an audit's propensity is in its decision: shedding it would bend what is measured
        audit = item.kind is ReviewKind.AUDIT
        self._shelf.counts["audits_beyond_budget"] += audit
        return audit

    def _replace(self, item: ReviewItem, now: float, shed: list[ReviewItem]) -> bool:
        """Shed the least valuable item that nobody has looked at, if it is worth less; its place and budget pass on."""
        unseen = [h for h in self._shelf.held() if not self._is_taken(h, now) and not h.votes]
        idle = [h.item for h in unseen if h.item.kind is not ReviewKind.AUDIT]
        least = max(idle, key=_worth, default=None)
        if least is None or _worth(least)[:2] <= _worth(item)[:2]:
            return False
        self._shelf.drop(least.decision_id)
        shed.append(least)
        return True


_ORDER = {ReviewKind.AUDIT: 0, ReviewKind.PROBE: 1, ReviewKind.HELD: 2}


def _urgency(item: ReviewItem) -> tuple[float, float, str]:
    """Sort key of claims: priority, then age; the id makes it definite."""
    return -item.priority, item.offered_at, item.decision_id


def _worth(item: ReviewItem) -> tuple[int, float, float, str]:
    """Sort key of room: measurements first, then urgency."""
    return _ORDER[item.kind], *_urgency(item)
