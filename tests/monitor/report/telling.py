"""A made-up backtest, told block by block: health, a change, two steps of the breaker, and hostile texts."""

from __future__ import annotations

from typing import Any

from monitor.config import config_from
from monitor.observing import Alarm, Counted, Evidence, Paged, Routed, Transition
from monitor.report import Recorder, Run
from monitor.results import Block

__all__ = ["HOSTILE", "told"]

NOON = 1_789_992_000.0
HOSTILE = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
BLOCKS = 120


def told(change: str = "", *, labelled: bool = True, promise: str = "5%") -> Run:
    """The run; `promise` is its greatest error."""
    record = Recorder()
    totals = dict.fromkeys(("accepted", "accepted_wrong", "alone_wrong", "answered_wrong"), 0)
    for k in range(BLOCKS):
        time, worse = NOON + 600 * k, max(0.0, (k - 60) / 60)
        model = round(80 * (1 - worse))
        record(Evidence(time=time, event=record.events, warning=18 * worse - 1, harm=12 * worse - 1, level=4.0))
        decisions = {("model", "confident"): model, ("human", "low_confidence"): 90 - model, ("refuse", HOSTILE): 10}
        record(Routed(time=time, decisions=decisions, version="1"))
        record(Counted(dead_letters={HOSTILE: 1} if k == 3 else {}, joined=100, features_missing=int(k == 5)))
        if k == 80:
            _change(record, time)
        wrong, alone = round(model * 0.03), round(6 + 50 * worse)
        known = (model, wrong) if labelled else (0, 0)
        pairs = {"answered": (90, wrong), "alone": (100, alone), "covered": (100, 91 - round(8 * worse))}
        if not labelled:
            pairs = dict.fromkeys(pairs, (0, 0))
        routes = {"model": model, "fallback": 0, "human": 90 - model, "refuse": 10}
        record.take(Block(100, routes, accepted=known, **pairs))
        totals["accepted"] += model
        totals["accepted_wrong"] += wrong
        totals["alone_wrong"] += alone
        totals["answered_wrong"] += wrong
    raw = {"model": "digits", "promise": {"max_error": promise, "false_pages": "1 per 90d"}, "outcomes": {"delay": 50}}
    return Run(
        config_from(raw, {}), _result(record, totals, float(promise.rstrip("%")) / 100, labelled), record, change
    )


def _change(record: Recorder, time: float) -> None:
    at = record.events
    bars: dict[str, Any] = {"bins": [f"{i} to {i + 1}" for i in range(20)], "before": [0.05] * 20}
    now = [0.01] * 10 + [0.09] * 10
    record(
        Alarm(time=time, event=at, level="warning", view="age", log10_evidence=6, why="age above 9", now=now, **bars)
    )
    few: dict[str, Any] = {"bins": [HOSTILE, "b", "c"], "before": [0.2, 0.5, 0.3], "now": [0.6, 0.3, 0.1]}
    record(
        Alarm(
            time=time,
            event=at,
            level="warning",
            view=HOSTILE,
            log10_evidence=6.1,
            why=HOSTILE,
            since=time - 60,
            moved=[HOSTILE, "age"],
            **few,
        )
    )
    record(Alarm(time=time, event=at, level="page", view="error", log10_evidence=7, why="errors rose"))
    steps = [("closed", "degraded", "warning"), ("degraded", "open", HOSTILE)]
    for before, after, reason in steps:
        record(Transition(time=time, event=at, version="1", before=before, after=after, reason=reason))
    record(Paged(time=time, summary=HOSTILE))


def _result(record: Recorder, totals: dict[str, int], promise: float, labelled: bool) -> dict[str, Any]:
    sums = record.timeline.stretches(record.events).sums.sum(axis=0).astype(int).tolist()
    routes = dict(zip(("model", "fallback", "human", "refuse"), sums[:4], strict=True))

    def share(n: int, wrong: int) -> dict[str, Any]:
        return {"labelled": n, "errors": wrong, "error_rate": wrong / n} if labelled else _NOTHING

    n = record.events
    return {
        "events": n,
        "seconds": 1.0,
        "events_per_second": float(n),
        "routes": routes,
        "dead_letters": {"n": 1, "reasons": {HOSTILE: 1}},
        "accepted": {"n": routes["model"], **share(totals["accepted"], totals["accepted_wrong"]), "promise": promise},
        "answered": {"n": n - routes["refuse"], **share(n - routes["refuse"], totals["answered_wrong"])},
        "always_answering": share(n, totals["alone_wrong"]),
        "coverage": {
            "target": 0.9,
            "overall": sums[11] / sums[10] if labelled else None,
            "worst_1000": 0.85 if labelled else None,
        },
        "alarms": [{"event": 8000, "level": "warning", "view": "age", "why": "age above 9"}],
        "breaker": [{"event": 8000, "from": "degraded", "to": "open", "reason": HOSTILE}],
        "guarantee": {"certified": 0.6, "tracking": 0.4, "none": 0.0},
        "outcomes": {"joined": n, "unmatched": 0, "expired": 0},
        "profile": "ab" * 32,
        "ledger_head": "cd" * 32,
    }


_NOTHING: dict[str, Any] = {"labelled": 0, "errors": 0, "error_rate": None}
