"""The board: what it is told comes out right, bounded, and in plain words."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallback.types import BreakerState, Verdict
from monitor.observing import (
    Alarm,
    Counted,
    Decided,
    Everyone,
    Evidence,
    Frame,
    Frames,
    Labelled,
    Observation,
    Paged,
    Routed,
    Ruled,
    Transition,
)
from monitor.page.rates import ROLLING, error_series, lately, rate
from monitor.page.series import Point, Series
from monitor.page.status import Board

NOON = 1_789_992_000.0
assert NOON % 86_400 == 43_200


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def a_board(clock: Clock | None = None) -> Board:
    return Board(model="car-loan", max_error=0.05, false_pages="1 per 90d", clock=clock or Clock())


def a_ruling(state: BreakerState = BreakerState.CLOSED, *, version: str = "1", time: float = NOON) -> Ruled:
    verdict = Verdict(state, 0, 0.2, math.inf, 0.1, 0.05, 0.9, math.nan, time, 7)
    return Ruled(version=version, verdict=verdict, guarantee="tracking")


def routed(model: int, fallback: int = 0, human: int = 0, time: float = NOON) -> Routed:
    decisions = {("model", "confident"): model, ("fallback", "suspicion"): fallback, ("human", "suspicion"): human}
    return Routed(time=time, decisions={key: n for key, n in decisions.items() if n})


def step(after: str, reason: str, time: float = NOON + 200) -> Transition:
    return Transition(time=time, event=9, version="1", before="closed", after=after, reason=reason)


def test_a_fresh_board_says_that_it_waits() -> None:
    """Before the first event nothing is claimed: the tone is `unknown`, and no rate is given."""
    status = a_board().status()
    assert (status.tone, status.headline) == ("unknown", "Waiting for the first predictions.")
    assert status.accepted.rate is None
    assert status.counts.events == 0


def test_requests_without_a_verdict_are_not_called_good() -> None:
    """Counting goes on without a judge, but nothing is said about the model."""
    board = a_board()
    board(routed(100))
    status = board.status()
    assert status.tone == "unknown"
    assert "first verdict" in status.headline


def test_the_headline_of_a_closed_breaker_has_both_numbers_and_the_promise() -> None:
    """One sentence: how much the model answers, how much of it was wrong, what was promised."""
    board = a_board()
    board(routed(910, 60, 30))
    board(Labelled(time=NOON, accepted=(1000, 18), answered=(1100, 30), alone=(1100, 90)))
    board(a_ruling())
    status = board.status()
    assert status.tone == "good"
    want = (
        "The model is answering 91\u202f% of requests; 1.8\u202f% of its accepted answers were wrong, promise 5\u202f%."
    )
    assert status.headline == want
    assert status.detail == "The others went elsewhere: 6\u202f% to the fallback and 3\u202f% to people."


def test_a_broken_promise_is_not_called_good() -> None:
    """Once the rate lies above the promise by more than chance, the tone changes although the breaker is closed."""
    board = a_board()
    board(routed(100))
    board(Labelled(time=NOON, accepted=(1000, 90), answered=(0, 0), alone=(1000, 90)))
    board(a_ruling())
    assert board.status().tone == "watch"


@pytest.mark.parametrize(
    ("state", "tone", "headline"),
    [
        (BreakerState.OPEN, "bad", "The breaker is OPEN since 12:03:20 UTC because harm alarm."),
        (BreakerState.DEGRADED, "watch", "The breaker is DEGRADED since 12:03:20 UTC because harm alarm."),
        (BreakerState.FORCED_OPEN, "bad", "An operator holds the breaker open since 12:03:20 UTC because harm alarm."),
        (
            BreakerState.FORCED_CLOSED,
            "watch",
            "An operator holds the breaker closed since 12:03:20 UTC because harm alarm.",
        ),
        (
            BreakerState.HALF_OPEN,
            "watch",
            "The breaker is HALF-OPEN since 12:03:20 UTC: the model is being tried again on probes.",
        ),
    ],
)
def test_the_headline_names_state_time_and_cause(state: BreakerState, tone: str, headline: str) -> None:
    """Each state of the breaker has its sentence, with the time of the step and its reason in words."""
    board = a_board()
    board(routed(10, 70, 20))
    board(step(state.value, "harm_alarm"))
    board(a_ruling(state))
    status = board.status()
    assert (status.tone, status.headline) == (tone, headline)


def test_an_old_verdict_is_never_shown_as_closed() -> None:
    """After 120 s without a verdict the page says that nothing is known, whatever the last verdict was."""
    clock = Clock()
    board = a_board(clock)
    board(routed(100))
    board(a_ruling())
    for age, health in ((29, "fresh"), (31, "stale"), (121, "blind")):
        clock.now = NOON + age
        assert board.status().versions[0].health == health
    assert board.status().tone == "unknown"
    assert board.status().headline.startswith("We do not know")


def test_event_time_does_not_age() -> None:
    """Where the breaker's clock is event time, as in a backtest, the verdict is always fresh."""
    board = Board(model="m", max_error=0.05, clock=lambda: NOON + 1e6, ages=False)
    board(a_ruling())
    assert board.status().versions[0].health == "fresh"


