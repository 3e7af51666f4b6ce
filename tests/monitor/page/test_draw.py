"""The parts of the page as the server draws them: every text escaped, every number in words, and never very long."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallback.records import BreakerRecord, Cause
from fallback.types import BreakerState, Verdict
from monitor.observing import Alarm, Breakers, Queue, Ruled, Segments, SegmentStanding, Transition
from monitor.page.draw.basics import age, coded, odds
from monitor.page.draw.charts import charts
from monitor.page.draw.parts import PARTS, parts
from monitor.page.html import markup
from monitor.page.status import Board
from monitor.web.pages import HERE
from tests.monitor.page.test_html import read

NOON = 1_789_992_000.0


def board(state: BreakerState = BreakerState.CLOSED) -> Board:
    made = Board(model="m", max_error=0.05, clock=lambda: NOON, ages=False)
    made(Ruled(version="1", verdict=Verdict(state, 0, 0.2, 2.0, 0.0, 0.1, 1.0, 1.0, NOON, 3), guarantee="tracking"))
    return made


def alarm(time: float, **more: object) -> Alarm:
    fields: dict[str, object] = {"event": 1, "level": "warning", "view": "age", "log10_evidence": 4.0, "why": "w"}
    shares = {"bins": ["a", "b"], "before": [0.2, 0.8], "now": [0.6, 0.4], "version": "1"}
    return Alarm(time=time, **(fields | shares | more))  # type: ignore[arg-type]


def test_an_empty_board_has_all_parts_and_charts() -> None:
    """Before anything is known each part says so, or is empty; no chart fails for want of a point."""
    status = Board(model="m", max_error=0.05).status()
    drawn = parts(status)
    assert tuple(drawn) == PARTS
    assert "No verdict yet" in drawn["tree"]
    assert all("<svg" in each for each in charts(status).values())


def test_script_and_template_know_the_same_parts() -> None:
    """What is drawn has a place in the template, and is asked for by the script where there is no stream."""
    template = (HERE / "templates" / "status.html").read_text(encoding="utf-8")
    script = (HERE / "static" / "page.js").read_text(encoding="utf-8")
    for name in PARTS:
        assert f'id="{name}"' in template
        assert f"${name}<" in template
        assert f'"{name}"' in script


@given(st.text(min_size=1, max_size=40))
def test_no_text_becomes_markup(text: str) -> None:
    """Whatever stands in names, reasons, bins and segments, the elements are those of a harmless one."""

    def tags(words: str) -> list[str]:
        made = board(BreakerState.OPEN)
        made(alarm(NOON, view=words, why=words, bins=[words, "b"]))
        made(Transition(time=NOON, event=1, version="1", before="closed", after="open", reason=words))
        standing = SegmentStanding(
            segment=words, state="open", offset=0, epoch=0, followed=True, n=9, answered=9, accepted=(9, 1),
            covered=(9.0, 8.0),
        )  # fmt: skip
        made(Segments(time=NOON, version="1", segments=[standing]))
        return [tag for each in parts(made.status()).values() for tag in read(each).tags]

    assert tags(text.replace("`", "'")) == tags("harmless")


def test_what_moved_before_the_breaker_last_closed_is_folded_away() -> None:
    """An episode that is over is history; what has moved since stands in front."""
    made = board()
    made(alarm(NOON, view="tempo"))
    made(Transition(time=NOON + 1, event=2, version="1", before="degraded", after="closed", reason="quiet"))
    made(Transition(time=NOON + 9, event=2, version="1", before="open", after="closed", reason="q", segment="a=b"))
    made(alarm(NOON + 2, view="weight"))
    front, _, fold = parts(made.status())["moved"].partition("Before the breaker last closed")
    assert ("weight" in front, "tempo" in front, "tempo" in fold) == (True, False, True)


def test_a_view_that_alarms_again_is_shown_once() -> None:
    """The newest of it, with how many alarms there were beside."""
    made = board()
    for i in range(5):
        made(alarm(NOON + i, why=f"the {i}th"))
    drawn = parts(made.status())["moved"]
    assert drawn.count("<article") == 1
    assert "the 4th" in drawn
    assert "4 more alarms are in the ledger" in drawn


def test_views_of_one_feature_come_first_and_beyond_six_are_folded() -> None:
    """What is a sum over all features says less; two rows are enough to begin with."""
    made = board()
    for name in ("projection 1", "a with b", "c", "d", "e", "f", "g", "h"):
        made(alarm(NOON, view=name))
    front, _, fold = parts(made.status())["moved"].partition("2 more views that moved")
    assert front.count("<article") == 6
    assert "projection 1" in fold
    assert "a with b" in fold


def test_what_would_close_it_is_not_told_of_another_state() -> None:
    """The verdict may be a turn ahead of what was read of the ledger: then it is not known yet."""
    made = board(BreakerState.HALF_OPEN)
    record = BreakerRecord("m/1", live=BreakerState.OPEN, cause=Cause.PROMISE, reason="wrong", retry_at=NOON)
    made(Breakers(version="1", own=record, groups={}))
    assert "What would close it" not in parts(made.status())["tree"]
    made(Breakers(version="1", own=replace(record, live=BreakerState.HALF_OPEN), groups={}))
    assert "What would close it" in parts(made.status())["tree"]


def test_a_short_queue_and_one_without_a_budget() -> None:
    """Who has set no budget is told so; where nobody waits nothing is old."""
    made = board()
    made(Queue(depth=0, limit=0))
    drawn = parts(made.status())["queue"]
    assert "nobody waits" in drawn
    assert "none set" in drawn


@pytest.mark.parametrize(
    ("log10", "words"),
    [(0, "1 to 1"), (-3, "1 to 1"), (1.3, "20 to 1"), (2.98, "1 thousand to 1"), (6.3, "2 million to 1"),
     (9, "1 billion to 1"), (14.7, "500 trillion to 1"), (300, "more than 1,000 trillion to 1")],
)  # fmt: skip
def test_odds_are_told_in_words(log10: float, words: str) -> None:
    """One figure, as more would feign exactness; what is certain for every purpose has an end."""
    assert odds(log10) == words


def test_spans_and_code() -> None:
    """A span has the unit that a person would use; text between backticks is code."""
    assert [age(each) for each in (5, 119, 120, 7199, 7200)] == [
        "5\u202fs", "119\u202fs", "2\u202fmin", "120\u202fmin", "2\u202fh",
    ]  # fmt: skip
    assert markup(coded("say `a < b` now")) == "say <code>a &lt; b</code> now"


def test_the_json_of_very_many_groups_stays_short() -> None:
    """500 groups are a few kilobytes a second and not hundreds."""
    made = board()
    standing = [
        SegmentStanding(
            segment=f"shop={i}", state="open" if i < 30 else "closed", offset=0, epoch=0, followed=True, n=500,
            answered=400, accepted=(400, i % 20), covered=(500.0, 450.0),
        )
        for i in range(500)
    ]  # fmt: skip
    made(Segments(time=NOON, version="1", segments=standing))
    status = made.status()
    assert len(status.segments) == 24
    assert status.segments_left == {"1": {"open": 6, "closed": 470}}
    assert len(msgspec.json.encode(status)) < 20_000
    assert "and 476 more: 470 closed, 6 open" in parts(status)["tree"]
