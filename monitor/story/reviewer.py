"""A person who answers what the model may not: simulated, from the true labels, after a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

__all__ = ["Reviewer"]


class Reviewer:
    """Knows the truth, needs `seconds` for each request and does one after the other.

    At most `patience` wait; more are left to the queue's expiry.
    """

    def __init__(self, truth: Mapping[str, str], seconds: float = 0.5, patience: int = 1000) -> None:
        self._truth = truth
        self._seconds = seconds
        self._patience = patience
        self._waiting: deque[tuple[float, str]] = deque()
        self._free_at = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, request_id: str, now: float) -> bool:
        """Put a request on the pile; False if it is unknown or the pile is full."""
        if request_id not in self._truth or len(self._waiting) >= self._patience:
            return False
        self._free_at = max(self._free_at, now) + self._seconds
        self._waiting.append((self._free_at, request_id))
        return True

    def answers(self, now: float) -> list[tuple[str, str]]:
        """(id, label) of the requests that are done by `now` (epoch seconds), each once."""
        done = []
        while self._waiting and self._waiting[0][0] <= now:
            _, request_id = self._waiting.popleft()
            done.append((request_id, self._truth[request_id]))
        return done
