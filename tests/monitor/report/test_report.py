from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.observing import Evidence
from monitor.page.html import Element
from monitor.report import Recorder, compared_lines, report
from monitor.report.course import spans
from monitor.report.over_time import _rolling
from monitor.report.plot import Axis, Band, Line, Plot, draw, number_axis, share_axis
from monitor.report.timeline import Timeline
from monitor.report.verdict import verdict_of
from tests.monitor.page.test_html import Reader, read
from tests.monitor.report.telling import HOSTILE, told


@given(st.lists(st.tuples(st.integers(0, 2_000_000), st.floats(0, 100), st.floats(-5, 50)), max_size=40))
def test_a_timeline_loses_nothing_as_it_grows(seen: list[tuple[int, float, float]]) -> None:
    """Sums are those of all that was added, the tops the greatest, in at most 480 stretches that hold their events."""
    timeline = Timeline(1, 1)
    for event, amount, height in seen:
        timeline.add(event, sums=(amount,), tops=(height,))
    found = timeline.stretches(max((event for event, *_ in seen), default=0) + 1)
    assert len(found.starts) <= 480
    assert float(found.sums.sum()) == pytest.approx(math.fsum(amount for _, amount, _ in seen))
    assert float(found.tops.max(initial=-math.inf)) == max((height for *_, height in seen), default=-math.inf)
    for event, *_ in seen:
        assert ((found.starts <= event) & (event < found.starts + timeline.width)).sum() == 1


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_axes_hold_what_they_are_for(least: float, span: float) -> None:
    """An axis begins and ends with a round number, and both ends of the data lie on it."""
    axis = number_axis(least, least + span)
    assert axis.low <= least + 1e-6 * span + 1e-9
    assert axis.high >= least + span * (1 - 1e-6) - 1e-9
    assert 2 <= len(axis.ticks) <= 12


def test_gaps_are_left_empty() -> None:
    """Where a line or a band is not known it begins anew, and what lies outside the axis is drawn at its edge."""
    x, nan = [0.0, 1.0, 2.0, 3.0], math.nan
    layers: list[Line | Band] = [
        Line("l", "model", x, [0.1, nan, 9.0, 0.3]),
        Band("b", "model", x, [0.0, nan, 0.1, 0.1], [0.2, nan, 0.3, 0.3]),
    ]
    axis = Axis(0.0, 3.0, ((0.0, "0"),))
    markup = str(draw(Plot("words", axis, share_axis(0.5), layers, [(0.2, "promise")])))
    assert "nan" not in markup
    assert markup.count('d="M') == 2
    lines = [part.split('"')[0] for part in markup.split('d="')[1:]]
    assert [each.count("M") for each in lines] == [2, 2]
    assert lines[1].count("Z") == 2
    assert " -" not in lines[0]


def test_the_report_is_one_whole_page() -> None:
    """Headings for each section, a caption for each table, words for each picture, and nothing from elsewhere."""
    page = report([told()], {"1": "ab" * 32}, "events.csv")
    found = read_page(page)
    assert found.tags.count("h1") == 1
    assert found.tags.count("table") == found.tags.count("caption")
    assert found.tags.count("svg") == page.count('role="img" aria-label') - page.count('class="lane" role="img"')
    for title in ("What was promised, and was it kept?", "What happened when", "Evidence of change", "What moved",
                  "Coverage", "Who answered, and why", "Data quality", "What was not known", "Made from"):  # fmt: skip
        assert title in found.text
    assert not {"script", "img", "iframe"} & set(found.tags)
    assert "http://" not in page
    assert "https://" not in page
    assert not [value for name, value in found.attributes if name == "href" and value != "data:,"]


def test_times_that_the_recording_does_not_have_are_not_passed_off_as_its_own() -> None:
    """A flat file without a column of times was given them; events in JSON lines have their own."""
    assert "rows were taken to be 1 s apart" in report([told()], {}, "events.csv.gz")
    assert "rows were taken" not in report([told()], {}, "events.jsonl.gz")


def test_the_report_is_the_same_each_time() -> None:
    """The same runs give the same bytes."""
    assert report([told(), told("a=b")], {"1": "x"}) == report([told(), told("a=b")], {"1": "x"})


def test_hostile_text_stays_text() -> None:
    """Tags in names, reasons, bins and the model's words are shown, and never become elements."""
    page = report([told(), told(HOSTILE)], {HOSTILE: HOSTILE}, HOSTILE)
    assert "<script" not in page
    assert "<img" not in page
    assert HOSTILE in read_page(page).text


def read_page(page: str) -> Reader:
    return read(Element(page))


@pytest.mark.parametrize(
    ("promise", "labelled", "tone", "said"),
    [
        ("5%", True, "good", "promised were at most 5"),
        ("1%", True, "bad", "promised were at most 1"),
        ("2.4%", True, "watch", "By chance alone"),
        ("5%", False, "unknown", "nobody can say"),
    ],
)
def test_the_headline_says_whether_the_promise_was_kept(promise: str, labelled: bool, tone: str, said: str) -> None:
    """Kept, not kept, not kept perhaps by chance, or not known."""
    run = told(promise=promise, labelled=labelled)
    assert verdict_of(run) == tone
    page = report([run], {})
    assert f'data-tone="{tone}"' in page
    assert said in read_page(page).text


def test_nothing_at_all_can_be_reported() -> None:
    """A stream without any event gives a page, too."""
    run = told()
    empty = run.__class__(run.config, {**run.result, "routes": dict.fromkeys(run.result["routes"], 0)}, Recorder())
    assert "No alarm went off" in report([empty], {})


def test_the_breakers_states_fill_the_stream() -> None:
    """Each state reaches to the next step; one that holds for no event is left out."""
    assert spans(told(), "1") == [(0.0, 8000.0, "closed"), (8000.0, 12000.0, "open")]


def test_the_recorder_is_bounded() -> None:
    """A million blocks take no more room than 480 stretches."""
    record = Recorder()
    for k in range(0, 1_000_000, 1000):
        record(Evidence(time=0.0, event=k, warning=0.0, harm=0.0, level=1.0))
        record.events = k
    assert len(record.timeline.stretches(record.events).starts) <= 480


def test_runs_are_compared_side_by_side() -> None:
    """A column a configuration, with the numbers of each; in the page and in lines of one length at most."""
    runs = [told(), told("promise.max_error=1%", promise="1%")]
    lines = compared_lines([(run.change, run.result) for run in runs])
    assert lines[0].split() == ["as", "configured", "promise.max_error=1%"]
    assert lines[1].replace("\u202f", " ").split()[-4:] == ["5.0", "%", "1.0", "%"]
    assert "What if?" in report(runs, {})
    assert "What if?" not in report(runs[:1], {})


def test_a_rolling_coverage_looks_back_over_a_thousand() -> None:
    """The share is of the last stretches that hold 1,000 known outcomes."""
    ends, known = np.linspace(100.0, 3000.0, 30), np.full(30, 100.0)
    inside = np.where(np.arange(30) < 15, 100.0, 50.0)
    _, shares, _, _ = _rolling(ends, known, inside)
    assert shares[0] == 1.0
    assert shares[-1] == 0.5
    assert min(shares) >= 0.5


def test_an_alarm_says_since_when_and_what_moved_with_it() -> None:
    """The estimated moment of the change, and the other views of its list, once."""
    text = read_page(report([told()], {})).text
    assert text.count("the change most likely came at 2026-09-22 01:19:00") == 1
    assert "With it stand out: age." in text
