"""Pages as alerts of an Alertmanager, by its API v2, for those who have one and no Prometheus with the rules."""

from __future__ import annotations

from typing import Any

from monitor.events import format_time
from monitor.paging.page import Kind, Page
from monitor.paging.post import Poster

__all__ = ["AlertmanagerSender"]


class AlertmanagerSender:
    """Sends an open matter again every minute, and has it end by itself ten minutes after the last word.

    The labels are the same from trigger to resolve, for they name the alert; they are those of the shipped rules, so
    that a route for these takes them, too.
    """

    name = "alertmanager"
    repeat = 60.0
    _LASTS = 600.0

    def __init__(self, url: str) -> None:
        self._poster = Poster(self.name, f"{url.rstrip('/')}/api/v2/alerts", trust_env=False)

    def send(self, page: Page, /) -> None:
        """Post it as one alert."""
        self._poster.post([self._alert(page)], {})

    def close(self) -> None:
        """Close its connections."""
        self._poster.close()

    def _alert(self, page: Page) -> dict[str, Any]:
        ends = page.time if page.kind is Kind.RESOLVE else page.time + self._LASTS
        labels = {
            "alertname": "HoldbackTrip" if page.about == "trip" else "HoldbackLedgerBroken",
            "severity": "page",
            "about": page.about,
            "model": page.model,
            "version": page.version,
        }
        examples = f"\nFor example: {', '.join(page.examples)}" if page.examples else ""
        description = (
            f"Since: {format_time(page.since)}\nHoldback: {page.did}\nMoved most: {page.moved}{examples}\n"
            f"First: {page.first}"
        )
        return {
            "labels": {name: value for name, value in labels.items() if value},
            "annotations": {
                "summary": page.summary,
                "description": description,
                "page_url": page.page_url,
                "runbook_url": page.runbook_url,
            },
            "startsAt": format_time(page.since),
            "endsAt": format_time(ends),
            **({"generatorURL": page.page_url} if page.page_url else {}),
        }
