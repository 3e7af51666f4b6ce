"""Evidence, error, coverage and routes along the stream."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detectors.types import FloatArray
from monitor.page.html import Element, element
from monitor.page.rates import ROLLING, error_series, rate
from monitor.page.series import Point
from monitor.page.words import chosen
from monitor.report.course import shades
from monitor.report.parts import NOTHING, Run, card, details, number, percent, stream_axis, table
from monitor.report.plot import Axis, Band, Line, Plot, draw, number_axis, share_axis
from monitor.report.recorder import ROUTES

__all__ = ["coverage", "errors", "evidence", "routes"]

_FEWEST = 30
_TABLE = 24
_LOWEST, _ABOVE = -2.0, 10.0
_RAISED = str.maketrans("-.0123456789", "\u207b\u00b7\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
_ROUTE_NAMES = ("the model", "the fallback", "people", "nobody (refused)")


def evidence(run: Run) -> Element:
    """How strong the evidence was, and where it alarms."""
    found = run.record.timeline.stretches(run.record.events)
    if not np.isfinite(found.tops[:, :2]).any():
        return card("Evidence of change", element("p", "There was none to be shown.", class_="hint"))
    level = run.record.level
    lines = [np.where(np.isfinite(each), np.maximum(each, _LOWEST), np.nan) for each in found.tops[:, :2].T]
    greatest = max(float(np.nanmax(np.concatenate(lines))), level if math.isfinite(level) else 0.0)
    axis = number_axis(_LOWEST, min(greatest * 1.05, (level if math.isfinite(level) else 0.0) + _ABOVE), finest=5.0)
    axis = Axis(axis.low, axis.high, tuple((at, _odds(at)) for at, _ in axis.ticks))
    told = f"Evidence along the stream; the greatest was 1 to 10 to the {greatest:.1f}, the alarm level {level:.1f}."
    picture = draw(
        Plot(
            told,
            stream_axis(run),
            axis,
            [
                Line("inputs and outputs have changed", "warning", found.ends.tolist(), lines[0].tolist()),
                Line("the model does harm", "bad", found.ends.tolist(), lines[1].tolist(), dashed=True),
            ],
            [(level, "alarm level")] if math.isfinite(level) else (),
            shades(run),
        )
    )
    rows = [
        (f"{start:,.0f}", _odds(w), _odds(h))
        for start, w, h in _some(list(zip(found.starts.tolist(), lines[0].tolist(), lines[1].tolist(), strict=True)))
    ]
    since = run.record.since_profile
    since = float(round(since)) if math.isfinite(since) else since
    ever = f"Over the whole stream, the odds against nothing having changed since the profile came to {_odds(since)}."
    return card(
        "Evidence of change",
        picture,
        element("p", ever, class_="hint") if since > 0 else None,
        details("The same in numbers", table("Evidence", ("from event", "of change", "of harm"), rows, numbers=(1, 2))),
        hint="Odds that a sceptic has won by betting that nothing changed, the greatest in each stretch, on a scale of "
        "powers of ten; higher peaks are cut. A view with an open alarm is silent until its episode ends. The "
        "background has the breaker's colours of above.",
    )


def errors(run: Run) -> Element:
    """Wrong answers against the promise."""
    found = run.record.timeline.stretches(run.record.events)
    points = [
        Point(end, int(end), tuple(row)) for end, row in zip(found.ends.tolist(), found.sums[:, 4:10], strict=True)
    ]
    series = error_series([p for p in points if p.values[4] > 0])
    if not any(each is not None for each in series.alone):
        return card("Wrong answers against the promise", element("p", "Too few outcomes are known.", class_="hint"))
    accepted, low, high, answered, alone = (
        _floats(each) for each in (series.accepted, series.low, series.high, series.answered, series.alone)
    )
    promise = run.config.promise.max_error
    highest = max(promise * 1.3, *(v for v in (*alone, *answered, *accepted) if math.isfinite(v)))
    known = [v for v in accepted if math.isfinite(v)]
    told = (
        f"Share of accepted answers that were wrong over the last 1,000 known outcomes: at most {percent(max(known))}, "
        f"at the end {percent(known[-1])}; promised at most {chosen(promise)}."
        if known
        else "Hardly any answer was accepted."
    )
    picture = draw(
        Plot(
            told,
            stream_axis(run),
            share_axis(highest),
            [
                Band("95 % interval", "model", series.time, low, high),
                Line("the model alone", "bad", series.time, alone, dashed=True),
                Line("what callers got", "fallback", series.time, answered),
                Line("accepted from the model", "model", series.time, accepted),
            ],
            [(promise, f"promise {chosen(promise)}")],
            shades(run),
        )
    )
    rows = [
        (f"{at:,.0f}", percent(a), percent(lo), percent(hi), percent(c), percent(m))
        for at, a, lo, hi, c, m in _some(list(zip(series.time, accepted, low, high, answered, alone, strict=True)))
    ]
    heads = ("up to event", "accepted", "at least", "at most", "callers", "model alone")
    return card(
        f"Wrong answers, against the promise of {chosen(promise)}",
        picture,
        details("The same in numbers", table("Wrong answers", heads, rows, numbers=range(1, 6))),
        hint=f"Over the last {ROLLING:,} requests with a known outcome, in the order in which they were decided: what "
        "was going on, and not what was known at the time. A person is taken to be right. The background has "
        "the breaker's colours of above, where it was not closed.",
    )


def coverage(run: Run) -> Element | None:
    """How often sets and intervals held the truth."""
    found = run.record.timeline.stretches(run.record.events)
    ends, shares, low, high = _rolling(found.ends, found.sums[:, 10], found.sums[:, 11])
    if not ends:
        return None
    target = run.config.promise.coverage
    told = f"Share of sets that held the truth, over 1,000: at least {percent(min(shares))} of {chosen(target)}."
    least = max(0.0, math.floor((min([*shares, target]) - 0.05) * 20) / 20)
    axis = number_axis(least, 1.0)
    axis = Axis(axis.low, axis.high, tuple((at, f"{100 * at:.3g}\u202f%") for at, _ in axis.ticks))
    layers: list[Line | Band] = [
        Band("95 % interval", "model", ends, low, high),
        Line("held the truth", "model", ends, shares),
    ]
    picture = draw(Plot(told, stream_axis(run), axis, layers, [(target, f"target {chosen(target)}")], shades(run)))
    rows = [
        (f"{at:,.0f}", percent(s), percent(lo), percent(hi))
        for at, s, lo, hi in _some(list(zip(ends, shares, low, high, strict=True)))
    ]
    return card(
        "Coverage",
        picture,
        details(
            "The same in numbers",
            table("Coverage", ("up to event", "held", "at least", "at most"), rows, numbers=(1, 2, 3)),
        ),
        hint="How often the set of classes, or the interval, held what turned out to be true, whoever answered.",
    )


def routes(run: Run) -> Element:
    """Who answered, and why."""
    found = run.record.timeline.stretches(run.record.events)
    there = found.sums[:, :4].sum(axis=1) > 0
    shares = found.sums[there, :4] / found.sums[there, :4].sum(axis=1, keepdims=True)
    below = np.concatenate([np.zeros((len(shares), 1)), np.cumsum(shares, axis=1)], axis=1)
    ends = found.ends[there].tolist()
    x = [found.starts[there][0], *ends] if ends else []
    layers = [
        Band(name, route, x, _stepped(below[:, i]), _stepped(below[:, i + 1]), solid=True)
        for i, (route, name) in enumerate(zip(ROUTES, _ROUTE_NAMES, strict=True))
        if shares[:, i].any()
    ]
    totals = run.result["routes"]
    told = "Who answered: " + ", ".join(
        f"{name} {totals[route]:,}" for route, name in zip(ROUTES, _ROUTE_NAMES, strict=True)
    )
    rows = [
        (_plain(reason), _who(route), number(n), percent(n / max(run.record.reasons.total(), 1)))
        for (route, reason), n in run.record.reasons.most_common()
    ]
    return card(
        "Who answered, and why",
        draw(Plot(f"{told}.", stream_axis(run), share_axis(1.0), layers)) if layers else None,
        table(
            "Reasons of all decisions",
            ("reason", "answered by", "requests", "share"),
            rows,
            shown=True,
            numbers=(2, 3),
            stacked=True,
        ),
    )


def _rolling(
    ends: FloatArray, known: FloatArray, inside: FloatArray
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Over the last stretches that hold 1,000 known outcomes: where, the share, and its interval."""
    told: tuple[list[float], list[float], list[float], list[float]] = ([], [], [], [])
    n, good, back = 0.0, 0.0, 0
    for i in range(len(ends)):
        n, good = n + known[i], good + inside[i]
        while n - known[back] >= ROLLING:
            n, good, back = n - known[back], good - inside[back], back + 1
        found = rate(n, good) if n >= _FEWEST and known[i] else rate(0, 0)
        if found.rate is not None and found.low is not None and found.high is not None:
            for values, value in zip(told, (float(ends[i]), found.rate, found.low, found.high), strict=True):
                values.append(value)
    return told


def _stepped(values: FloatArray) -> list[float]:
    return [float(values[0]), *values.tolist()] if len(values) else []


def _some(rows: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """At most two dozen rows, the last among them."""
    step = max(math.ceil(len(rows) / _TABLE), 1)
    return rows[::-1][::step][::-1]


def _floats(values: Sequence[float | None]) -> list[float]:
    return [math.nan if each is None else each for each in values]


def _odds(power: float) -> str:
    if not math.isfinite(power):
        return NOTHING
    return f"10{f'{power:.3g}'.translate(_RAISED)}" if power else "1"


def _plain(reason: str) -> str:
    return reason.replace("_", " ")


def _who(route: str) -> str:
    return dict(zip(ROUTES, _ROUTE_NAMES, strict=True)).get(route, route)
