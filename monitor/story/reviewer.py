"""A person who answers what the model may not: simulated, from the true labels, after a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from monitor.events import Answer, Review, utc

__all__ = ["Reviewer"]


class Reviewer:
    """Knows the truth, needs `seconds` for each request and does one after the other.

    At most `patience` wait; more are left to the queue's expiry.
    """

    def __init__(self, truth: Mapping[str, str], seconds: float = 0.5, patience: int = 1000) -> None:
        self._truth = truth
        self._seconds = seconds
        self._patience = patience
        self._waiting: deque[tuple[float, Review]] = deque()
        self._free_at = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, review: Review, now: float) -> bool:
        """Put a request on the pile; False if it is unknown or the pile is full."""
        if review.id not in self._truth or len(self._waiting) >= self._patience:
            return False
        self._free_at = max(self._free_at, now) + self._seconds
        self._waiting.append((self._free_at, review))
        return True

    def answers(self, now: float) -> list[Answer]:
        """Answers to the requests that are done by `now` (epoch seconds), each once."""
        done = []
        while self._waiting and self._waiting[0][0] <= now:
            at, review = self._waiting.popleft()
            done.append(
                Answer(
                    id=review.id,
                    decision_id=review.decision_id,
                    time=utc(at),
                    answer=self._truth[review.id],
                    answered_by="reviewer",
                    expired=False,
                )
            )
        return done
