"""The status page in a real Chromium: what a person sees while the model goes wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry

from fallback.types import BreakerState, Verdict
from monitor.observing import (
    Alarm,
    Counted,
    Decided,
    Evidence,
    Frame,
    Frames,
    Labelled,
    Paged,
    Routed,
    Ruled,
    Segments,
    SegmentStanding,
    Transition,
)
from monitor.page.status import Board
from monitor.web.app import build_app
from monitor.web.server import WebServer
from tests.browser.pages import needs_chromium, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NOON = 1_789_992_000.0
HOSTILE = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
ON = {
    "#headline": ".hero",
    "#detail": ".hero",
    ".figures dt": ".figures > div",
    ".hint": ".card",
    ".badge": ".badge",
    ".who": ".card",
    ".tile .by": ".tile",
    ".tile .yes": ".tile",
    ".tile .no": ".tile",
    "footer": "body",
    "#link": "body",
}
"""Texts, and what is behind them."""
pytestmark = needs_chromium


def the_story() -> Board:
    """Tell of a minute of health, a change, two steps of the breaker, and hostile text wherever any text can be."""
    board = Board(model="digits", max_error=0.05, false_pages="1 per 90d", clock=lambda: NOON + 90)
    for k in range(90):
        worse = max(0.0, (k - 50) / 40)
        model, time = round(90 * (1 - worse)), NOON + k
        decisions = {
            ("model", "confident"): model,
            ("fallback", "low_confidence"): 60 - model // 2,
            ("human", HOSTILE): 10,
        }
        last = [Decided(id=HOSTILE, time=time, route="human", reason=HOSTILE, answer=HOSTILE, confidence=0.5)]
        board(Routed(time=time, decisions=decisions, version="1", last=last))
        wrong = round(model * 0.04)
        board(Labelled(time=time, accepted=(model, wrong), answered=(100, 5), alone=(100, round(8 + 60 * worse))))
        board(Evidence(time=time, event=100 * k, warning=20 * worse, harm=12 * worse - 1, level=6.0))
        frame = Frame(
            id=str(k),
            image=[[k % 17] * 8] * 8,
            answered_by="model",
            answer="3",
            truth="3" if k % 2 else "8",
            angle=40 * worse,
        )
        board(Frames(frames=[frame]))
    board(Counted(dead_letters={HOSTILE: 1}, joined=9000))
    bars = {"bins": [HOSTILE, "b", "c"], "before": [0.2, 0.5, 0.3], "now": [0.6, 0.3, 0.1]}
    board(Alarm(time=NOON + 60, event=6000, level="warning", view=HOSTILE, log10_evidence=6.1, why=HOSTILE, **bars))  # type: ignore[arg-type]
    board(Transition(time=NOON + 62, event=6200, version="1", before="closed", after="degraded", reason="warning_held"))
    board(Transition(time=NOON + 80, event=8000, version="1", before="degraded", after="open", reason=HOSTILE))
    board(Paged(time=NOON + 80, summary=HOSTILE))
    verdict = Verdict(BreakerState.OPEN, 1, 0.4, math.inf, 0.2, 0.05, 0.9, 5.0, NOON + 89, 90)
    board(Ruled(version="1", verdict=verdict, guarantee="tracking"))
    groups = [(f"region={HOSTILE}", "open", 40), ("region=north", "closed", 4), ("region=new", "closed", 0)]
    standing = [
        SegmentStanding(
            segment=label,
            state=state,
            offset=0.1,
            epoch=0,
            followed=wrong > 0,
            n=500,
            answered=400,
            accepted=(400 if wrong else 0, wrong),
            covered=(500.0 if wrong else 0.0, 450.0 if wrong else 0.0),
        )
        for label, state, wrong in groups
    ]
    board(Segments(time=NOON + 89, version="1", segments=standing))
    return board


@pytest.fixture(scope="module")
def board() -> Board:
    return the_story()


@pytest.fixture(scope="module")
def url(board: Board) -> Iterator[str]:
    with WebServer(build_app(board, CollectorRegistry(), lambda: (True, "ready")), port=0) as server:
        yield server.url


class Seen:
    """A page that has drawn its first message, and all that its console said."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url, url))
        self.page.goto(url)
        self.page.wait_for_selector("[data-node=open].lit")

    def _note(self, asked: str, url: str) -> None:
        if urlsplit(asked).netloc != urlsplit(url).netloc:
            self.foreign.append(asked)


