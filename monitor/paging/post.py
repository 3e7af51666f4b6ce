"""One POST of JSON to a receiver: within a time, with a bounded answer, and errors that hold no secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from monitor.paging.page import NotSent

__all__ = ["Poster"]

_TIMEOUT: Final = 10.0
"""Seconds for each part of a call: PagerDuty answers within two, if it does."""
_MOST_SAID: Final = 200
_AGAIN: Final = frozenset({408, 425, 429})


class Poster:
    """Posts to one address, over connections that are kept alive. Not for several threads at once."""

    def __init__(self, name: str, url: str, *, trust_env: bool, timeout: float = _TIMEOUT) -> None:
        """`trust_env`: go through the environment's proxy, as one must to get out of some networks."""
        self._name, self._url = name, httpx.URL(url)
        self._client = httpx.Client(timeout=timeout, trust_env=trust_env, follow_redirects=False)

    def post(self, body: Any, headers: Mapping[str, str], secret: str = "") -> None:
        """Send `body`; `secret` is never repeated in an error, nor is the path of the address, which may be one.

        Raises
        ------
        NotSent
            Whatever was the matter.
        """
        content = msgspec.json.encode(body)
        try:
            with self._client.stream(
                "POST", self._url, content=content, headers={"content-type": "application/json", **headers}
            ) as answer:
                status, said = answer.status_code, self._read(answer)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise NotSent(f"{self._where} could not be reached: {type(error).__name__}", again=True) from None
        if not 200 <= status < 300:
            said = said.replace(secret, "…") if secret else said
            again = status >= 500 or status in _AGAIN
            raise NotSent(f"{self._where} answered {status}: {said[:_MOST_SAID]!r}", again=again)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def _where(self) -> str:
        port = f":{self._url.port}" if self._url.port else ""
        return f"{self._name} at {self._url.scheme}://{self._url.host}{port}"

    @staticmethod
    def _read(answer: httpx.Response) -> str:
        """The beginning of what it says."""
        said = b""
        for chunk in answer.iter_bytes(1024):
            said += chunk
            if len(said) >= 1024:
                break
        return said.decode("utf-8", "replace")
