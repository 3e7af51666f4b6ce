"""What waits in the partitions of this replica: decisions for their labels, requests for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from detectors.profile import Profile
from monitor.answering import Answering
from monitor.joins.rebuilding import open_reviews, refill
from monitor.joins.shared import PartitionedJoins
from monitor.logs import Log
from monitor.topics import Topics

__all__ = ["Rebuild", "Takeover"]

_LIFETIMES = 2.0
"""A label that was asked for before an outage longer than its lifetime must still be missed, once."""
_MOST = 1_000_000
_MOST_REVIEWS = 100_000


class Rebuild(Protocol):
    """Is told how many decisions of which partitions were read back."""

    def __call__(self, partitions: list[int], decisions: int, /) -> None:
        """Take note."""
        ...


class Takeover:
    """Begins anew whenever the group is shared out: others may have gone on with any partition meanwhile.

    Parameters
    ----------
    log, topics
        Where it is all told.
    joins, answering
        What is filled.
    profiles
        By version.
    expire, review_expire
        How long a label and a person are waited for, in seconds.
    tell
        Is told what was read back.
    """

    def __init__(
        self,
        log: Log,
        topics: Topics,
        joins: PartitionedJoins,
        answering: Answering,
        profiles: Mapping[str, Profile],
        expire: float,
        review_expire: float,
        tell: Rebuild = lambda _partitions, _decisions, /: None,
    ) -> None:
        self.joins = joins
        self._log, self._topics, self._answering = log, topics, answering
        self._profiles = profiles
        self._expire, self._review_expire = expire, review_expire
        self._tell = tell

    def take(self, now: float) -> None:
        """Read back what waits in the partitions that are ours now."""
        partitions = sorted(p for topic, p in self._log.assignment() if topic == self._topics.predictions)
        self.joins.forget()
        self.joins.share(partitions)
        since, most = now - _LIFETIMES * self._expire, _MOST // max(len(partitions), 1)
        found = sum(
            refill(self._log, self._topics, p, self.joins.store(p), self._profiles, since, most) for p in partitions
        )
        waiting = open_reviews(self._log, self._topics, partitions, now - self._review_expire, _MOST_REVIEWS)
        self._answering.restore(waiting, now)
        self._tell(partitions, found)
