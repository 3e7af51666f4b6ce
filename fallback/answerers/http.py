"""Another model behind HTTP, asked by the Open Inference Protocol."""

from __future__ import annotations

from typing import Self

import httpx

from fallback.answerers.inference import model_of, read_response, write_request
from fallback.answerers.types import Answer, AskedRequest
from fallback.errors import AnswererNonsense, AnswererRefused, AnswererTimeout, AnswererUnreachable

__all__ = ["DECISION_HEADER", "LARGEST_RESPONSE", "Http"]

DECISION_HEADER = "X-Holdback-Decision"
"""Header that carries the decision's id: the same when a call is made again."""
LARGEST_RESPONSE = 1 << 20
"""Bytes: a label with a thousand probabilities is 20 kB; what is larger is no answer."""
_ABOUT_REQUEST = frozenset({400, 413, 422})
_CONNECT_ATTEMPTS = 2


class Http:
    """Asks a server over connections that are kept alive. Belongs to one event loop.

    Only a failed connection is tried again: nothing was sent then. The chain above gives the time; `timeout` in seconds
    is for those who ask without one.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "http",
        timeout: float = 10.0,
        connections: int = 32,
        largest_response: int = LARGEST_RESPONSE,
        token: str | None = None,
    ) -> None:
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"url is {url!r}: an http:// or https:// address is needed")
        self.name = name
        self._url = parsed
        self._model = model_of(parsed.path)
        self._largest = largest_response
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        # proxies from the environment are not for calls between neighbours
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False, headers=headers)

    async def answer(self, request: AskedRequest, /) -> Answer:
        """Ask the server, and check what it says."""
        body = write_request(request)
        for attempt in range(1, _CONNECT_ATTEMPTS + 1):
            try:
                return read_response(await self._post(body, request), request, self._model)
            except AnswererUnreachable:
                if attempt == _CONNECT_ATTEMPTS:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _post(self, body: bytes, request: AskedRequest) -> bytes:
        headers = {"Content-Type": "application/json", DECISION_HEADER: request.decision_id}
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                received = await self._read(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise AnswererUnreachable(f"cannot connect to {self._url}: {error!r}") from error
        except httpx.TimeoutException as error:
            raise AnswererTimeout(f"{self._url} has not answered in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AnswererRefused(f"{self._url} broke off: {error!r}") from error
        if response.status_code != httpx.codes.OK:
            said = f"{self._url} answered {response.status_code}: {received[:200]!r}"
            raise AnswererRefused(said, about_request=response.status_code in _ABOUT_REQUEST)
        return received

    async def _read(self, response: httpx.Response) -> bytes:
        received = bytearray()
        async for chunk in response.aiter_bytes():
            received += chunk
            if len(received) > self._largest:
                raise AnswererNonsense(f"{self._url} answers more than {self._largest} bytes: no answer is that long")
        return bytes(received)