@pytest.fixture(scope="module", params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def seen(chromium: Browser, url: str, scheme: str) -> Iterator[Seen]:
    view = Seen(chromium, url, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    yield view
    view.context.close()


def test_the_hero_says_what_is_going_on(seen: Seen, board: Board) -> None:
    """The headline is the board's, in the tone of an open breaker, and the tab's title says so too."""
    assert seen.page.inner_text("#headline") == board.status().headline
    assert seen.page.inner_text("#headline").startswith("The breaker is OPEN since 12:01:20 UTC")
    assert seen.page.get_attribute("body", "data-tone") == "bad"
    assert seen.page.title() == "OPEN · digits · Holdback"


def test_the_breakers_state_is_lit(seen: Seen) -> None:
    """One node is lit, the last step's edge is marked, and the diagram has a name for those who don't see it."""
    assert seen.page.locator(".node.lit").count() == 1
    assert seen.page.locator(".edge.took").count() == 1
    assert seen.page.locator("#diagram svg").get_attribute("aria-label") == "Breaker of version 1: open"


def test_the_charts_are_drawn(seen: Seen) -> None:
    """Lines, alarm level, promise, areas, the marks of both steps and of the alarm; all inside their chart."""
    page = seen.page
    assert page.locator("#evidence .line").count() == 2
    assert "alarm level 10⁶" in (page.locator("#evidence .level-name").text_content() or "")
    assert (page.locator("#errors .level-name").text_content() or "").startswith("promise 5")
    assert page.locator("#routes .fill").count() == 4
    assert page.locator("#evidence .mark-name").all_text_contents() == ["OPEN", "DEGRADED"]
    assert page.locator("#evidence .flag").count() == 1
    for chart in ("#evidence", "#errors", "#routes"):
        figure, svg = (
            page.locator(f"{chart} .plot").bounding_box(),
            page.locator(f"{chart} .line, {chart} .fill").first.bounding_box(),
        )
        assert figure is not None
        assert svg is not None
        assert svg["height"] > 5
        assert figure["y"] <= svg["y"]
        assert svg["y"] + svg["height"] <= figure["y"] + figure["height"]
        assert "NaN" not in page.locator(f"{chart} svg").inner_html()
        assert page.get_attribute(f"{chart} .plot", "aria-label")


def test_what_moved_has_its_histograms(seen: Seen) -> None:
    """An alarm shows its words, and the shares before and now of each bin."""
    assert seen.page.locator(".moved .now").count() == 3
    assert seen.page.locator(".moved .before").count() == 1


def test_segments_have_their_breaker_and_rates_with_bands_and_the_gap_between_them(seen: Seen) -> None:
    """Ten and one per cent wrong; what nobody knows yet is a dash."""
    rows = seen.page.locator("#segments tbody tr")
    assert rows.count() == 3
    north = rows.nth(1).inner_text()
    assert "region=north" in north
    assert "closed" in north.lower()
    assert "1.0" in north
    assert "\N{EN DASH}" in rows.nth(2).inner_text()
    gap = seen.page.locator("#gaps tbody tr").inner_text()
    assert gap.startswith("region")
    assert "9.0" in gap


def test_the_demo_shows_who_answered_and_whether_it_was_right(seen: Seen) -> None:
    """A tile a request, the newest first, with its sign; the dial has the camera's angle."""
    assert seen.page.locator(".tile").count() == 24
    assert seen.page.locator(".tile").first.get_attribute("title") == "model: 3, right"
    assert seen.page.locator(".tile .no").count() == 12
    assert seen.page.inner_text("#angle") == "the camera is turned by 39°"


def test_text_from_outside_stays_text(seen: Seen) -> None:
    """Tags in names, reasons, answers and bins are shown as they are, and never become elements."""
    assert seen.page.locator("main img, main script").count() == 0
    assert HOSTILE in seen.page.inner_text("#moved h3")
    assert HOSTILE in seen.page.inner_text("#decisions")
    assert seen.page.title() == "OPEN · digits · Holdback"


def test_nothing_is_complained_about_and_nothing_comes_from_elsewhere(seen: Seen) -> None:
    """No console message, no error, no request to another host, and no style or script against the policy."""
    seen.page.wait_for_timeout(50)
    assert seen.complaints == []
    assert seen.foreign == []


def test_both_schemes_are_readable(seen: Seen, scheme: str) -> None:
    """Page and ink trade places, and texts have a contrast of at least 4.5 : 1 on what is behind them."""
    page_light = luminance(seen, "body", "backgroundColor")
    assert (page_light > 0.5) == (scheme == "light")
    for text, behind in ON.items():
        pair = sorted((luminance(seen, text, "color"), luminance(seen, behind, "backgroundColor")))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, text


def luminance(seen: Seen, selector: str, what: str) -> float:
    """Relative luminance (WCAG 2) of a computed colour, read back from a canvas that painted it."""
    red, green, blue = seen.page.eval_on_selector(
        selector,
        """(element, what) => {
            const pen = new OffscreenCanvas(1, 1).getContext("2d");
            pen.fillStyle = getComputedStyle(element)[what];
            pen.fillRect(0, 0, 1, 1);
            return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }""",
        what,
    )
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red / 255, green / 255, blue / 255)]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_phone_needs_no_sideways_scrolling(chromium: Browser, url: str, width: int) -> None:
    """The page is as wide as the screen, whatever text came from outside."""
    view = Seen(chromium, url, viewport={"width": width, "height": 800})
    assert view.page.evaluate("document.documentElement.scrollWidth") == width
    assert view.complaints == []
    view.context.close()


