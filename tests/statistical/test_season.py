"""A season is no change in the context that `fit` proposes for it, however busy the stream."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.counting import ViewSettings
from detectors.evidence import Evidence
from detectors.profile import Reference, fit
from detectors.types import FloatArray, Rows
from monitor.config import config_from
from monitor.fit.contexts import in_context
from monitor.fit.replay import Half, replay
from tests.statistical.test_null import rows

DAY, LEVEL = 86400.0, 1e4
AT_ONCE = 50


def daily(rng: np.random.Generator, times: FloatArray) -> FloatArray:
    """(1, events): a Gaussian whose mean is a daily sine of one sigma."""
    return np.asarray(np.sin(2 * np.pi * times / DAY) + rng.normal(size=(1, len(times))))


def proposed(made: Rows, times: FloatArray) -> str | None:
    """The context that the replay finds to be enough, at the promise that is counted below."""
    config = config_from({"model": "m", "promise": {"max_error": "5%", "false_pages": f"1 per {LEVEL:.0f} events"}}, {})
    reference = Reference(made, ("f0",), (), np.full(len(made), np.nan), np.empty(0), len(times) / 10)
    found = replay(Half(made, times, [()] * len(made)), reference, config, timed=True)
    assert found is not None
    return found.context


def alarms(made: Rows, seen: Rows, context: str, batch: int) -> int:
    """Alarms of a stream in a context; after each the detector begins anew, as a promise counts them."""
    nothing = np.full(len(made), np.nan)
    settings = ViewSettings(joint=False, context=context)
    fitted = fit(Reference(made, ("f0",), (), nothing, np.empty(0), 1.0), settings)
    counts, cells, first = fitted.views.count_cells(seen, np.arange(0, len(seen) + 1, batch))
    evidence, at, found, n = None, 0, 0, len(first) - 1
    while at < n:
        evidence = evidence or Evidence(fitted.views.layout(), fitted.reference, np.log(LEVEL))
        end = min(at + AT_ONCE, n)
        part, start = slice(first[at], first[end]), first[at]
        clock = np.full(end - at, float(batch))
        given = (counts[part], clock, np.arange(at, end, dtype=float), cells[part], first[at : end + 1] - start)
        told = evidence.update(*given).alarms
        found += bool(told)
        evidence, at = (None, at + told[0].batch + 1) if told else (evidence, end)
    return found


def ratio(a_day: int, days: int, watched: int, batch: int, seed: int) -> tuple[str | None, float, float]:
    """What is proposed for a reference, and the distance of false alarms over the promised one, in it and in none."""
    rng = np.random.default_rng(seed)
    times: FloatArray = np.arange((days + watched) * a_day, dtype=np.float64) * np.float64(DAY / a_day)
    x, learnt = daily(rng, times), days * a_day
    made, seen = rows(x[:, :learnt]), rows(x[:, learnt:])
    context = proposed(made, times[:learnt])
    if context is None:
        return None, 0.0, 0.0
    few = rows(seen.numeric[:, : len(seen) // (20 * batch) * batch])  # without a context they come fast
    within = [in_context(each, context, when, ()) for each, when in ((made, times[:learnt]), (seen, times[learnt:]))]
    expected = len(seen) / LEVEL
    return (
        context,
        expected / max(alarms(within[0], within[1], context, batch), 1),
        expected / 20 / max(alarms(made, few, "", batch), 1),
    )


def test_a_hundred_events_an_hour_need_the_hour() -> None:
    """20 days to learn from and 40 to watch, batches of 25, A = 10,000: 9.6 alarms are allowed, and no more come."""
    context, held, broken = ratio(2400, 20, 40, 25, 1)
    assert context == "hour_of_day"
    assert held >= 1
    assert broken < 0.2


@pytest.mark.slow
def test_an_event_a_second_needs_the_quarter_of_an_hour() -> None:
    """Four days to learn from and four to watch, batches of 100, A = 10,000: 34 alarms are allowed, no more come."""
    context, held, broken = ratio(86_400, 4, 4, 100, 2)
    assert context == "quarter_of_day"
    assert held >= 1
    assert broken < 0.2
