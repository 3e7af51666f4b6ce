"""Clocks that are wrong: whose they are, and what comes of it."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallback.types import BLIND_AFTER, Health, health_of
from monitor.answering import Recorded
from monitor.building import build
from monitor.hearing import Hearing
from monitor.router import UNJUDGED
from monitor.summaries import Summary, decode_summaries
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, stream

DAY = 86_400.0


class LiveRun(Run):
    """A replica that lives by a clock on the wall."""

    def __init__(self) -> None:
        self.now = FIRST + 1000.0
        config = configured(route={"when_blind": "open"})
        profile = fitted(config)
        super().__init__(config, profile, broker(config))
        self.parts.close()
        self.parts = build(
            config, {"1": profile}, self.log, Recorded(config), self.seen.append, replica="r", clock=lambda: self.now
        )
        self._sent = 0

    def ask(self) -> set[str]:
        """Some requests; what the blind say of them, or nothing."""
        before = len(self.decisions())
        predictions = [each | {"id": str(self._sent + i)} for i, each in enumerate(stream(100, self._sent)[0])]
        self._sent += 100
        self.feed([msgspec.json.encode(each) for each in predictions], [])
        return {each["reason"] for each in self.decisions()[before:]} & {"blind"}

    def summary(self, time: float) -> None:
        """The last summary once more, by a replica whose clock says something else."""
        values = self.broker.read(self.topics.summaries, 0, 0, 1_000).values
        last = next(each for each in reversed(decode_summaries(values)) if isinstance(each, Summary) and each.versions)
        bent = msgspec.structs.replace(last, time=time, ranges=[])
        self.broker.append(self.topics.summaries, [msgspec.json.encode(bent)], time=FIRST)
        self.drain()


@pytest.mark.parametrize("off", [DAY, -DAY, 0.0])
def test_one_replicas_wrong_clock_does_not_hide_that_nobody_judges(off: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day ahead, behind, or right: while verdicts come nobody is blind, and two minutes after the last all are."""
    run = LiveRun()
    run.drain()
    run.ask()
    run.summary(run.now + off)
    run.now += 6.0
    run.ask()
    assert run.ask() == set()
    # from here on nobody judges
    monkeypatch.setattr(run.parts.judging, "judge", lambda _chunks, _time: [])
    run.now += BLIND_AFTER - 10.0
    assert run.ask() == set()
    run.now += 11.0
    assert run.ask() == {"blind"}
    run.parts.close()


@given(
    st.lists(st.tuples(st.floats(-DAY, DAY), st.booleans()), min_size=1, max_size=30),
    st.floats(-2 * DAY, 2 * DAY),
)
def test_no_clock_makes_silence_look_fresh(moves: list[tuple[float, bool]], ahead: float) -> None:
    """Whatever clocks do before: two minutes after the last word, by a clock that runs by then, it is BLIND."""
    hearing, now, offset = Hearing(), FIRST, 0
    verdict = UNJUDGED
    for move, news in moves:
        now += move
        offset += news
        verdict = replace(UNJUDGED, time=now + ahead, ledger_offset=offset)
        assert hearing.age("1", verdict, now) >= 0.0
    assert health_of(hearing.age("1", verdict, now + BLIND_AFTER)) is Health.BLIND


def test_who_was_never_heard_has_no_age() -> None:
    """Before the first verdict a router is blind."""
    assert math.isnan(Hearing().age("1", UNJUDGED, FIRST))
