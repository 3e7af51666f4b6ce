"""Judge: counts become evidence, verdicts and steps of the breaker, and whoever judges again gets the same bits."""

from __future__ import annotations

__all__: list[str] = []
