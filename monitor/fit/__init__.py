"""Fitting: a recorded reference becomes a profile, and what is odd about it is said."""

from __future__ import annotations

__all__: list[str] = []
