"""Short cuts to batches of requests and what became of them."""

from __future__ import annotations

import math

import numpy as np

from fallback.routing import (
    GUARANTEES,
    Requests,
    Routed,
    RoutePolicy,
)
from fallback.types import (
    REASONS,
    BreakerState,
    Guarantee,
    Reason,
    Verdict,
    reason_code,
)

VERDICT = Verdict(BreakerState.CLOSED, 0, 0.5, 0.8, 0.1, 0.25, 0.9, 60.0, 1e9, 7)
POLICY = RoutePolicy()
RANKS = (0.3, 0.55, 0.7, 0.95, math.nan)

__all__ = ["POLICY", "RANKS", "VERDICT", "guarantees", "many", "reasons", "requests"]


def requests(*ranks: float, guard: Reason = Reason.CONFIDENT, infinite: bool = False) -> Requests:
    n = len(ranks)
    return Requests(
        rank=np.array(ranks, dtype=np.float64),
        id_hash=np.arange(n, dtype=np.uint64),
        guard=np.full(n, reason_code(guard), dtype=np.uint8),
        infinite=np.full(n, infinite),
    )


def many(n: int = 20_000) -> Requests:
    rng = np.random.default_rng(5)
    ids = rng.integers(0, 2**63, n, dtype=np.uint64)
    return Requests(rng.random(n), ids, np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.bool_))


def reasons(routed: Routed) -> list[Reason]:
    return [REASONS[code] for code in routed.reason]


def guarantees(routed: Routed) -> list[Guarantee]:
    return [GUARANTEES[code] for code in routed.guarantee]
