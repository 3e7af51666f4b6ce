"""The status page's parts as HTML: one renderer, for the first sight of the page and for what is streamed after it."""

from __future__ import annotations

__all__: list[str] = []
