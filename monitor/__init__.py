"""The sidecar itself: command line, wire, configuration, and the one loop that counts, judges and routes."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
