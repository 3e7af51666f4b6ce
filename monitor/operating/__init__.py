"""What the commands do on a broker: orders, dead letters, people's queue."""

from __future__ import annotations

__all__: list[str] = []
