"""What every request passes and every response carries: hosts, methods, small bodies; the security headers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["LOOPBACK_HOSTS", "Guard", "host_name"]

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""A page of some other site that resolves to loopback (DNS rebinding) sends its own name, and is refused."""
_METHODS: Final = ("GET", "HEAD")
_JSON: Final = "application/json"
_SECURITY: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def host_name(header: str) -> str:
    """Give the name in a Host header, without its port, in lower case: `[::1]:8088` -> `[::1]`."""
    host = header.strip().lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and not name.endswith(":") else host


class Guard:
    """Refuses what no page here needs, and adds the security headers to whatever is answered.

    `posts` are the paths that take a body, of JSON and at most `longest` bytes.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str] | None = None, posts: Collection[str] = (), longest: int = 0
    ) -> None:
        """`hosts=None` takes any name: behind an ingress or a pod's address it cannot be known."""
        self._app, self._posts, self._longest = app, frozenset(posts), longest
        self._hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal, or hand the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, sealed)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if self._hosts is not None and host_name(headers.get("host", "")) not in self._hosts:
            return _refuse(421, "This name is not served here; use localhost or 127.0.0.1.")
        if scope["path"] in self._posts:
            return self._refused_post(scope["method"], headers)
        if scope["method"] not in _METHODS:
            return _refuse(405, "Only GET and HEAD are served.", allow=", ".join(_METHODS))
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return _refuse(413, "No request here has a body.")
        return None

    def _refused_post(self, method: str, headers: Headers) -> PlainTextResponse | None:
        if method != "POST":
            return _refuse(405, "Only POST is served here.", allow="POST")
        # a form of another site can't say that it is JSON without asking first
        if headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            return _refuse(415, f"Send it as {_JSON}.")
        length = headers.get("content-length", "")
        if not length.isdecimal() or "transfer-encoding" in headers:
            return _refuse(411, "Say how long it is, in content-length.")
        if int(length) > self._longest:
            return _refuse(413, f"At most {self._longest} bytes are read.")
        return None


def _refuse(status: int, words: str, **headers: str) -> PlainTextResponse:
    # what was sent stays unread, so the connection cannot be used again
    return PlainTextResponse(words + "\n", status, {**headers, "connection": "close"})