def test_the_worst_version_speaks() -> None:
    """With several versions the headline is about the one that is worst off, and names it."""
    board = a_board()
    board(routed(100))
    board(a_ruling(version="1"))
    board(a_ruling(BreakerState.OPEN, version="2"))
    assert board.status().headline.startswith("The breaker of version 2 is OPEN")


def test_all_that_is_told_comes_out() -> None:
    """Alarms, steps, pages, reasons, counts and demo frames come out as they went in, the newest first."""
    board = a_board()
    board(
        Routed(
            time=NOON,
            decisions={("human", "audit"): 3},
            last=[Decided(id="a", time=NOON, route="human", reason="audit")],
        )
    )
    board(Counted(dead_letters={"unreadable": 2}, joined=5, unmatched=1, expired=1, backwards=4, features_new=2))
    board(Evidence(time=NOON, event=3, warning=1.5, harm=-0.5, level=4.0))
    board(
        Alarm(
            time=NOON,
            event=3,
            level="page",
            view="errors",
            log10_evidence=5,
            why="w",
            bins="ab",
            before=[0.1],
            now=[0.2],
        )
    )
    board(step("OPEN", "first"))
    board(step("CLOSED", "second"))
    board(Paged(time=NOON, summary="s"))
    board(Paged(time=NOON, summary="t", sent=False))
    board(Frames(frames=[Frame(id="f", image=[[0, 16]], answered_by="model", answer="3", truth="4", angle=12.0)]))
    board(Frames(told="The camera turns."))
    board(Frames(frames=[]))
    status = board.status()
    assert status.counts.dead_letters == {"unreadable": 2}
    assert (status.counts.joined, status.counts.backwards, status.counts.features_new) == (5, 4, 2)
    assert (status.counts.pages, status.counts.pages_failed, status.counts.alarms) == (1, 1, {"page": 1})
    assert (status.evidence.warning, status.evidence.harm, status.evidence.level) == ([1.5], [-0.5], [4.0])
    assert [(s.after, s.reason) for s in status.steps] == [("closed", "second"), ("open", "first")]
    assert [(r.route, r.reason, r.n) for r in status.reasons] == [("human", "audit", 3)]
    assert status.alarms[0].before == [0.1]
    assert status.decisions[0].id == "a"
    assert status.demo[0].right is False
    assert status.act == "The camera turns."


def test_everything_from_outside_is_bounded() -> None:
    """A hostile stream makes the picture neither long nor wide."""
    board = a_board()
    long = "x" * 10_000
    for k in range(1000):
        board(Counted(dead_letters={f"{long}{k}": 1}))
        board(a_ruling(version=f"{k}"))
        board(Transition(time=NOON, event=k, version=f"{k}", before="closed", after="open", reason=long))
        board(
            Alarm(
                time=NOON,
                event=k,
                level="warning",
                view=long,
                log10_evidence=1,
                why=long,
                bins=[long] * 500,
                now=[0.1] * 500,
            )
        )
        board(Frames(frames=[Frame(id=long, image=[[1] * 500] * 500, answered_by="model", answer=None, truth=None)]))
        board(Evidence(time=NOON + 100 * k, event=k, warning=0, harm=0, level=4))
    status = board.status()
    assert len(status.counts.dead_letters) <= 21
    assert len(status.versions) <= 20
    assert len(status.evidence.time) <= 240
    assert max(len(a.view) for a in status.alarms) <= 300
    assert len(status.alarms[0].now) <= 80
    assert len(status.demo[0].image) <= 32


