"""The OpenAPI description of what is served."""

from __future__ import annotations

from typing import Any

import msgspec

from monitor import __version__
from monitor.page.picture import Status
from monitor.web.changes import BREAKER, KILL_SWITCH, BreakerChange, KillChange

__all__ = ["openapi"]


def openapi() -> dict[str, Any]:
    """Describe it as OpenAPI 3.1; the schema of the status comes from its struct."""
    (status, breaker, kill), schemas = msgspec.json.schema_components(
        [Status, BreakerChange, KillChange], ref_template="#/components/schemas/{name}"
    )
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Holdback", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": {
            "/api/v1/status": _get("All that the status page shows", {"application/json": {"schema": status}}),
            "/api/v1/stream": _get(
                "The same as server-sent events, one a second; events `parts` hold changed parts as HTML",
                {"text/event-stream": {"schema": {"type": "string"}}},
                {"503": {"description": "As many clients follow as are taken"}},
            ),
            "/api/v1/openapi.json": _get("This description", {"application/json": {"schema": {"type": "object"}}}),
            BREAKER: _post("An operator's order about the breaker", breaker, _JUDGED),
            KILL_SWITCH: _post("Turn this replica's kill switch", kill, {"500": {"description": "It is as it was"}}),
            "/livez": _get("The process runs", text),
            "/readyz": _get("It can answer", text, {"503": {"description": "It cannot; the text says why"}}),
            "/metrics": _get("Metrics, as text or OpenMetrics", text),
            "/": _get("The status page", {"text/html": {"schema": {"type": "string"}}}),
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer"}},
        },
    }


_REFUSED: dict[str, Any] = {
    "400": {"description": "It can't be understood; the text says why"},
    "401": {"description": "The operator's token is missing or wrong"},
    "403": {"description": "No token is configured, so nothing can be changed"},
}
_JUDGED: dict[str, Any] = {
    "202": {"description": "Not judged yet; it is carried out as soon as a judge is there"},
    "409": {"description": "The judge refused it, and says why"},
    "503": {"description": "Too many orders wait for the broker"},
}


def _post(summary: str, body: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "post": {
            "summary": summary,
            "security": [{"operator": []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {"200": {"description": "Done", "content": content}, **_REFUSED, **others},
        }
    }


def _get(summary: str, content: dict[str, Any], others: dict[str, Any] | None = None) -> dict[str, Any]:
    responses = {"200": {"description": summary, "content": content}, **(others or {})}
    return {"get": {"summary": summary, "responses": responses}}
