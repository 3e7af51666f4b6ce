"""The status page in a real Chromium: what a person sees while the model goes wrong."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry

from monitor.page.status import Board
from monitor.web.app import build_app
from monitor.web.server import WebServer
from tests.browser.pages import needs_chromium, violations
from tests.browser.telling import HOSTILE, the_story

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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
        self.page.wait_for_selector("#link[data-link=live]")

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
    """Lines, alarm level, promise, areas, the marks of both steps and of both alarms; all inside their chart."""
    page = seen.page
    assert page.locator("#evidence .line").count() == 2
    assert "alarm level 10⁶" in (page.locator("#evidence .level-name").text_content() or "")
    assert (page.locator("#errors .level-name").text_content() or "").startswith("promise 5")
    assert page.locator("#routes .fill").count() == 4
    assert page.locator("#evidence .mark-name").all_text_contents() == ["OPEN", "DEGRADED"]
    assert page.locator("#evidence .flag").count() == 2
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


def test_times_along_a_chart_never_touch(seen: Seen) -> None:
    """Spans of seconds to years at widths of a sliver to a wide screen: measured as they are drawn, with room between.

    The last time that is named says how far the chart goes, so it is always there; days have dates.
    """
    spans = [1, 4.5, 7, 47, 59, 61, 200, 299, 601, 3_600, 7_199, 20_000, 86_399, 90_000, 700_000, 40_000_000]
    found = seen.page.evaluate(
        _TIMES, {"spans": spans, "widths": [60, 80, 120, 150, 187, 240, 256, 320, 330, 500, 801, 1200]}
    )
    assert len(found) == 16 * 12 * 5
    for boxes in found:
        assert len(boxes) >= 1
        assert all(left["right"] + 2 < right["left"] for left, right in itertools.pairwise(boxes))
        assert boxes[-1]["right"] <= boxes[-1]["edge"] + 1
    assert max(len(boxes) for boxes in found) >= 10
    assert seen.page.evaluate(_DATES) == ["02-27", "02-28", "03-01"]


_TIMES = """async ({ spans, widths }) => {
    const { timeLabels } = await import("/static/charts.js");
    const svg = document.querySelector("#errors svg").cloneNode();
    document.querySelector("#errors .plot").append(svg);
    const frame = svg.getBoundingClientRect();
    const drawn = (from, to, width) => {
        svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
        svg.replaceChildren(...timeLabels(from, to, width).map(({ at, text, anchor }) => {
            const label = document.createElementNS("http://www.w3.org/2000/svg", "text");
            label.setAttribute("x", at);
            label.setAttribute("text-anchor", anchor);
            label.textContent = text;
            return label;
        }));
        return [...svg.children].map((each) => {
            const { x, width: long } = each.getBBox();
            return { left: x, right: x + long, edge: width };
        });
    };
    const found = spans.flatMap((span) => widths.flatMap((width) => [0, 0.1, 0.31, 0.62, 0.97].map((part) => {
        const to = 1_789_992_000 + part * span;
        return drawn(to - Math.max(span, 1), to, width);
    })));
    svg.remove();
    return found;
}"""
"""From where to where each time reaches, as the browser measures it in the page's own font."""
_DATES = """async () => {
    const { timeLabels } = await import("/static/charts.js");
    return timeLabels(Date.UTC(2026, 1, 27) / 1000, Date.UTC(2026, 2, 1, 1) / 1000, 300).map(({ text }) => text);
}"""


def test_what_moved_has_its_histogram_and_its_words(seen: Seen) -> None:
    """Shares of each bin now and in the reference, what gained and lost most, since when, and the odds in words."""
    moved = seen.page.locator(".moved")
    assert moved.locator(".now").count() == 3
    assert moved.locator(".before").count() == 1
    heights = [float(each.get_attribute("height") or 0) for each in moved.locator(".now").all()]
    assert heights == [70.0, 35.0, 11.7]
    words = moved.inner_text()
    assert "Changed at about 12:00:55, seen at 12:01:00 UTC" in words
    assert "2 million to 1" in words
    assert "10^" not in words
    assert "from 50.0" in words
    label = moved.locator("svg").get_attribute("aria-label") or ""
    assert "Lost most: b, from 50.0" in label
    assert "37 errors in the last 205 labels" in seen.page.inner_text(".harms")


def test_the_tree_has_the_version_and_under_it_its_groups(seen: Seen) -> None:
    """The worst first: why it stands so, what would close it, who holds it; rates with bands, dashes where unknown."""
    version = seen.page.locator("#tree > ul > li")
    assert "once labels show with 95 % confidence" in version.locator("> .why").inner_text()
    assert "probed from 12:02:00 UTC on" in version.locator("> .why").inner_text()
    groups = version.locator(".group")
    assert groups.count() == 3
    assert groups.nth(0).locator(".badge").inner_text() == "held open"
    held = groups.nth(0).locator(".why").inner_text()
    assert f"{HOSTILE}, until 12:30:00 UTC: {HOSTILE}" in held
    assert "The order ends at 12:30:00 UTC" in held
    north = groups.nth(1).inner_text()
    assert "region=north" in north
    assert "closed" in north
    assert "1.0" in north
    assert "\N{EN DASH} wrong of what passed" in groups.nth(2).inner_text()
    assert "in errors 9.0" in seen.page.inner_text("#gaps li")


def test_the_queue_and_the_answerers_are_told(seen: Seen) -> None:
    """How many wait, how old the oldest is, what is left of the budget, what was shed; who answered, by name."""
    queue = seen.page.inner_text("#queue")
    for told in (
        "12 wait for a person, of 1,000",
        "3\u202fmin of 30\u202fmin",
        "48, 120 an hour",
        "shed to others\n20",
    ):
        assert told in queue
    assert "digits \N{RIGHTWARDS ARROW} model" in seen.page.inner_text("#answerers")


def test_the_demo_shows_who_answered_and_whether_it_was_right(seen: Seen) -> None:
    """A tile a request, the newest first, with its sign; the dial has the camera's angle."""
    assert seen.page.locator(".tile").count() == 24
    assert seen.page.locator(".tile").first.get_attribute("title") == "model: 3, right"
    assert seen.page.locator(".tile .no").count() == 12
    assert seen.page.inner_text("#angle") == "the camera is turned by 39°"


def test_text_from_outside_stays_text(seen: Seen) -> None:
    """Tags in names, reasons, answers and bins are shown as they are, and never become elements."""
    assert seen.page.locator("main img, main script").count() == 0
    assert HOSTILE in seen.page.inner_text(".moved h3")
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


def test_without_scripts_the_whole_page_is_there(chromium: Browser, url: str, board: Board) -> None:
    """Headline, tree, histogram, queue and still charts come from the server."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(url)
    assert page.inner_text("#headline") == board.status().headline
    assert page.locator("[data-node=open].lit").count() == 1
    assert page.locator(".group").count() == 3
    assert page.locator(".moved .now").count() == 3
    assert "wait for a person" in page.inner_text("#queue")
    assert page.locator("#errors .line").count() == 3
    assert page.locator("main img, main script, body > script").count() == 0
    assert "load it again" in page.inner_text("noscript")
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
