"""Who answered the last requests, and why: shares that look back over a fixed number of requests."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from monitor.observing import Routed
from monitor.page.picture import Answerer, Reason, Shares
from monitor.page.shown import cut

__all__ = ["ROUTES", "Lately"]

ROUTES: Final = ("model", "fallback", "human", "refuse")
_LATELY: Final = 1000
"""Requests that are looked back over."""
_LISTED: Final = 10


class Lately:
    """Remembers the newest batches that hold so many requests together."""

    def __init__(self) -> None:
        self._recent: deque[Routed] = deque()
        self._n = 0

    def add(self, seen: Routed) -> None:
        """Take in a batch."""
        self._recent.append(seen)
        self._n += seen.events
        while len(self._recent) > 1 and self._n - self._recent[0].events >= _LATELY:
            self._n -= self._recent.popleft().events

    def shares(self) -> Shares:
        """Share of each route."""
        by_route = Counter[str]()
        for seen in self._recent:
            for (route, _), n in seen.decisions.items():
                by_route[route] += n
        return Shares(self._n, *[by_route[route] / self._n if self._n else 0.0 for route in ROUTES])

    def reasons(self) -> list[Reason]:
        """The most frequent routes with their reasons."""
        together = Counter[tuple[str, str]]()
        for seen in self._recent:
            together.update(seen.decisions)
        return [Reason(route, cut(reason), n) for (route, reason), n in together.most_common(_LISTED)]

    def answerers(self) -> list[Answerer]:
        """Who answered most, by name."""
        together = Counter[tuple[str, str]]()
        for seen in self._recent:
            together.update(seen.answerers)
        return [Answerer(route, cut(name), n) for (route, name), n in together.most_common(_LISTED)]
