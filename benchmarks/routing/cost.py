"""What deciding and learning cost, whatever the history, beside MAPIE and crepes in the same run."""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pipeline_stages import stages
from benchmarks.pipeline_stream import Replica, blocks, configured, fitted
from benchmarks.routing.streams import make, reference
from benchmarks.tables import SHORT, aim, best, cpu_time, rounded, table
from detectors.selective import Selective
from detectors.sets import AdaptiveSets
from detectors.types import RANK_CELLS, FloatArray, IntArray, Labels, Stake

__all__ = ["Cost", "cost_told", "measured"]

_BATCH = 100
_REPEATS = 40 if SHORT else 200
_PYTHON = Path(__file__).resolve().parents[2] / ".tools" / "peers" / "crepes" / "bin" / "python"
_LITTLE, _MUCH = 1_000, 20_000 if SHORT else 1_000_000
_PEERS_MUCH = 2_000 if SHORT else 100_000
_RISK_MUCH = 1_000 if SHORT else 10_000


@dataclass(slots=True)
class Cost:
    """µs by what is done; what it was done with; and bytes of what is remembered."""

    decide: float = 0.0
    update: dict[int, float] = field(default_factory=dict)
    alone: float = 0.0
    state: int = 0
    mapie: dict[str, float] = field(default_factory=dict)
    crepes: dict[str, dict[str, float]] = field(default_factory=dict)


def measured() -> Cost:
    """All of it, one after the other."""
    found = Cost(decide=_decision())
    _ours(found)
    _mapie(found)
    _crepes(found)
    return found


def _decision() -> float:
    """Routing and deciding in the whole pipeline: confidence's rank, threshold, stake, set, propensity, reason."""
    config = configured()
    profile = fitted(config)
    made = blocks(4 if SHORT else 12, seed=1)
    replica = Replica(config, profile)
    replica.feed(made[0].predictions, [])
    replica.work()
    spent = stages(config, profile, made, replica)
    return spent["route"] + spent["decide"]


