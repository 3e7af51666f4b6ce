"""The web application: health, metrics, the status page and the JSON behind it; orders, for whoever has the token."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from monitor.page.status import Board
from monitor.web.changes import BREAKER, KILL_SWITCH, LONGEST_BODY, Changes
from monitor.web.feed import Feed
from monitor.web.guard import LOOPBACK_HOSTS, Guard
from monitor.web.openapi import openapi
from monitor.web.pages import HERE, status_page
from monitor.web.reviews import ANSWER, CLAIM, REVIEWS, Reviews

__all__ = ["Ready", "build_app"]

Ready = Callable[[], tuple[bool, str]]
"""Whether requests can be answered, and why (not)."""
_NO_STORE = {"cache-control": "no-store"}


def build_app(
    board: Board,
    metrics_registry: CollectorRegistry,
    ready: Ready,
    *,
    hosts: Collection[str] | None = LOOPBACK_HOSTS,
    changes: Changes | None = None,
    reviews: Reviews | None = None,
) -> Starlette:
    """Everything under one guard; `hosts` are the names it answers to, None for any. `app.state.feed` ends streams.

    Without `changes` it only reads; without `reviews` there is no queue of people here.
    """
    pages = _Pages(board, metrics_registry, ready)
    routes = pages.routes()
    posts: tuple[str, ...] = ()
    if changes is not None:
        posts = (BREAKER, KILL_SWITCH)
        routes += [Route(BREAKER, changes.breaker, methods=["POST"])]
        routes += [Route(KILL_SWITCH, changes.kill_switch, methods=["POST"])]
        board.operable = changes.possible
    if reviews is not None:
        posts += (CLAIM, ANSWER)
        routes += [Route(REVIEWS, reviews.waiting)]
        routes += [Route(CLAIM, reviews.claim, methods=["POST"]), Route(ANSWER, reviews.answer, methods=["POST"])]
    guard = Middleware(Guard, hosts=hosts, posts=posts, longest=LONGEST_BODY)
    app = Starlette(routes=routes, middleware=[guard])
    app.state.feed = pages.feed
    return app


class _Pages:
    """The endpoints; those without `async` run in worker threads, so that a lock that is held blocks no stream."""

    def __init__(self, board: Board, registry: CollectorRegistry, ready: Ready) -> None:
        self._board, self._registry, self._ready = board, registry, ready
        self.feed = Feed(board.status)
        self._openapi = msgspec.json.encode(openapi())

    def routes(self) -> list[Route | Mount]:
        return [
            Route("/", self.page),
            Route("/livez", self.live),
            Route("/readyz", self.readiness),
            Route("/metrics", self.metrics),
            Route("/api/v1/status", self.status),
            Route("/api/v1/stream", self.stream),
            Route("/api/v1/openapi.json", self.description),
            Mount("/static", _Static(directory=HERE / "static")),
        ]

    def page(self, _: Request) -> Response:
        return HTMLResponse(status_page(self._board.status()), headers=_NO_STORE)

    def live(self, _: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_NO_STORE)

    def readiness(self, _: Request) -> Response:
        answer, why = self._ready()
        return PlainTextResponse(why + "\n", 200 if answer else 503, _NO_STORE)

    def metrics(self, request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": content_type, **_NO_STORE})

    def status(self, _: Request) -> Response:
        return Response(self.feed.encoded(), media_type="application/json", headers=_NO_STORE)

    def description(self, _: Request) -> Response:
        return Response(self._openapi, media_type="application/json")

    async def stream(self, request: Request) -> Response:
        if self.feed.full:
            return PlainTextResponse("As many pages follow already as are taken.\n", 503, {"retry-after": "5"})
        if request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=_NO_STORE)
        # some proxies hold a stream back until it ends unless they are told not to
        headers = {"x-accel-buffering": "no", **_NO_STORE}
        return StreamingResponse(self.feed.stream(), media_type="text/event-stream", headers=headers)


class _Static(StaticFiles):
    """Files that a browser asks for again each time, by their etag: a new version of the wheel shows at once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response
