"""The page of a replica that does not judge: it shows what the ledger says, the same as the judge's own."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from monitor.building import breaker_policy
from monitor.observing import Breakers, Heard, Role
from monitor.page.picture import Status
from monitor.page.status import Board
from monitor.summaries import OperatorOrder
from tests.monitor.running import Run
from tests.monitor.segmented import fitted, modest, replay, stream
from tests.monitor.streams import FIRST

GROUP = "region=r3"


def order(run: Run, what: str, seconds: float | None, segment: str) -> None:
    """An operator's word on one group."""
    given = OperatorOrder(id="1", order=what, actor="ada", reason="bad release", seconds=seconds, segment=segment)  # type: ignore[arg-type]
    run.broker.append(run.topics.summaries, [msgspec.json.encode(given)], time=FIRST)
    run.drain()


@cache
def told() -> tuple[Run, Run]:
    """One region of ten goes bad and is then held open; a second replica comes late and only reads."""
    config, made = modest(), stream(6000, 1, bad=("r3",), bad_from=2500)
    profile = fitted(config, stream(4000, 0))
    first = replay(config, profile, made)
    order(first, "open", 600.0, GROUP)
    late = Run(config, profile, first.broker, "late")
    late.parts.judging.follow()
    return first, late


def page(run: Run, **more: Any) -> Status:
    """What is shown of what a replica has told."""
    board = Board(model="m", max_error=0.05, clock=lambda: FIRST, ages=False, policy=breaker_policy(modest()), **more)
    for seen in run.seen:
        board(seen)
    return board.status()


def test_a_follower_shows_the_breakers_as_the_judge_does() -> None:
    """State, since, cause, order, and what would close it: of the version and of each group that has moved."""
    judge, follower = map(page, told())
    assert [v.waits_for for v in follower.versions] == [v.waits_for for v in judge.versions]
    shown = [
        {g.segment: (g.state, g.offset, g.cause) for g in page_.segments if g.cause.reason}
        for page_ in (judge, follower)
    ]
    assert shown[0] == shown[1]
    held = shown[0][GROUP][2]
    assert shown[0][GROUP][0] == "forced_open"
    assert held.override is not None
    assert (held.override.actor, held.override.reason) == ("ada", "bad release")
    assert held.waits_for.startswith("the order ends at")


def test_a_follower_shows_what_happened_and_where_the_evidence_stood() -> None:
    """Alarms with their words, steps, and a point of the evidence with each verdict."""
    judge, follower = map(page, told())
    assert follower.steps == judge.steps
    assert [(a.view, a.segment, a.why, a.bins, a.before, a.now, a.since) for a in follower.alarms] == [
        (a.view, a.segment, a.why, a.bins, a.before, a.now, a.since) for a in judge.alarms
    ]
    assert max(follower.evidence.harm) <= max(judge.evidence.harm) + 0.01
    assert len(follower.evidence.time) > 5


def test_the_judge_tells_nothing_twice() -> None:
    """What it told as it judged is not told again as it reads its own word; how breakers stand comes from there."""
    judge, late = told()
    assert not any(isinstance(seen, Heard) for seen in judge.seen)
    assert any(isinstance(seen, Breakers) for seen in judge.seen)
    assert any(isinstance(seen, Heard) for seen in late.seen)


def test_who_is_no_judge_any_more_shows_the_groups_by_the_verdict() -> None:
    """Counts of a judge that has gone are not shown as if they were of now."""
    board = Board(model="m", max_error=0.05, clock=lambda: FIRST, ages=False)
    for seen in told()[0].seen:
        board(seen)
    assert all(each.n for each in board.status().segments)
    board(Role(judge=False))
    left = board.status().segments
    assert GROUP in {each.segment for each in left}
    assert not any(each.n for each in left)
