"""What `fit` found, as JSON and in lines for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from monitor.fit.fitting import Learnt
from monitor.fit.notes import a_day_of
from monitor.fit.replay import Replay, Replayed

__all__ = ["fit_result", "told"]

_MEMORIES = 20


def fit_result(learnt: Learnt) -> dict[str, Any]:
    """The JSON of a fit."""
    profile, fitted = learnt.profile, learnt.profile.fitted
    return {
        "profile": profile.digest,
        "rows": fitted.n,
        "labelled": fitted.labelled,
        "unreadable": learnt.unreadable,
        "sampled": learnt.sampled,
        "events_per_day": fitted.events_per_day,
        "task": profile.task,
        "classes": list(profile.classes),
        "views": len(fitted.views.layout().names),
        "data": {"sha256": profile.facts["data_sha256"], "rows": profile.facts["data_rows"]},
        "replay": _replay(learnt.replay),
        "calibration": learnt.calibration,
        "quality": asdict(learnt.quality),
        "notes": list(learnt.notes),
    }


def told(learnt: Learnt, out: str) -> Iterator[str]:
    """What a person reads."""
    fitted = learnt.profile.fitted
    views = len(fitted.views.layout().names)
    yield f"{out}: {fitted.n:,} rows, {fitted.labelled:,} with an outcome, {views:,} views"
    if learnt.sampled < fitted.n:
        yield f"views fitted on one half of a sample of {learnt.sampled:,} rows; all other rows are counted"
    if learnt.replay is not None:
        yield _replayed(learnt.replay)
    if (line := _honesty(learnt.calibration)) is not None:
        yield line
    yield from (f"- {note}" for note in learnt.notes)


def _honesty(found: dict[str, Any]) -> str | None:
    """How far off stated probabilities are, before and after; None where the model states none."""
    before, after = found.get("before"), found.get("after")
    if before is None and after is None:
        return None
    curve = found["risk_coverage"]["after"]
    area = f"; area under the risk-coverage curve {curve['aurc']:.4f}" if curve is not None else ""
    if before is None and after is not None:
        told = f"probabilities from log-probabilities are off by {_percent(after)} on average"
    elif found["map"] == "none" or after is None:
        told = f"the model's own probabilities are off by {_percent(before)} on average"
    else:
        told = f"the model's own probabilities are off by {_percent(before)} on average, after {found['map']}"
        told += f" calibration by {_percent(after)}"
    return f"{told} (over 15 bins){area}"


def _percent(diagram: dict[str, Any] | None) -> str:
    return "an unknown share" if diagram is None else f"{100 * diagram['ece']:.1f} %"


def _replayed(replay: Replay) -> str:
    chosen = replay.chosen
    as_is = chosen == replay.tried[0]
    verdict = "the promise holds" if replay.holds else "the promise does not hold"
    if replay.holds and not as_is:
        verdict += " there, but not as configured"
    within = "" if chosen.context == "none" else f" within {chosen.context}"
    rate = f" ({a_day_of(chosen.alarms_per_day)})" if math.isfinite(chosen.alarms_per_day) else ""
    return (
        f"replay of the second half against the first, {chosen.rows:,} rows{within}: alarms: {chosen.alarms:,}{rate}; "
        f"`{replay.promise}` allows {chosen.expected:.2g}: {verdict}"
    )


def _replay(replay: Replay | None) -> dict[str, Any] | None:
    if replay is None:
        return None
    return {
        "promise": replay.promise,
        "holds": replay.holds,
        "holds_as_configured": replay.tried[0].clean,
        "context": replay.context,
        "in_time_order": replay.ordered,
        "tried": [_tried(each) for each in replay.tried],
    }


def _tried(each: Replayed) -> dict[str, Any]:
    lasting = sorted((run for run in each.memory if run.significant), key=lambda run: -run.ratio)[:_MEMORIES]
    return {
        "context": each.context,
        "cells": each.cells,
        "rows": each.rows,
        "days": each.days,
        "alarms": each.alarms,
        "alarms_per_day": each.alarms_per_day,
        "allowed": each.expected,
        "chance": each.chance,
        "passes": each.passes,
        "tempered": each.tempered,
        "views": list(each.views),
        "long_run_variance": [asdict(run) for run in lasting],
    }
