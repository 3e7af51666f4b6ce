"""The ledger: a chain of verdicts that shows every change of the past, and where it lies."""

from __future__ import annotations

__all__: list[str] = []
