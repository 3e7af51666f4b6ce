"""Groups: what holds for one value of a segment, kept apart from the whole, with the whole to fall back on."""

from __future__ import annotations

__all__: list[str] = []
