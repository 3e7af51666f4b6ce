"""Pages as JSON to any address."""

from __future__ import annotations

import math
from dataclasses import asdict

from monitor.config import read_secret
from monitor.errors import UsageError
from monitor.events import format_time
from monitor.paging.page import NotSent, Page
from monitor.paging.post import Poster

__all__ = ["WebhookSender"]


class WebhookSender:
    """Posts every field of the page. What came through may come again with the same `key` and `kind`."""

    name = "webhook"
    repeat = math.inf

    def __init__(self, url: str, token_file: str | None = None) -> None:
        self._poster = Poster(self.name, url, trust_env=True)
        self._file = token_file

    def send(self, page: Page, /) -> None:
        """Post it."""
        try:
            token = read_secret(self._file) if self._file else ""
        except UsageError as error:
            raise NotSent(str(error), again=True) from None
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = asdict(page) | {"time": format_time(page.time), "since": format_time(page.since)}
        self._poster.post(body, headers, secret=token)

    def close(self) -> None:
        """Close its connections."""
        self._poster.close()
