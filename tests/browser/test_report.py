"""The report of a backtest in a real Chromium, opened from its file as somebody would who got it by mail."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitor.report import report
from monitor.report.parts import card
from monitor.report.plot import Axis, Plot, draw, number_axis, share_axis
from tests.browser.pages import needs_chromium, violations
from tests.monitor.report.telling import HOSTILE, told

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_chromium
TEXTS = ("h1", ".hero p", ".stamp", ".hint", "h3", "thead th", "td", ".figures dt", ".legend li", ".badge", "summary")
"""What has to stand out from what is behind it."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report([told(), told("promise.max_error=1%", promise="1%")], {"1": "ab" * 32}, HOSTILE))
    return path


class Opened:
    """The report on a screen, and all that the browser complained of or asked for."""

    def __init__(self, browser: Browser, file: Path, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())


@pytest.fixture(scope="module", params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def opened(chromium: Browser, file: Path, scheme: str) -> Iterator[Opened]:
    view = Opened(chromium, file, color_scheme=scheme, viewport={"width": 1200, "height": 900})
    yield view
    view.context.close()


def test_nothing_is_complained_about_and_nothing_is_fetched(opened: Opened, file: Path) -> None:
    """The console stays empty, the policy is not broken, and the file is the only thing that was asked for."""
    opened.page.wait_for_timeout(50)
    assert opened.complaints == []
    assert [url for url in opened.asked if not url.startswith("data:")] == [file.as_uri()]


def test_everything_is_drawn_within_its_frame(opened: Opened) -> None:
    """Each picture has a size, and what is drawn in it stays in it."""
    pictures = opened.page.locator(".plot svg, .histogram svg")
    assert pictures.count() >= 5
    for i in range(pictures.count()):
        frame = pictures.nth(i).bounding_box()
        assert frame is not None
        assert frame["width"] > 100
        assert frame["height"] > 50
        for part in pictures.nth(i).locator(".line, .fill").all():
            box = part.bounding_box()
            if box is None:
                continue
            assert frame["x"] - 3 <= box["x"]
            assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 3
            assert frame["y"] - 3 <= box["y"]
            assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 3


def test_text_from_outside_stays_text(opened: Opened) -> None:
    """Tags in names, reasons and bins are shown, never run, and never become elements."""
    assert opened.page.locator("img, script").count() == 0
    assert opened.page.title() == "digits: backtest"
    assert HOSTILE in opened.page.inner_text("main")


def test_each_picture_and_table_has_words(opened: Opened) -> None:
    """Pictures have a label, tables a caption, sections a heading; there is one first heading."""
    page = opened.page
    assert page.locator("h1").count() == 1
    assert page.locator("section.card").count() == page.locator("section.card > h2").count() >= 9
    assert page.locator("svg:not([aria-label])").count() == 0
    assert page.locator("table").count() == page.locator("table > caption").count()
    assert page.get_by_role("img", name="Histogram of age").count() == 1
    assert page.get_by_role("table", name="Each promise, what was measured, and whether it was kept").count() == 1


def test_both_schemes_are_readable(opened: Opened, scheme: str) -> None:
    """Page and ink trade places, and texts have a contrast of at least 4.5 : 1 on what is behind them."""
    found = opened.page.evaluate(_CONTRAST, list(TEXTS))
    assert (found["page"] > 0.5) == (scheme == "light")
    assert {text: ratio for text, ratio in found["ratios"].items() if ratio < 4.5} == {}
    assert set(found["ratios"]) == set(TEXTS)


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_phone_needs_no_sideways_scrolling(chromium: Browser, file: Path, width: int) -> None:
    """The page is as wide as the screen, whatever text came from outside; wide tables scroll by themselves."""
    view = Opened(chromium, file, viewport={"width": width, "height": 800})
    view.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert view.page.evaluate("document.documentElement.scrollWidth") == width
    assert view.complaints == []
    view.context.close()


@pytest.fixture(scope="module")
def axes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Charts of streams of many lengths, dates and times under their places, in the report's frame."""
    charts = []
    for last in (8_200.0, 12_000.0, 41_000.0, 61_000.0, 1_234_567.0):
        for below in ("12:00:00", "2026-01-01", "01-01\n12:00"):
            ticks = tuple((at, f"{text}\n{below}") for at, text in number_axis(0.0, last).ticks if at <= last)
            x = Axis(0.0, last, ticks)
            charts.append(card(f"{last} {below}", draw(Plot("nothing", x, share_axis(0.5), []))))
    whole = report([told()], {"1": "ab" * 32})
    path = tmp_path_factory.mktemp("axes") / "axes.html"
    path.write_text(f"{whole[: whole.index('<main>')]}<main>{''.join(map(str, charts))}</main></body></html>")
    return path


@pytest.mark.parametrize("width", [320, 345, 390, 480, 561, 620, 768, 900, 1200])
def test_labels_of_axes_never_touch(chromium: Browser, axes: Path, width: int) -> None:
    """On a screen of any width the places along each chart stand free, and there are several of them."""
    view = Opened(chromium, axes, viewport={"width": width, "height": 800})
    charts = view.page.evaluate(_LABELS)
    assert len(charts) == 15
    for boxes in charts:
        assert len(boxes) >= 2
        assert all(left["right"] + 2 < right["left"] for left, right in itertools.pairwise(boxes))
    view.context.close()


_LABELS = """() => [...document.querySelectorAll(".x-words")].map((axis) =>
    [...axis.querySelectorAll(".x")].map((each) => each.getBoundingClientRect())
        .filter((box) => box.width > 0).map(({ left, right }) => ({ left, right })))"""
"""Where the labels of each chart are that can be seen."""


def test_numbers_can_be_opened_with_the_keyboard(opened: Opened) -> None:
    """The tables behind the pictures open by the keyboard, and say what the picture shows."""
    page = opened.page
    first = page.locator("details", has_text="The same in numbers").first
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.locator("table").is_visible()
    assert first.locator("tbody tr").count() > 5


_CONTRAST = """(texts) => {
    const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const paint = (colours) => {
        for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
        return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((c) => c / 255);
    };
    const luminance = (colours) => {
        const linear = paint(colours).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const behind = (element) => {
        const colours = [];
        for (let each = element; each; each = each.parentElement) {
            colours.unshift(getComputedStyle(each).backgroundColor);
        }
        return colours;
    };
    const ratios = {};
    for (const text of texts) for (const element of document.querySelectorAll(text)) {
        const under = behind(element);
        const pair = [luminance(under), luminance([...under, getComputedStyle(element).color])].sort((a, b) => a - b);
        ratios[text] = Math.min(ratios[text] ?? 99, (pair[1] + 0.05) / (pair[0] + 0.05));
    }
    return { page: luminance([getComputedStyle(document.body).backgroundColor]), ratios };
}"""
"""The least contrast of each text: relative luminance (WCAG 2) of colours that a canvas painted."""


def test_axe_finds_nothing(opened: Opened) -> None:
    """Names, roles, contrast and structure hold by WCAG 2.2 AA, in both schemes."""
    assert violations(opened.page) == []
