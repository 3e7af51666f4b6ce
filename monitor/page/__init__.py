"""What the status page shows, as data."""

from __future__ import annotations

__all__: list[str] = []
