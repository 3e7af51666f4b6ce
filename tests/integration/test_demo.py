"""The demo from end to end: networks, profile, loop, fallback over HTTP and reviewer, at several times its own pace."""

from __future__ import annotations

import pytest

from monitor.demo import DEMO_RATE, play, staged

SEEDS = (0, pytest.param(1, marks=pytest.mark.slow))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_story_ends_well(seed: int) -> None:
    """The model answers before the camera turns; afterwards it is found out, paged for once, and held back."""
    with staged(seed, 1_000.0, lambda _seen: None, lambda _text: None) as stage:
        result = play(stage)
    demo = result["demo"]
    pages = [alarm["event"] for alarm in result["alarms"] if alarm["level"] == "page"]
    assert sum(result["routes"].values()) == result["events"] == stage.story.length
    assert demo["accepted_before"] >= 0.8
    assert demo["error_alone_after"] >= 3 * demo["error_before"]
    assert demo["error_accepted_after"] <= demo["error_alone_after"] / 3
    assert demo["error_answered_after"] <= demo["error_alone_after"] / 2
    assert pages
    assert min(pages) >= demo["drift_at"]
    assert demo["pages"] == 1
    assert demo["opened_after"] is not None
    assert demo["fallback_left_alone"] > 0
    assert demo["forced_open_after"] >= 0
    assert demo["order_ran_out_after"] > demo["forced_open_after"]
    # at several times the story's pace its waits are as long as ever, so whether it has closed is for the clock to say
    assert demo["mended_at"] == stage.story.mended_at


@pytest.mark.slow
def test_at_its_own_pace_the_story_ends_closed() -> None:
    """At the pace of `holdback demo` the breaker closes on the labels that come once the camera is straight."""
    told: list[str] = []
    with staged(0, DEMO_RATE, lambda _seen: None, told.append) as stage:
        result = play(stage)
    demo = result["demo"]
    assert (demo["breaker_in_the_end"], demo["waits_for"]) == ("closed", "")
    assert demo["closed_after"] < stage.story.length - stage.story.mended_at
    assert demo["accepted_late"] >= 0.8
    assert demo["pages"] == 1
    assert sum("the breaker open" in each for each in told) == 1


def test_another_run_of_a_story_is_the_same_story() -> None:
    """A seed decides every image and every answer of the model."""
    from monitor.story import Story

    one, other = Story(3), Story(3)
    assert one.reference().predictions == other.reference().predictions
    assert one.events(0, 50).batch.predictions == other.events(0, 50).batch.predictions
