"""The OpenAPI description of what is served."""

from __future__ import annotations

from typing import Any

import msgspec

from monitor import __version__
from monitor.page.picture import Status
from monitor.web.changes import BREAKER, KILL_SWITCH, BreakerChange, KillChange
from monitor.web.reviews import ANSWER, CLAIM, MOST_SHOWN, REVIEWS, ReviewAnswer, ReviewClaim

__all__ = ["openapi"]


def openapi() -> dict[str, Any]:
    """Describe it as OpenAPI 3.1; the schema of the status comes from its struct."""
    (status, breaker, kill, claim, answer), schemas = msgspec.json.schema_components(
        [Status, BreakerChange, KillChange, ReviewClaim, ReviewAnswer], ref_template="#/components/schemas/{name}"
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
            REVIEWS: _get(
                "What waits for a person, the most urgent first",
                {"application/json": {"schema": {"type": "object"}}},
                {**_UNKNOWN, "503": _NO_QUEUE},
                parameters=[_LIMIT],
                security=_REVIEWER,
            ),
            CLAIM: _post("Take what nobody looks at, for ten minutes", claim, {"503": _NO_QUEUE}, _REVIEWER),
            ANSWER: _post("Answer what this reviewer has claimed", answer, _ANSWERED, _REVIEWER),
            "/livez": _get("The process runs", text),
            "/readyz": _get("It can answer", text, {"503": {"description": "It cannot; the text says why"}}),
            "/metrics": _get("Metrics, as text or OpenMetrics", text),
            "/": _get("The status page", {"text/html": {"schema": {"type": "string"}}}),
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {each: {"type": "http", "scheme": "bearer"} for each in ("operator", "reviewer")},
        },
    }


_REFUSED: dict[str, Any] = {
    "400": {"description": "It can't be understood; the text says why"},
    "401": {"description": "The token is missing or wrong"},
    "403": {"description": "No token is configured, so nothing can be changed"},
}
_UNKNOWN: dict[str, Any] = {each: _REFUSED[each] for each in ("401", "403")}
_REVIEWER: list[dict[str, list[str]]] = [{"reviewer": []}, {"operator": []}]
_NO_QUEUE: dict[str, Any] = {"description": "There is no queue here, or its file can't be used; the text says why"}
_ANSWERED: dict[str, Any] = {
    "404": {"description": "There is no such review, or not any more"},
    "409": {"description": "Another reviewer holds it, or nobody does"},
    "410": {"description": "It has expired; the answer is not counted"},
    "503": _NO_QUEUE,
}
_LIMIT: dict[str, Any] = {
    "name": "limit",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN, "default": MOST_SHOWN},
}
_JUDGED: dict[str, Any] = {
    "202": {"description": "Not judged yet; it is carried out as soon as a judge is there"},
    "409": {"description": "The judge refused it, and says why"},
    "503": {"description": "Too many orders wait for the broker"},
}


def _post(
    summary: str,
    body: dict[str, Any],
    others: dict[str, Any],
    security: list[dict[str, list[str]]] | None = None,
) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "post": {
            "summary": summary,
            "security": security or [{"operator": []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {"200": {"description": "Done", "content": content}, **_REFUSED, **others},
        }
    }


def _get(summary: str, content: dict[str, Any], others: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    responses = {"200": {"description": summary, "content": content}, **(others or {})}
    return {"get": {"summary": summary, "responses": responses, **more}}
