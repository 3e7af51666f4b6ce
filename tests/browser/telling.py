"""What the browser's tests tell a board: a minute of health, a change, and hostile text wherever any text can be."""

from __future__ import annotations

import math
from dataclasses import replace

from fallback.policy import Recovery
from fallback.records import BreakerRecord, Cause, Override
from fallback.types import BreakerState, Verdict
from monitor.observing import (
    Alarm,
    Breakers,
    Counted,
    Decided,
    Evidence,
    Frame,
    Frames,
    Labelled,
    Paged,
    Queue,
    Routed,
    Ruled,
    Segments,
    SegmentStanding,
    Transition,
)
from monitor.page.status import Board

__all__ = ["HOSTILE", "NOON", "the_story"]

NOON = 1_789_992_000.0
HOSTILE = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"


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
        asked = {("model", "digits"): model, ("fallback", HOSTILE): 60 - model // 2, ("human", ""): 10}
        board(Routed(time=time, decisions=decisions, version="1", last=last, answerers=asked))
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
    bars = {"bins": [HOSTILE, "b", "c"], "before": [0.2, 0.5, 0.3], "now": [0.6, 0.3, 0.1], "since": NOON + 55}
    why = f"{HOSTILE}; odds 10^6 to 1"
    board(Alarm(time=NOON + 60, event=6000, level="warning", view=HOSTILE, log10_evidence=6.3, why=why, **bars))  # type: ignore[arg-type]
    harm = "error: 37 errors in the last 205 labels (18.0 %), at most 6.4 % were to be expected; odds 10^8 to 1"
    board(Alarm(time=NOON + 79, event=7900, level="page", view="error", log10_evidence=8.0, why=harm, version="1"))
    board(Transition(time=NOON + 62, event=6200, version="1", before="closed", after="degraded", reason="warning_held"))
    board(Transition(time=NOON + 80, event=8000, version="1", before="degraded", after="open", reason=HOSTILE))
    board(Paged(time=NOON + 80, summary=HOSTILE))
    verdict = Verdict(BreakerState.OPEN, 1, 0.4, math.inf, 0.2, 0.05, 0.9, 5.0, NOON + 89, 90)
    board(Ruled(version="1", verdict=verdict, guarantee="tracking"))
    groups = [(f"region={HOSTILE}", "forced_open", 40), ("region=north", "closed", 4), ("region=new", "closed", 0)]
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
    held = Override(BreakerState.FORCED_OPEN, HOSTILE, HOSTILE, NOON + 1800)
    record = BreakerRecord("digits/1", since=NOON + 80, cause=Cause.PROMISE, reason=HOSTILE)
    own = replace(
        record, live=BreakerState.OPEN, opened_by=Cause.PROMISE, recovery=Recovery.EVIDENCE, retry_at=NOON + 120
    )
    board(
        Breakers(
            version="1", own=own, groups={f"region={HOSTILE}": replace(record, live=BreakerState.OPEN, override=held)}
        )
    )
    board(
        Queue(depth=12, limit=1000, oldest=190, longest=1800, budget=48, per_hour=120, offered=900, shed=20, expired=3)
    )
    return board
