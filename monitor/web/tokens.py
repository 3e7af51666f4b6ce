"""Bearer tokens: read from files, compared in constant time, never logged."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from starlette.requests import Request

from monitor.config import read_secret
from monitor.errors import UsageError

__all__ = ["Bearer", "read_token"]

_SHORTEST_TOKEN: Final = 16


def read_token(path: str) -> str:
    """A token, if it is one that can't be guessed."""
    token = read_secret(path)
    if len(token) < _SHORTEST_TOKEN:
        raise UsageError(
            f"the token in {path!r} has {len(token)} characters; make one of at least {_SHORTEST_TOKEN}, "
            "such as `openssl rand -hex 32` gives"
        )
    return token


class Bearer:
    """Tells who has one of some tokens; without any nobody has."""

    def __init__(self, *tokens: str | None) -> None:
        self._digests = [_digest(each) for each in tokens if each is not None]

    @property
    def possible(self) -> bool:
        """Whether there is any token."""
        return bool(self._digests)

    def admits(self, request: Request) -> bool:
        """Whether the request bears one of the tokens."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = _digest(token.strip())
        # digests are of one length, so that the comparison tells nothing of the token, not even how long it is; and
        # all of them are compared, so that it does not tell which one it was
        found = [hmac.compare_digest(given, each) for each in self._digests]
        return scheme.lower() == "bearer" and any(found)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
