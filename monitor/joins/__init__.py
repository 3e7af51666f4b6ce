"""Late outcomes: decisions that wait for their label, and how a partition's are taken over."""

from __future__ import annotations

__all__: list[str] = []
