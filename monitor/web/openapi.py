"""The OpenAPI description of what is served."""

from __future__ import annotations

from typing import Any

import msgspec

from monitor import __version__
from monitor.page.picture import Status

__all__ = ["openapi"]


def openapi() -> dict[str, Any]:
    """Describe it as OpenAPI 3.1; the schema of the status comes from its struct."""
    (status,), schemas = msgspec.json.schema_components([Status], ref_template="#/components/schemas/{name}")
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Holdback", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": {
            "/api/v1/status": _get("All that the status page shows", {"application/json": {"schema": status}}),
            "/api/v1/stream": _get(
                "The same as server-sent events, one a second",
                {"text/event-stream": {"schema": {"type": "string"}}},
                {"503": {"description": "As many clients follow as are taken"}},
            ),
            "/api/v1/openapi.json": _get("This description", {"application/json": {"schema": {"type": "object"}}}),
            "/livez": _get("The process runs", text),
            "/readyz": _get("It can answer", text, {"503": {"description": "It cannot; the text says why"}}),
            "/metrics": _get("Metrics, as text or OpenMetrics", text),
            "/": _get("The status page", {"text/html": {"schema": {"type": "string"}}}),
        },
        "components": {"schemas": schemas},
    }


def _get(summary: str, content: dict[str, Any], others: dict[str, Any] | None = None) -> dict[str, Any]:
    responses = {"200": {"description": summary, "content": content}, **(others or {})}
    return {"get": {"summary": summary, "responses": responses}}
