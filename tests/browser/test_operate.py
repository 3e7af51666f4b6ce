"""An operator at the page: gives orders with a token, and is told what came of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from monitor.observing import KillState
from monitor.overruling import KillSwitch, Orders
from monitor.summaries import KillNotice, OperatorOrder
from monitor.web.app import build_app
from monitor.web.changes import Changes
from monitor.web.server import WebServer
from tests.browser.pages import needs_chromium, violations
from tests.browser.telling import the_story

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_chromium
TOKEN = "correct-horse-battery"


class Desk:
    """A page with orders, and a judge that carries out what it is given, unless it is for a day."""

    def __init__(self) -> None:
        self.board, self.orders = the_story(), Orders()
        self.kill = KillSwitch(None, "r", time.time, self.tell)
        changes = Changes(TOKEN, self.orders, self.kill)
        app = build_app(self.board, CollectorRegistry(), lambda: (True, "ready"), changes=changes)
        self.server, self.ended = WebServer(app, port=0), threading.Event()
        self.taken: list[OperatorOrder] = []
        threading.Thread(target=self.judge, daemon=True).start()

    def tell(self, notice: KillNotice) -> None:
        """What the process tells its page."""
        self.board(KillState(on=notice.on, actor=notice.actor, reason=notice.reason, since=notice.at))

    def judge(self) -> None:
        """Carry out, or refuse."""
        while not self.ended.wait(0.01):
            for each in self.orders.waiting():
                assert isinstance(each, OperatorOrder)
                self.taken.append(each)
                self.orders.written([each])
                refused = "at most an hour today" if each.seconds == 86400 else None
                self.orders.hear({"kind": "order", "id": each.id, "refused": refused, "seq": 1})


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    with made.server:
        yield made
    made.ended.set()


@pytest.fixture
def page(chromium: Browser, desk: Desk) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    opened = context.new_page()
    opened.goto(desk.server.url)
    opened.click("#acts >> text=Overrule")
    sign(opened)
    yield opened
    context.close()


def sign(page: Page, reason: str = "bad release") -> None:
    """Who says so, why, and with what right."""
    page.fill("[name=actor]", "ada")
    page.fill("[name=reason]", reason)
    page.fill("[name=token]", TOKEN)


def said(page: Page, words: str, where: str = "order-said") -> None:
    """Wait for the page's word on the order."""
    page.wait_for_function(
        "([id, words]) => document.getElementById(id).textContent.includes(words)", arg=[where, words]
    )


def test_an_order_is_given_with_the_keyboard(page: Page, desk: Desk) -> None:
    """What, for how long, by whom and why reach the judge; the token is neither in the address nor kept."""
    page.select_option("#order-for", "4h")
    page.press("[name=reason]", "Enter")
    said(page, "Done.", "order-done")
    assert page.locator("#operate").is_hidden()
    (order,) = desk.taken
    assert (order.order, order.actor, order.reason, order.seconds) == ("open", "ada", "bad release", 14400.0)
    assert TOKEN not in page.url
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0


def test_a_refusal_and_a_wrong_token_are_said(page: Page, desk: Desk) -> None:
    """The judge's reason is shown; with another token nothing reaches it."""
    page.select_option("#order-for", "1d")
    page.click("#order button")
    said(page, "Refused: at most an hour today.")
    page.fill("[name=token]", "something else")
    page.click("#order button")
    said(page, "token is missing or wrong")
    assert len(desk.taken) == 1


def test_the_kill_switch_shows_at_the_top(page: Page, desk: Desk) -> None:
    """The headline says who turned it on and why, in the tone of an open breaker."""
    page.select_option("#order-what", "kill")
    assert page.is_disabled("#order-for")
    page.click("#order button")
    said(page, "Done.", "order-done")
    page.wait_for_selector("#headline:text('The kill switch is on')")
    assert "by ada: bad release" in page.inner_text("#headline")
    assert page.get_attribute("body", "data-tone") == "bad"
    killed = desk.kill.look()
    assert killed is not None


def test_the_form_is_for_everyone(page: Page) -> None:
    """Open on a phone, it needs no sideways scrolling, and axe finds nothing."""
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert violations(page) == []


def test_a_row_says_what_it_overrules_and_escape_leaves_it(page: Page, desk: Desk) -> None:
    """Its button opens the form for that group, by the keyboard; Escape gives focus back, and nothing is ordered."""
    page.keyboard.press("Escape")
    button = page.locator("[data-key='1 region=north'] button").first
    assert button.get_attribute("aria-label") == "Hold open: region=north"
    button.focus()
    page.keyboard.press("Enter")
    assert page.inner_text("#operate-title") == "Hold open: region=north"
    assert page.input_value("#order-segment") == "region=north"
    assert page.input_value("#order-version") == "1"
    assert page.evaluate("document.activeElement.id") == "order-for"
    page.keyboard.press("Escape")
    assert page.locator("#operate").is_hidden()
    assert button.evaluate("each => document.activeElement === each")
    assert desk.taken == []


def test_without_a_token_there_is_no_form(chromium: Browser) -> None:
    """Where nothing can be changed, nothing is offered."""
    board = the_story()
    with WebServer(build_app(board, CollectorRegistry(), lambda: (True, "ready")), port=0) as server:
        context = chromium.new_context()
        opened = context.new_page()
        opened.goto(server.url)
        opened.wait_for_selector("#link[data-link=live]")
        assert opened.locator("#operate").is_hidden()
        assert opened.locator("button:visible").count() == 0
        context.close()
