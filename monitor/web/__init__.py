"""The status page, the health checks and the metrics over HTTP; starlette and uvicorn are imported only in here."""

from __future__ import annotations

__all__: list[str] = []
