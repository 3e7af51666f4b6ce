"""The status as JSON, made at most once a second for all clients, and the stream of it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import msgspec
import numpy as np

from monitor.page.draw.parts import parts
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
        self._made, self._bytes = -math.inf, b""
        self._parts: dict[str, str] = {}
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
        self._make()
        return self._bytes

    def parts(self) -> Mapping[str, str]:
        """Give the page's parts as HTML, by id; of the same moment."""
        self._make()
        return self._parts

    async def stream(self) -> AsyncIterator[bytes]:
        """Server-sent events, until the client goes or the feed is closed.

        Once a second a status, and before it an event `parts` with those parts of the page that are not as they were.
        """
        if self.full:
            # several may have been let in before the first of them began
            return
        self._clients += 1
        sent: dict[str, str] = {}
        try:
            yield b"retry: 2000\n\n"
            while not self._closed:
                status, drawn = self.encoded(), self.parts()
                fresh = {name: each for name, each in drawn.items() if sent.get(name) != each}
                sent.update(fresh)
                if fresh:
                    yield b"event: parts\ndata: " + msgspec.json.encode(fresh) + b"\n\n"
                yield b"data: " + status + b"\n\n"
                await self._pause()
        finally:
            self._clients -= 1

    def _make(self) -> None:
        now = self._clock()
        # a little less than a second, or every other tick of a stream would repeat the last one
        if now - self._made < _EVERY * 0.9:
            return
        status = self._status()
        self._bytes, self._parts = msgspec.json.encode(status, enc_hook=_plain), parts(status)
        self._made = now

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
