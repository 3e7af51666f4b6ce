"""The queue of reviews in memory: for backtests, and for those who can do without what they had before a restart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from fallback.desk import Desk, Held
from fallback.reviews import ReviewItem, ReviewPolicy, Settled, TokenBucket

__all__ = ["MemoryReviews"]


class _Shelf:
    """Open and settled items as dictionaries."""

    def __init__(self, budget: TokenBucket) -> None:
        self._open: dict[str, Held] = {}
        self._settled: dict[str, Settled] = {}
        self.counts: Counter[str] = Counter()
        self.budget = budget

    def __len__(self) -> int:
        return len(self._open)

    def held(self) -> Iterable[Held]:
        return self._open.values()

    def find(self, decision_id: str) -> Held | None:
        return self._open.get(decision_id)

    def put(self, held: Held) -> None:
        self._open[held.item.decision_id] = held

    def drop(self, decision_id: str) -> None:
        self._open.pop(decision_id, None)

    def settled(self, decision_id: str) -> Settled | None:
        return self._settled.get(decision_id)

    def known(self, decision_ids: Iterable[str]) -> set[str]:
        return {each for each in decision_ids if each in self._open or each in self._settled}

    def remember(self, settled: Settled, most: int) -> None:
        self._settled[settled.decision_id] = settled
        while len(self._settled) > most:
            del self._settled[next(iter(self._settled))]

    def clear(self) -> None:
        self._open.clear()


class MemoryReviews(Desk):
    """The queue in memory. A call looks at each open item once or a few times; of these there are never many."""

    def __init__(self, policy: ReviewPolicy) -> None:
        self._kept = _Shelf(TokenBucket(policy.rate, policy.burst, policy.reserve * policy.burst))
        super().__init__(policy, self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def counts(self) -> Counter[str]:
        """How often what happened: offered, shed, claimed, answered, settled, expired, repeated, and so on."""
        return self._kept.counts

    def item(self, decision_id: str) -> ReviewItem | None:
        """An open item."""
        held = self._kept.find(decision_id)
        return None if held is None else held.item

    @property
    def oldest(self) -> float:
        """When the oldest open item was offered; infinity if there is none."""
        return min((held.item.offered_at for held in self._kept.held()), default=math.inf)

    def budget(self, now: float) -> float:
        """How many more items the budget lets in now, beside its reserve for measurements."""
        return self._kept.budget.left(now, privileged=False)

    def settle(self, decision_ids: Iterable[str]) -> None:
        """These were answered elsewhere: they need nobody any more."""
        for decision_id in decision_ids:
            self._kept.counts["settled"] += self._kept.find(decision_id) is not None
            self._kept.drop(decision_id)

    def begin_again(self) -> None:
        """Forget what is open; whoever holds the partitions now tells what they left."""
        self._kept.clear()
