"""A group is held open and let go again from the page, by the judge itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from monitor.building import breaker_policy
from monitor.overruling import KillSwitch, Orders
from monitor.page.status import Board
from monitor.web.app import build_app
from monitor.web.changes import Changes
from monitor.web.server import WebServer
from tests.browser.pages import needs_chromium
from tests.browser.telling import HOSTILE
from tests.browser.test_operate import TOKEN, said, sign
from tests.monitor.running import Run, broker
from tests.monitor.segmented import fitted, modest, stream
from tests.monitor.streams import FIRST

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = needs_chromium
ROW = "[data-key='1 region=r3']"


class Replica:
    """A replica over a log in memory, in a thread of its own, with its page."""

    def __init__(self) -> None:
        config, orders = modest(), Orders()
        self.run = Run(config, fitted(config, stream(2000, 0)), broker(config), orders=orders)
        self.run.drain()
        self.run.feed([msgspec.json.encode(each) for each in stream(200, 1)[0]], [])
        self.board = Board(model="m", max_error=0.05, clock=lambda: FIRST, ages=False, policy=breaker_policy(config))
        changes = Changes(TOKEN, orders, KillSwitch(None, "r", lambda: FIRST, orders.note))
        app = build_app(self.board, CollectorRegistry(), lambda: (True, "ready"), changes=changes)
        self.server, self.ended = WebServer(app, port=0), threading.Event()
        self.thread = threading.Thread(target=self.turn, daemon=True)
        self.thread.start()

    def turn(self) -> None:
        """Take turns, and tell the page of each."""
        told = 0
        while not self.ended.wait(0.02):
            self.run.parts.loop.step()
            for seen in self.run.seen[told:]:
                self.board(seen)
            told = len(self.run.seen)


@pytest.fixture
def replica() -> Iterator[Replica]:
    made = Replica()
    with made.server:
        yield made
    made.ended.set()
    made.thread.join()


def test_a_group_is_held_open_for_a_while_and_let_go(chromium: Browser, replica: Replica) -> None:
    """The row says who holds it, why and until when; released, it is probed. Its version stays as it was."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.goto(replica.server.url)
    page.wait_for_selector(f"{ROW} .badge:text-is('closed')")
    page.click(f"{ROW} >> text=Hold open")
    page.select_option("#order-for", "1h")
    sign(page, HOSTILE)
    page.click("#order [type=submit]")
    said(page, "Done. Hold open: region=r3, for 1h.", "order-done")
    page.wait_for_selector(f"{ROW} .badge:text-is('held open')")
    assert f"ada, until 01:03:19 UTC: {HOSTILE}" in page.inner_text(f"{ROW} .why")
    assert page.locator("main img, main script").count() == 0
    assert page.locator(".twig:not(.group) > .twig-top .badge").inner_text() == "closed"
    page.click(f"{ROW} >> text=Release")
    assert page.locator("#order-for").is_disabled()
    page.fill("[name=reason]", "mended")
    page.click("#order [type=submit]")
    page.wait_for_selector(f"{ROW} .badge:text-is('half-open')")
    assert "auto by ada: mended" in page.inner_text(f"{ROW} .why").lower()
    record = [msgspec.json.decode(line) for line in replica.run.ledger()]
    orders = [(r["order"], r["segment"], r["seconds"], r["reason"]) for r in record if r["kind"] == "order"]
    assert orders == [("open", "region=r3", 3600.0, HOSTILE), ("auto", "region=r3", None, "mended")]
    context.close()
