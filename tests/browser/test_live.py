"""The page while things happen: what is drawn anew, what stays as the reader has it, and how long it can get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from monitor.observing import Alarm, Segments, SegmentStanding, Transition
from monitor.page.status import Board
from monitor.web.app import build_app
from monitor.web.server import WebServer
from tests.browser.pages import needs_chromium, violations
from tests.browser.telling import NOON, the_story

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_chromium


@dataclass
class Site:
    """A board that is served, and somebody who looks at it."""

    board: Board
    page: Page
    url: str


@pytest.fixture
def site(chromium: Browser) -> Iterator[Site]:
    board = the_story()
    with WebServer(build_app(board, CollectorRegistry(), lambda: (True, "ready")), port=0) as server:
        context = chromium.new_context(viewport={"width": 390, "height": 800})
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_selector("#link[data-link=live]")
        yield Site(board, page, server.url)
        context.close()


def group(name: str, state: str = "closed", wrong: int = 1) -> SegmentStanding:
    return SegmentStanding(
        segment=name,
        state=state,
        offset=0.1,
        epoch=0,
        followed=True,
        n=500,
        answered=400,
        accepted=(400, wrong),
        covered=(500.0, 450.0),
    )


def test_what_happens_is_drawn_and_what_the_reader_did_stays(site: Site) -> None:
    """A step and a new order of groups come by themselves; what is unfolded stays so, and focus where it was."""
    page = site.page
    page.click(".moved summary")
    page.focus("#history")
    page.evaluate("document.querySelector('[data-key=\"1 region=north\"]').was = true")
    site.board(Transition(time=NOON + 95, event=9500, version="1", before="open", after="half_open", reason="waited"))
    site.board(Segments(time=NOON + 95, version="1", segments=[group("region=south"), group("region=north", "open")]))
    page.wait_for_selector(".group:first-of-type:has-text('region=north') .badge:text-is('open')")
    assert page.evaluate("document.querySelector('.group').was") is True
    assert "half-open" in page.inner_text("#history tbody tr >> nth=0")
    assert page.get_attribute(".moved details", "open") is not None
    assert page.evaluate("document.activeElement.id") == "history"


def test_where_no_stream_is_to_be_had_the_page_is_asked_for(chromium: Browser, site: Site) -> None:
    """One that is refused a stream, as too many follow, draws the same."""
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/api/v1/stream", lambda route: route.fulfill(status=503, body="full"))
    page.goto(site.url)
    site.board(Transition(time=NOON + 95, event=9500, version="1", before="open", after="half_open", reason="waited"))
    page.wait_for_selector("#link[data-link=live]")
    page.wait_for_selector("#history td:has-text('half-open')")
    context.close()


def test_very_many_groups_and_views_stay_a_short_page(site: Site) -> None:
    """Of 500 groups and 2,000 views the worst are shown, and how many more there are; axe still finds nothing."""
    states = ["open"] * 3 + ["closed"] * 497
    site.board(Segments(time=NOON, version="1", segments=[group(f"shop={i}", s) for i, s in enumerate(states)]))
    bins = [f"from {i} to {i + 1}" for i in range(40)]
    for i in range(2000):
        shares = {"before": [1 / 40] * 40, "now": [1 / 39] * 39 + [0.0]}
        site.board(
            Alarm(
                time=NOON + 70, event=i, level="warning", view=f"view {i}", log10_evidence=9, why=f"view {i} moved",
                version="1", bins=bins, **shares,  # type: ignore[arg-type]
            )
        )  # fmt: skip
    page = site.page
    page.wait_for_selector(".more:has-text('and 488 more: 488 closed')")
    assert page.locator(".group").count() == 12
    assert page.locator(".group .badge.c-bad").count() == 3
    assert "more alarms are in the ledger" in page.inner_text("#moved")
    assert len(page.content()) < 250_000
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert violations(page) == []