def test_a_chart_can_be_read_with_the_keyboard(seen: Seen) -> None:
    """The arrows move a readout along the chart, which is spoken too; leaving the chart takes it away."""
    page = seen.page
    page.focus("#errors .plot")
    page.keyboard.press("End")
    assert "12:01:29 UTC" in page.inner_text("#errors .readout")
    page.keyboard.press("ArrowLeft")
    assert "12:01:28 UTC" in page.inner_text("#errors .readout")
    assert "model alone" in (page.locator("#errors [aria-live]").text_content() or "")
    page.focus("#evidence .plot")
    assert page.locator("#errors .readout").is_hidden()


def test_without_scripts_the_words_are_there(chromium: Browser, url: str, board: Board) -> None:
    """Headline, detail and state come from the server; a note says where the numbers are."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    assert page.inner_text("#headline") == board.status().headline
    assert "1: open" in page.inner_text("noscript")
    context.close()


def test_reduced_motion_is_respected(chromium: Browser, url: str) -> None:
    """Who asks for less motion gets none."""
    view = Seen(chromium, url, reduced_motion="reduce")
    assert view.page.eval_on_selector(".node.lit .halo", "element => getComputedStyle(element).animationName") == "none"
    view.context.close()


def test_a_lost_connection_is_said(chromium: Browser) -> None:
    """When the server goes, the page keeps its picture and says from when it is."""
    server = WebServer(build_app(the_story(), CollectorRegistry(), lambda: (True, "ready")), port=0).start()
    view = Seen(chromium, server.url)
    assert view.page.get_attribute("#link", "data-link") == "live"
    server.stop()
    view.page.wait_for_selector("#link[data-link=lost]")
    assert "no connection; this is the picture of 12:01:30 UTC" in view.page.inner_text("#link")
    view.context.close()


def test_axe_finds_nothing(seen: Seen) -> None:
    """Names, roles, contrast and structure hold by WCAG 2.2 AA, in both schemes."""
    assert violations(seen.page) == []