def test_a_late_batch_draws_no_line_backwards() -> None:
    """Time is the running maximum; NaN and infinite times are left out of it."""
    board = a_board()
    for time in (NOON, NOON - 50, math.nan, math.inf, NOON + 1):
        board(routed(1, time=time))
    status = board.status()
    assert status.routes.time == [NOON, NOON + 1]
    assert sum(status.routes.model) == status.counts.events == 5


def test_pace_is_that_of_the_last_ten_seconds() -> None:
    """Requests a second falls to zero when the stream stops."""
    clock = Clock()
    board = a_board(clock)
    for _ in range(20):
        clock.now += 1
        board(routed(50))
    assert 45 <= board.status().events_per_second <= 55
    clock.now += 60
    assert board.status().events_per_second == 0


def test_readers_and_writers_do_not_disturb_each_other() -> None:
    """While one thread writes, each status is of one moment: the routes shown are all the events counted."""
    board = a_board()

    def write() -> None:
        for k in range(2000):
            board(routed(7, 2, 1, time=NOON + k))

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        status = board.status()
        assert status.counts.events % 10 == 0
    writer.join()
    assert board.status().counts.events == 20_000


def test_everyone_is_told() -> None:
    """The fan-out hands each observation to each observer, in order."""
    heard: list[tuple[str, Observation]] = []
    everyone = Everyone(lambda seen: heard.append(("a", seen)), lambda seen: heard.append(("b", seen)))
    page = Paged(time=NOON, summary="s")
    everyone(page)
    assert heard == [("a", page), ("b", page)]


def test_the_interval_is_wilsons() -> None:
    """10 wrong of 100: the score interval is .0552 to .1744 (Newcombe 1998 has the formula)."""
    found = rate(100, 10)
    assert found.low == pytest.approx(0.05523, abs=1e-5)
    assert found.high == pytest.approx(0.17437, abs=1e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_interval_holds_the_rate(pair: tuple[int, int]) -> None:
    """For any counts 0 <= low <= rate <= high <= 1."""
    found = rate(*pair)
    assert found.rate is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.rate + 1e-12
    assert found.rate <= found.high + 1e-12 <= 1 + 1e-12


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 50)), min_size=1, max_size=300))
def test_a_series_of_sums_loses_nothing_while_it_coarsens(steps: list[tuple[float, int]]) -> None:
    """However it is merged, the sum of a series is the sum of what went in, in order of time, within its bound."""
    series = Series(lambda a, b: a + b, points=20, longest=math.inf)
    time = 0.0
    for gap, n in steps:
        time += gap
        series.add(time, 0, (n,))
    points = series.points()
    assert sum(p.values[0] for p in points) == sum(n for _, n in steps)
    assert len(points) <= 20
    assert [p.time for p in points] == sorted(p.time for p in points)
    assert points[-1].time == time


def test_a_long_series_forgets_its_oldest() -> None:
    """Beyond its longest span a series drops the oldest and keeps its resolution."""
    series = Series(max, width=1, points=10, longest=10)
    for k in range(100):
        series.add(float(k), k, (float(k),))
    assert [p.event for p in series.points()] == list(range(90, 100))


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60), st.integers(0, 9))
def test_rolling_rates_equal_a_naive_recomputation(sizes: list[int], seed: int) -> None:
    """At each point: the shortest run of whole intervals up to it that holds `ROLLING` known outcomes, or all."""
    generator = np.random.default_rng(seed)
    points = [Point(float(k), k, _sums(generator, n)) for k, n in enumerate(sizes)]
    series = error_series(points)
    for k in range(len(points)):
        start = k
        while start > 0 and sum(p.values[4] for p in points[start : k + 1]) < ROLLING:
            start -= 1
        n, wrong = (sum(p.values[c] for p in points[start : k + 1]) for c in (4, 5))
        expected = None if n < 30 else pytest.approx(wrong / n, abs=5e-5)
        assert series.alone[k] == expected
    last = lately(points)[2]
    assert last.rate is None or series.alone[-1] is None or series.alone[-1] == pytest.approx(last.rate, abs=5e-5)


def _sums(generator: np.random.Generator, n: int) -> tuple[float, ...]:
    accepted = int(generator.binomial(n, 0.8))
    wrong = int(generator.binomial(accepted, 0.05))
    alone = wrong + int(generator.binomial(n - accepted, 0.4))
    return (accepted, wrong, n, wrong, n, alone)
