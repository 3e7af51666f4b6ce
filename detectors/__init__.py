"""What changed, and how sure is the model? Arrays in, readings out; no clock, no I/O, no hidden randomness."""

from __future__ import annotations

__all__: list[str] = []