def _ours(found: Cost) -> None:
    """The judge's share: threshold, alarms, suspicion, certificate, Platt scaling and the sets' window."""
    r = np.random.default_rng(0)
    known = reference("gaussian", r).counted
    stream, _ = make("none", "gaussian", r)
    usual = known.counts.sum(axis=1) / known.counts.sum()
    wrong = known.counts[:, 1] / np.maximum(known.counts.sum(axis=1), 1)
    scores = 1 - stream.confidence
    batches = [_labels(r, usual, wrong, _BATCH) for _ in range(_REPEATS)]
    single = [_labels(r, usual, wrong, 1) for _ in range(_REPEATS)]
    traffic = np.bincount(r.integers(0, RANK_CELLS, _BATCH), minlength=RANK_CELLS)
    for history in (_LITTLE, _MUCH):
        selective, sets = Selective(known, 0.05, 0.95), AdaptiveSets(0.9)
        if history == _MUCH:
            for at in range(_MUCH // (10 * _BATCH)):
                selective.update([_labels(r, usual, wrong, 10 * _BATCH)], 10 * traffic, 50.0)
                sets.update(scores[at : at + 10 * _BATCH], 100, 10 * _BATCH, 50.0)
        for batch in batches[: _LITTLE // _BATCH]:
            selective.update([batch], traffic, 50.0)
        sets.update(scores[:_BATCH], 10, _BATCH, 50.0)

        def learn(labels: Labels, n: int, selective: Selective = selective, sets: AdaptiveSets = sets) -> None:
            selective.update([labels], traffic, 50.0)
            sets.update(scores[:n], n / 10, n, 50.0)

        times = [cpu_time(lambda batch=batch: learn(batch, _BATCH)) for batch in batches]  # type: ignore[misc]
        found.update[history] = best(times) / _BATCH * 1e6
        found.alone = best([cpu_time(lambda one=one: learn(one, 1)) for one in single]) * 1e6  # type: ignore[misc]
        found.state = sum(np.asarray(each).nbytes for part in (selective, sets) for each in part.state().values())


def _labels(r: np.random.Generator, usual: FloatArray, wrong: FloatArray, n: int) -> Labels:
    by_cell = r.multinomial(n, usual)
    errors = r.binomial(by_cell, wrong)
    counts: IntArray = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
    both = np.stack([by_cell - errors, errors], axis=1)
    counts[Stake.ACCEPTED, RANK_CELLS // 3 :] = both[RANK_CELLS // 3 :]
    counts[Stake.HELD, : RANK_CELLS // 3] = both[: RANK_CELLS // 3]
    return Labels(0.1, 0, counts, np.zeros((len(Stake), RANK_CELLS), np.int64))


def _mapie(found: Cost) -> None:
    """Split-conformal intervals; its two ways to go on with labels, one event at a time, as they are meant."""
    from mapie.exchangeability_testing import OnlineMartingaleTest, RiskMonitoring  # noqa: PLC0415  seconds to import
    from mapie.regression import SplitConformalRegressor  # noqa: PLC0415
    from sklearn.dummy import DummyRegressor  # noqa: PLC0415

    r = np.random.default_rng(0)
    nothing, one = np.zeros((_BATCH, 1)), np.zeros((1, 1))
    model = DummyRegressor(strategy="constant", constant=0.0).fit(nothing, np.zeros(_BATCH))
    conformal = SplitConformalRegressor(model, prefit=True, confidence_level=0.9)
    conformal.conformalize(np.zeros((_LITTLE, 1)), r.normal(size=_LITTLE))
    found.mapie["an interval"] = _fastest(lambda: conformal.predict_interval(nothing), 10) / _BATCH
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for history in (_LITTLE, _RISK_MUCH):
            monitor = RiskMonitoring("accuracy", threshold=0.5, warn=False)
            answers = r.integers(0, 2, history)
            monitor.update(answers, answers)
            name = f"RiskMonitoring, {history:,} labels of history"
            found.mapie[name] = _fastest(lambda: monitor.update(answers[:1], answers[:1]), 1)  # noqa: B023  called at once
        for history in (_LITTLE, _PEERS_MUCH):
            test = OnlineMartingaleTest(conformal, "regression", warn=False, random_state=0)
            test.update(np.zeros((2, 1)), r.normal(size=2))
            # its history, filled at once: event by event it would take the square of it
            for past in (test.conformity_score_history, test.pvalue_history, test.martingale_value_history):
                past.extend(r.random(history).tolist())
            name = f"martingale, {history:,} labels of history"
            found.mapie[name] = _fastest(lambda: test.update(one, r.normal(size=1)), 5)  # noqa: B023  called at once


def _fastest(work: Callable[[], object], times: int) -> float:
    return min(cpu_time(work) for _ in range(times)) * 1e6


def _crepes(found: Cost) -> None:
    if not _PYTHON.exists():
        return
    command = [str(_PYTHON), "-m", "benchmarks.peers.crepes_cost", str(_LITTLE), str(_PEERS_MUCH)]
    root = str(_PYTHON.parents[4])
    done = subprocess.run(
        command, cwd=root, env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True, check=False
    )
    if not done.returncode:
        answer: dict[str, Any] = json.loads(done.stdout)
        found.crepes = answer["found"]


def cost_told(found: Cost) -> tuple[str, str, list[tuple[bool, str]]]:
    """The table, the aims, and what must hold."""
    rows: list[tuple[str, str | float]] = [
        ("**Holdback**, a decision: route and decide, batches of many", found.decide),
        *((f"**Holdback**, a label, batches of 100, {n:,} before", each) for n, each in found.update.items()),
        (f"**Holdback**, a label that comes alone, {_MUCH:,} before", found.alone),
        *((f"MAPIE, {name}", each) for name, each in found.mapie.items()),
    ]
    for history, by in found.crepes.items():
        rows += [
            (f"crepes, an interval, {int(history):,} labels of history", by["decide"]),
            (f"crepes, a label, fitted anew every 100, {int(history):,} of history", by["fit anew"]),
            (f"crepes, a label, its online mode, {int(history):,} of history", by["online"]),
        ]
    if not found.crepes:
        rows.append(("crepes", "not measured: `make peers` brings it"))
    ratio = found.update[_MUCH] / found.update[_LITTLE]
    aims = [
        aim("a decision in less than 5 µs", found.decide, 5.0),
        aim("a label in less than 50 µs", max(found.update.values()), 50.0),
        aim(f"as fast after {_MUCH:,} labels as after {_LITTLE:,}, within a fifth", ratio, 1.2),
        aim("less than 100 kB remembered", found.state / 1000, 100.0),
    ]
    told = f"What is remembered: {rounded(found.state / 1000)} kB, whatever came before."
    claims = [
        (found.update[_MUCH] < 200, f"a label costs {rounded(found.update[_MUCH])} µs"),
        (found.state < 1e5, f"{found.state:,} bytes are remembered"),
    ]
    return table(("µs of CPU", "an event"), rows), "\n\n".join([told, "\n".join(aims)]), claims
