"""Answers of the API: JSON, or a sentence of plain text; never kept by a cache."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import PlainTextResponse, Response

__all__ = ["json_reply", "words_reply"]


def json_reply(status: int, content: Mapping[str, object]) -> Response:
    """Give JSON."""
    return Response(msgspec.json.encode(content), status, {"cache-control": "no-store"}, "application/json")


def words_reply(status: int, words: str, **headers: str) -> PlainTextResponse:
    """Say what happened, in a sentence."""
    return PlainTextResponse(words.replace("..", ".") + "\n", status, {"cache-control": "no-store", **headers})
