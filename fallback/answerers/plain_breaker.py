"""A plain breaker around something that fails or is slow: consecutive failures open it, time and one trial close it.

Good enough for a server, where time heals; the model itself has the one in `fallback.breaker`.
"""

from __future__ import annotations

__all__ = ["PlainBreaker"]


class PlainBreaker:
    """Opens after so many failures in a row; after a cool-down lets one trial through, whose result decides.

    `enter` hands out a generation, or None for no; whoever got one gives it back with `succeed`, `fail` or `leave`. A
    result of an earlier generation says nothing about the present one, and is dropped.
    """

    def __init__(self, failures: int = 5, cooldown: float = 10.0) -> None:
        self._limit = failures
        self._cooldown = cooldown
        self._failed = 0
        self._generation = 0
        self._retry_at: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether it is open, or on trial."""
        return self._retry_at is not None

    def enter(self, now: float) -> int | None:
        """Ask for leave to call at a time in seconds."""
        if self._retry_at is None:
            return self._generation
        if now < self._retry_at or self._trying:
            return None
        self._trying = True
        return self._generation

    def succeed(self, generation: int) -> None:
        """Say that the call went well."""
        if generation != self._generation:
            return
        if self._retry_at is not None:
            self._generation += 1
        self._failed, self._retry_at, self._trying = 0, None, False

    def fail(self, generation: int, now: float) -> None:
        """Say that the call failed."""
        if generation != self._generation:
            return
        self._failed += 1
        if self._trying or self._failed >= self._limit:
            self._generation += 1
            self._retry_at, self._trying = now + self._cooldown, False

    def leave(self, generation: int) -> None:
        """Say that the call came to nothing that would be its fault: cancelled, or about the request alone."""
        if generation == self._generation:
            self._trying = False
