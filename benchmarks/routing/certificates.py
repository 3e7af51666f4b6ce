"""The certificate: how often it is false where everything is false, and how much it certifies how soon."""

from __future__ import annotations

import numpy as np

from benchmarks.routing.serving import Settings, route
from benchmarks.routing.streams import make, ranks, reference
from benchmarks.tables import table
from detectors.certificate import Certificate
from detectors.types import RANK_CELLS, FloatArray, IntArray, Labels, Stake

__all__ = ["DELTA", "binomial_limit", "false_certificates", "power", "power_table"]

DELTA = 0.1
_A_STAR = 0.05
_SHADE = 1.02
"""Errors are this much above a* at every rank: every certificate is false, and as hard to tell as can be."""
_BATCHES = 100
_NONE_LATE: IntArray = np.zeros((len(Stake), RANK_CELLS), np.int64)

AFTER = (5_000, 10_000, 20_000, 30_000)
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)


def false_certificates(seeds: range) -> int:
    """Of as many epochs of 10,000 requests, in how many a certificate was ever issued.

    Who is audited follows the past: fewer audits and a lower bar while it looks good.
    """
    return sum(_ever_certified(np.random.default_rng(seed)) for seed in seeds)


def _ever_certified(r: np.random.Generator) -> bool:
    certificate = Certificate(_A_STAR, 1 - DELTA)
    threshold, propensity = RANK_CELLS // 2, 0.1
    for _ in range(_BATCHES):
        asked = np.bincount(r.integers(0, RANK_CELLS, 100), minlength=RANK_CELLS)
        asked[threshold:] = r.binomial(asked[threshold:], propensity)
        wrong = r.binomial(asked, _SHADE * _A_STAR)
        counts = np.zeros((len(Stake), RANK_CELLS, 2), np.int64)
        counts[Stake.ACCEPTED, threshold:] = np.stack([asked - wrong, wrong], axis=1)[threshold:]
        counts[Stake.HELD, :threshold] = np.stack([asked - wrong, wrong], axis=1)[:threshold]
        certificate.update([Labels(propensity, 0, counts, _NONE_LATE)])
        if certificate.certified_from <= 1:
            return True
        looks_good = certificate.log_wealth[round(0.9 * RANK_CELLS)] > 0
        threshold, propensity = (15, 0.05) if looks_good else (35, 0.3)
    return False


def binomial_limit(n: int, p: float, beyond: float = 0.001) -> int:
    """Least k that a Binomial(n, p) exceeds with a probability of at most `beyond`."""
    term, total = (1 - p) ** n, 0.0
    for k in range(n):
        total += term
        if total >= 1 - beyond:
            return k
        term *= (n - k) / (k + 1) * p / (1 - p)
    return n


def power(seeds: range) -> dict[float, FloatArray]:
    """Share of the traffic that is certified, (before and after the change, requests into the epoch), by π."""
    found = {}
    for share in SHARES:
        rows = [_certified(share, seed) for seed in seeds]
        found[share] = np.mean(rows, axis=0)
    return found


def _certified(share: float, seed: int) -> FloatArray:
    r = np.random.default_rng(seed)
    before = reference("gaussian", r)
    stream, _ = make("change", "gaussian", r)
    settings = Settings(propensity=share)
    readings = route(stream, before, settings, np.random.default_rng([seed, 1])).readings
    half = stream.wrong.shape[0] // 2
    rank = ranks(before.ordered, stream.confidence)
    epochs = [
        [np.mean(rank >= readings[(begin + after) // 100 - 1].certified_from) for after in AFTER] for begin in (0, half)
    ]
    return np.array(epochs)


def power_table(found: dict[float, FloatArray]) -> str:
    """Certified acceptance by π and by requests since the stream began, or since its change."""
    head = ("π", *(f"{after:,} after {what}" for what in ("the start", "the change") for after in AFTER))
    return table(head, [(f"{share:g}", *(f"{x:.2f}" for x in by.ravel())) for share, by in found.items()])
