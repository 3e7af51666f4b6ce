"""Logs: one JSON object a line, whatever is in it."""

from __future__ import annotations

import io
import json
import logging

import pytest

from monitor.logs_json import LogObserver, json_handler, json_logger
from monitor.observing import Alarm, Counted, Evidence, Paged, Transition


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_object_with_time_and_level() -> None:
    """Line breaks and quotes from outside cannot forge a second line; what was bound is in each."""
    stream = io.StringIO()
    json_logger(stream, model="m").info('two\nlines "quoted"', value=float("nan"), other=object)
    (line,) = lines(stream)
    assert line["event"] == 'two\nlines "quoted"'
    assert (line["level"], line["model"]) == ("info", "m")
    assert str(line["timestamp"]).endswith("Z")


def test_levels_below_are_left_out() -> None:
    """`level` is the least that is written."""
    stream = io.StringIO()
    log = json_logger(stream, level="warning")
    log.info("no")
    log.warning("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_what_a_person_may_have_to_act_on_is_logged() -> None:
    """Alarms, transitions, pages and dead letters have a line each; batches have none."""
    stream = io.StringIO()
    observe = LogObserver(json_logger(stream))
    observe(Alarm(time=1, event=2, level="page", view="v", log10_evidence=5, why="w"))
    observe(Transition(time=1, event=2, version="1", before="closed", after="open", reason="r"))
    observe(Paged(time=1, summary="s", sent=False))
    observe(Counted(dead_letters={"unreadable": 1}))
    observe(Counted(joined=5))
    observe(Evidence(time=1, event=2, warning=0, harm=0, level=4))
    found = lines(stream)
    assert [line["event"] for line in found] == ["alarm", "breaker", "page", "dead_letters"]
    assert [line["level"] for line in found] == ["warning", "warning", "error", "info"]
    assert found[0]["position"] == 2
    assert (found[1]["from"], found[1]["to"]) == ("closed", "open")


@pytest.mark.parametrize("level", ["warning", "error"])
def test_other_libraries_are_json_too(level: str) -> None:
    """A record of the standard logging, with its traceback, is one object as well."""
    stream = io.StringIO()
    handler = json_handler(stream)
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(handler)
    try:
        logger.log(logging.getLevelName(level.upper()), "failed: %s", "x")
        logger.info("not this")
    finally:
        logger.removeHandler(handler)
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("failed: x", level, "uvicorn.error")
