"""Streams whose rows are not exchangeable: what `fit` finds in their reference, and what comes of it."""

from __future__ import annotations

import numpy as np

from benchmarks.tables import SHORT, table
from detectors.counting import ViewSettings
from detectors.profile import Reference
from detectors.types import FloatArray, Rows
from monitor.config import Config, config_from
from monitor.fit.contexts import NONE, in_context
from monitor.fit.replay import Half, Replay, replay

from .false_alarms import Ratio, measured, run_lengths
from .side_by_side import Panel
from .streams import autoregressive, numbers

__all__ = ["memory", "seasons"]

_BATCH = 10
_DAY = 86400.0


def _config(level: float, temper: str) -> Config:
    return config_from(
        {
            "model": "m",
            "promise": {"false_pages": f"1 per {level:.0f} events", "max_error": "5%"},
            "views": {"joint": False},
            "evidence": {"temper": temper},
        },
        {},
    )


def _replayed(x: FloatArray, times: FloatArray, level: float, temper: str, *, timed: bool) -> Replay:
    """What `fit` finds by replaying the second half of a reference of one feature against the first."""
    rows = numbers(x[None])
    nothing = np.full(len(rows), np.nan)
    a_day = len(x) / max((times[-1] - times[0]) / _DAY, 1e-9)
    reference = Reference(rows, ("x",), (), nothing, np.empty(0), a_day)
    found = replay(Half(rows, times, [()] * len(rows)), reference, _config(level, temper), timed=timed)
    assert found is not None
    return found


def _times(n: int, a_day: int, start: int = 0) -> FloatArray:
    return np.asarray((start + np.arange(n)) * (_DAY / a_day), dtype=np.float64)


def memory(effort: float) -> tuple[str, list[Ratio]]:
    """Rows that follow x <- phi x + noise, with the temper that `fit` measures on each reference."""
    lines, ratios = [], []

    def temper(reference: Rows) -> FloatArray:
        times = np.arange(len(reference), dtype=float)
        return np.array([_replayed(x, times, 1e4, "auto", timed=False).memory[0].temper for x in reference.numeric])

    for phi in (0.3, 0.6):
        for rows in (1000, 10_000) if not SHORT else (2000,):
            texts = []
            for level in (1e4, 1e5) if not SHORT else (1e3,):
                tempered = measured(autoregressive(phi), level, rows, _BATCH, 30 * effort, temper)
                plain = measured(autoregressive(phi), level, rows, _BATCH, 8 * effort)
                ratios.append(tempered)
                texts += [str(tempered), str(plain)]
            lines.append((f"x ← {phi} x + noise, {rows:,} rows", *texts))
    levels = ("10⁴", "10⁵") if not SHORT else ("10³",)
    heads = [head for level in levels for head in (f"A = {level}, tempered", "as they are")]
    return table(("rows that remember", *heads), lines), ratios


def seasons(effort: float) -> tuple[str, list[Ratio]]:
    """A daily sine of one sigma, in the context that `fit` proposes for it."""
    lines, ratios = [], []
    level = 1e4 if SHORT else 1e5
    rates = (("100 events an hour", 2400, 40), ("an event a second", 86_400, 8))
    for name, a_day, days in rates[:1] if SHORT else rates:
        streams = max(int(10 * effort), 2)
        rng = np.random.default_rng(a_day)

        def rows(start: int, n: int, context: str, streams: int = streams, a_day: int = a_day) -> Rows:
            at = start + np.arange(n)
            x = np.sin(2 * np.pi * at / a_day) + rng.normal(size=(streams, n))  # noqa: B023
            return in_context(numbers(x), context, _times(n, a_day, start), [()] * n)

        reference = days * a_day
        made = rows(0, reference, NONE)
        found = _replayed(made.numeric[0], _times(reference, a_day), level, "off", timed=True)
        proposed = found.chosen.context
        for context in dict.fromkeys((proposed, NONE)):
            times = _times(reference, a_day)
            settings = ViewSettings(joint=False, context="" if context == NONE else context)
            # the panel goes on where the reference ends
            panel = Panel(in_context(made, context, times, [()] * reference), level, _BATCH, settings)
            ratio = run_lengths(panel, lambda n: rows(reference + panel.at, n, context), level)  # noqa: B023
            said = ""
            if context == proposed:
                said = "proposed" if found.holds else "proposed, but said not to hold"
                ratios.append(ratio)
            lines.append((f"{name}, {days} days", context, said, str(ratio)))
    return table(("a daily sine of one σ", "context", "by `fit`", "ratio"), lines), ratios
