"""Error and acceptance of each rule, by scenario, stretch and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.routing.serving import Settings, route
from benchmarks.routing.streams import SCENARIOS, Reference, Stream, make, oracle, ranks, reference, static_threshold
from detectors.types import BoolArray, FloatArray

__all__ = [
    "ALONE",
    "LABELS_TO_CLOSE",
    "MIN_ACCEPTANCE",
    "ORACLE",
    "OURS",
    "STATIC",
    "Measured",
    "measure",
    "rules_for",
    "stretches",
]

ORACLE, STATIC, ALONE, OURS = "oracle's threshold", "static, certified once", "tracking alone", "**Holdback**, τ = .9"

LABELS_TO_CLOSE = 3_000
MIN_ACCEPTANCE = 0.05
"""The breaker opens when less than this share could pass (`breaker.min_acceptance`)."""

_PARTS = 4
"""The oracle chooses a threshold for each quarter of the stream: all changes are at the edge of one, or spread."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one rule did in one scenario.

    Attributes
    ----------
    names
        Stretches.
    error, acceptance
        (seeds, stretches); the error is 0 where nothing passed.
    epochs, certified, closed
        (seeds,): epoch alarms, share certified at the end, whether less than 5 % could pass at the end.
    """

    names: tuple[str, ...]
    error: FloatArray
    acceptance: FloatArray
    epochs: FloatArray
    certified: FloatArray
    closed: FloatArray

    def mean(self, name: str) -> tuple[float, float]:
        """Error and acceptance of a stretch, the mean over seeds."""
        at = self.names.index(name)
        return float(self.error[:, at].mean()), float(self.acceptance[:, at].mean())

    def share_within(self, name: str, limit: float) -> float:
        """Share of seeds with an error of at most `limit`."""
        return float((self.error[:, self.names.index(name)] <= limit).mean())

    def cell(self, name: str) -> str:
        """Error / acceptance, as the tables have it."""
        error, acceptance = self.mean(name)
        return f"{error:.3f} / {acceptance:.2f}"


@dataclass(frozen=True, slots=True)
class _Case:
    """A stream with all that a rule may know or be judged by."""

    stream: Stream
    truth: FloatArray
    before: Reference
    seed: int


def stretches(scenario: str) -> list[tuple[str, int, int]]:
    """Name the parts of the stream; one that begins at -1 begins once 3,000 labels of the change have come."""
    n = SCENARIOS[scenario][0]
    half = n // 2
    if scenario == "none":
        return [("all but 5,000", 5_000, n)]
    if scenario == "recovery":
        return [
            ("changed", n // 4 + 5_000, half),
            ("first 5,000 back", half, half + 5_000),
            ("then", half + 5_000, n),
        ]
    if scenario.startswith("surest"):
        return [("before", 5_000, half), ("2,000 to 5,000", half + 2_000, half + 5_000), ("after 3,000 labels", -1, n)]
    if scenario == "stop":
        return [
            ("before", 5_000, half),
            ("2,000 to 5,000", half + 2_000, half + 5_000),
            ("from 5,000", half + 5_000, n),
        ]
    if scenario in {"gradual", "growing"}:
        return [("before", 5_000, 20_000), ("20,000 to 40,000", 20_000, 40_000), ("last 15,000", n - 15_000, n)]
    found = [("before", 5_000, half), ("first 5,000", half, half + 5_000), ("last 15,000", n - 15_000, n)]
    return [*found, ("all since", half, n)] if scenario == "half-lost" else found


def rules_for(scenario: str, max_error: float = 0.05, *, full: bool = False) -> dict[str, Settings | None]:
    """Baselines and ours; `full` adds what the first table has besides."""
    rules: dict[str, Settings | None] = {ORACLE: None, STATIC: None}
    if full:
        rules[ALONE] = Settings(max_error, alone=True)
    rules[OURS] = Settings(max_error)
    if full:
        rules["the same, τ = .95"] = Settings(max_error, tau=0.95)
        at = SCENARIOS[scenario][0] // 2 + 300
        rules["τ = .9, evidence without labels 300 later"] = Settings(max_error, evidence_at=at)
    return rules


def measure(
    scenario: str, generator: str, seeds: range, rules: Mapping[str, Settings | None], max_error: float = 0.05
) -> dict[str, Measured]:
    """Serve every seed's stream by every rule."""
    found: dict[str, list[tuple[FloatArray, FloatArray]]] = {name: [] for name in rules}
    for seed in seeds:
        r = np.random.default_rng(seed)
        before = reference(generator, r)
        case = _Case(*make(scenario, generator, r), before, seed)
        for name, settings in rules.items():
            found[name].append(_run(name, settings, scenario, case, max_error))
    names = tuple(name for name, _, _ in stretches(scenario))
    told = {}
    for name, each in found.items():
        shares, facts = np.array([one for one, _ in each]), np.array([one for _, one in each])
        told[name] = Measured(names, shares[:, :, 0], shares[:, :, 1], *facts.T)
    return told


def _run(
    name: str, settings: Settings | None, scenario: str, case: _Case, max_error: float
) -> tuple[FloatArray, FloatArray]:
    """Error and acceptance, (stretches, 2); epochs, certified, closed, (3,)."""
    wrong, half = case.stream.wrong, case.truth.shape[0] // 2
    if settings is None:
        accepted, facts, learnt = _baseline(name, case, max_error), np.zeros(3), half
    else:
        outcome = route(case.stream, case.before, settings, np.random.default_rng([case.seed, 1]))
        accepted, last = outcome.accepted, outcome.readings[-1]
        epochs = sum(reading.epoch_alarm is not None for reading in outcome.readings)
        rank = ranks(case.before.ordered, case.stream.confidence[-10_000:])
        facts = np.array([epochs, np.mean(rank >= last.certified_from), last.could_pass < MIN_ACCEPTANCE])
        later = np.flatnonzero(outcome.asked[half:] & case.stream.comes[half:])
        enough = later.shape[0] > LABELS_TO_CLOSE
        learnt = half + int(later[LABELS_TO_CLOSE]) + settings.delay if enough else accepted.shape[0]
    shares = [_share(accepted, wrong, learnt if a < 0 else a, b) for _, a, b in stretches(scenario)]
    return np.array(shares), facts


def _share(accepted: BoolArray, wrong: BoolArray, a: int, b: int) -> tuple[float, float]:
    passed = accepted[a:b]
    if not passed.any():
        return 0.0, 0.0
    return float(wrong[a:b][passed].mean()), float(passed.mean())


def _baseline(name: str, case: _Case, max_error: float) -> BoolArray:
    confidence = case.stream.confidence
    if name == STATIC:
        return np.asarray(ranks(case.before.ordered, confidence) >= static_threshold(case.before.counted, max_error))
    parts = np.array_split(np.arange(case.truth.shape[0]), _PARTS)
    cut = [np.full(part.shape[0], oracle(confidence[part], case.truth[part], max_error)) for part in parts]
    return np.asarray(confidence >= np.concatenate(cut))
