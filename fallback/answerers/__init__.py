"""Who answers instead of the model. Nothing else in `fallback` talks to the network."""

from __future__ import annotations

__all__: list[str] = []
