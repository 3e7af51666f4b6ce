"""Pages as events of PagerDuty's Events API v2."""

from __future__ import annotations

import math
from typing import Any

from monitor.config import read_secret
from monitor.errors import UsageError
from monitor.events import format_time
from monitor.paging.page import Kind, NotSent, Page
from monitor.paging.post import Poster

__all__ = ["PagerDutySender"]

_LONGEST_SUMMARY = 1024
_LONGEST_KEY = 255


class PagerDutySender:
    """One incident a matter: `dedup_key` is the page's key, so that what is sent twice wakes nobody twice.

    The key of the service is read anew for each page, and is in no message and no log.
    """

    name = "pagerduty"
    repeat = math.inf

    def __init__(self, url: str, routing_key_file: str) -> None:
        self._poster = Poster(self.name, url, trust_env=True)
        self._file = routing_key_file

    def send(self, page: Page, /) -> None:
        """Post it as one event."""
        try:
            key = read_secret(self._file)
        except UsageError as error:
            raise NotSent(str(error), again=True) from None
        self._poster.post({"routing_key": key, **_event(page)}, {}, secret=key)

    def close(self) -> None:
        """Close its connections."""
        self._poster.close()


def _event(page: Page) -> dict[str, Any]:
    links = [(page.page_url, "Status page"), (page.runbook_url, "Runbook")]
    return {
        "dedup_key": page.key[:_LONGEST_KEY],
        "event_action": "resolve" if page.kind is Kind.RESOLVE else "trigger",
        "client": "Holdback",
        "client_url": page.page_url,
        # an event with a link that is no address is refused as a whole
        "links": [{"href": href, "text": text} for href, text in links if href.startswith(("http://", "https://"))],
        "payload": {
            "summary": page.summary[:_LONGEST_SUMMARY],
            "source": page.model,
            "severity": "critical",
            "timestamp": format_time(page.time),
            "component": page.version,
            "class": page.about,
            "custom_details": {
                "state": page.state,
                "since": format_time(page.since),
                "holdback": page.did,
                "moved_most": page.moved,
                **({"examples": list(page.examples)} if page.examples else {}),
                "first": page.first,
                "runbook": page.runbook_url,
            },
        },
    }
