"""The status as JSON, made at most once a second for all clients, and the stream of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec
import numpy as np

from monitor.page.picture import Status

__all__ = ["MAX_CLIENTS", "Feed"]

MAX_CLIENTS: Final = 16
"""Pages that may follow at a time; one more gets 503 and asks for the status itself every few seconds."""
_EVERY: Final = 1.0
_LOOK_UP: Final = 0.2
"""How often a waiting stream looks whether the server is being stopped."""


class Feed:
    """Hands the same bytes to everyone who asks within the same second."""

    def __init__(self, status: Callable[[], Status], clock: Callable[[], float] = time.monotonic) -> None:
        self._status, self._clock = status, clock
        self._made, self._bytes = -_EVERY, b""
        self._clients, self._closed = 0, False

    @property
    def clients(self) -> int:
        """Streams that are open."""
        return self._clients

    @property
    def full(self) -> bool:
        """Whether no further stream is taken."""
        return self._closed or self._clients >= MAX_CLIENTS

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closed = True

    def encoded(self) -> bytes:
        """Give the status as JSON."""
        now = self._clock()
        # a little less than a second, or every other tick of a stream would repeat the last one
        if now - self._made >= _EVERY * 0.9:
            self._bytes, self._made = msgspec.json.encode(self._status(), enc_hook=_plain), now
        return self._bytes

    async def stream(self) -> AsyncIterator[bytes]:
        """Server-sent events, one status a second, until the client goes or the feed is closed."""
        if self.full:
            # several may have been let in before the first of them began
            return
        self._clients += 1
        try:
            yield b"retry: 2000\n\n"
            while not self._closed:
                yield b"data: " + self.encoded() + b"\n\n"
                await self._pause()
        finally:
            self._clients -= 1

    async def _pause(self) -> None:
        for _ in range(round(_EVERY / _LOOK_UP)):
            if self._closed:
                return
            await asyncio.sleep(_LOOK_UP)


def _plain(value: Any) -> Any:
    """Give a plain value: the judge counts in numpy, whose scalars are numbers and texts to everyone but an encoder."""
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError
