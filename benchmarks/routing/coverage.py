"""Sets and intervals on real streams: do they go on covering, how wide are they, and what would an oracle need?"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.tables import table
from detectors.sets import AdaptiveSets, conformal_quantile
from detectors.types import BoolArray, FloatArray

__all__ = ["COVERAGE", "Served", "elec2", "elec2_table", "rolling", "serve", "turbine", "turbine_table"]

COVERAGE = 0.9
DELAYS = (0, 100, 1_000)
_ROLLING = 1_000
_BATCH = 100
_ELEC2_TRAINING, _ELEC2_REFERENCE = 6_000, 8_000
_TURBINE_TRAINING, _TURBINE_REFERENCE = 5_000, 7_411
_DELAY = 100
_USUAL_ACI_STEP = 0.005


@dataclass(frozen=True, slots=True)
class Served:
    """What each event was served with: the threshold on its score, and whether the truth was covered, (events,)."""

    threshold: FloatArray
    covered: BoolArray


def serve(scores: FloatArray, before: FloatArray, delay: int, make: Callable[[], AdaptiveSets]) -> Served:
    """Batches of 100, each label `delay` events late; misses are judged on what was served."""
    sets = make()
    sets.update(before, 0.0, 0.0, 0.0)
    served = np.empty(scores.shape[0])
    known = 0
    for start in range(0, scores.shape[0], _BATCH):
        served[start : start + _BATCH] = sets.threshold
        come = max(min(start + _BATCH, scores.shape[0]) - delay, known)
        if come > known:
            news = scores[known:come]
            sets.update(news, float((news > served[known:come]).sum()), come - known, start + _BATCH - come)
        known = come
    return Served(served, scores <= served)


def rolling(covered: BoolArray) -> tuple[float, float]:
    """Least and greatest coverage over any 1,000 events on end."""
    total = np.concatenate([[0], np.cumsum(covered)])
    shares = (total[_ROLLING:] - total[:-_ROLLING]) / _ROLLING
    return float(shares.min()), float(shares.max())


def elec2(folder: Path) -> dict[str, dict[int, Served]]:
    """LAC sets of a gradient-boosted classifier that stays as it was: ours, the plain window, and one set for ever."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415  seconds to import

    columns = _columns(folder / "elec2.csv.gz")
    names = [name for name in columns if name not in ("timestamp", "date", "day", "target")]
    x, y = _numbers(columns, names), np.array(columns["target"], np.int64)
    model = HistGradientBoostingClassifier(random_state=0).fit(x[:_ELEC2_TRAINING], y[:_ELEC2_TRAINING])
    right = model.predict_proba(x)[np.arange(y.shape[0]), y]
    before, scores = 1 - right[_ELEC2_TRAINING:_ELEC2_REFERENCE], 1 - right[_ELEC2_REFERENCE:]
    fixed = conformal_quantile(before, np.ones(before.shape[0]), 1 - COVERAGE)
    static = Served(np.full(scores.shape[0], fixed), scores <= fixed)
    return {
        "**Holdback**": {delay: serve(scores, before, delay, _ours) for delay in DELAYS},
        f"the same, level moved by {_USUAL_ACI_STEP}": {d: serve(scores, before, d, _usual) for d in DELAYS},
        "window alone": {delay: serve(scores, before, delay, _window_alone) for delay in DELAYS},
        "static split conformal": dict.fromkeys(DELAYS, static),
    }


def _ours() -> AdaptiveSets:
    return AdaptiveSets(COVERAGE)


def _usual() -> AdaptiveSets:
    return AdaptiveSets(COVERAGE, step=_USUAL_ACI_STEP)


def _window_alone() -> AdaptiveSets:
    return AdaptiveSets(COVERAGE, step=0.0)


def elec2_table(found: dict[str, dict[int, Served]]) -> str:
    """Coverage, with the least and the greatest over any 1,000; share of infinite sets."""
    rows = []
    for name, by_delay in found.items():
        cells = []
        for served in by_delay.values():
            low, high = rolling(served.covered)
            without = np.mean(np.isinf(served.threshold))
            cells.append(f"{served.covered.mean():.3f} [{low:.3f}, {high:.3f}], {without:.1%}")
        rows.append((name, *cells))
    return table(("elec2", *(f"labels {delay:,} late" for delay in DELAYS)), rows)


def turbine(folder: Path) -> list[tuple[str, float, float, float, float, float, float]]:
    """By year: coverage and mean width of ours, share infinite, coverage of a fixed interval, the oracle's width.

    The oracle has the quantile of the year's own residuals, known in hindsight, for all of the year.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415  seconds to import

    columns = _columns(folder / "turbine_nox.csv.gz")
    names = [name for name in columns if name not in ("year", "target")]
    x, y = _numbers(columns, names), np.array(columns["target"], float)
    model = HistGradientBoostingRegressor(random_state=0).fit(x[:_TURBINE_TRAINING], y[:_TURBINE_TRAINING])
    residual = np.abs(y - model.predict(x))
    before, scores = residual[_TURBINE_TRAINING:_TURBINE_REFERENCE], residual[_TURBINE_REFERENCE:]
    served = serve(scores, before, _DELAY, _ours)
    fixed = conformal_quantile(before, np.ones(before.shape[0]), 1 - COVERAGE)
    years = np.array(columns["year"][_TURBINE_REFERENCE:])
    rows = []
    for year in np.unique(years):
        at = years == year
        threshold = served.threshold[at]
        finite = np.isfinite(threshold)
        ideal = conformal_quantile(scores[at], np.ones(int(at.sum())), 1 - COVERAGE)
        rows.append(
            (
                str(year),
                float(served.covered[at].mean()),
                2 * float(threshold[finite].mean()),
                float(1 - finite.mean()),
                float((scores[at] <= fixed).mean()),
                2 * fixed,
                2 * ideal,
            )
        )
    return rows


def turbine_table(rows: list[tuple[str, float, float, float, float, float, float]]) -> str:
    """One line a year."""
    head = ("turbine_nox", "coverage", "mean width", "infinite", "static", "its width", "oracle's width")
    return table(
        head,
        [
            (year, f"{ours:.3f}", f"{width:.1f}", f"{none:.1%}", f"{static:.2f}", f"{fixed:.1f}", f"{ideal:.1f}")
            for year, ours, width, none, static, fixed, ideal in rows
        ],
    )


def _columns(path: Path) -> dict[str, list[str]]:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return {name: list(column) for name, column in zip(rows[0], zip(*rows[1:], strict=True), strict=True)}


def _numbers(columns: dict[str, list[str]], names: list[str]) -> FloatArray:
    return np.array([columns[name] for name in names], float).T
