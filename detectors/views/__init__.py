"""Views: from a batch of events to the bin that each falls in."""

from __future__ import annotations

__all__: list[str] = []
