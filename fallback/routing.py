"""May the model answer these requests? A rule per request under a breaker per key, for a whole batch at once.

The first thing that speaks against the model's answer is the reason, in this order: kill switch, blindness, breaker,
guards, confidence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fallback.bars import Bar, bars_of, by_confidence
from fallback.errors import RoutingError
from fallback.segments import SEVERITY, InForce
from fallback.types import (
    BarGuarantee,
    BreakerState,
    Guarantee,
    Health,
    Known,
    Mode,
    Reason,
    Verdict,
    WhenBlind,
    reason_code,
)

__all__ = [
    "ACCEPTED",
    "GUARANTEES",
    "HELD",
    "SUREST",
    "SUSPECTED",
    "BoolArray",
    "CodeArray",
    "Requests",
    "RoutePolicy",
    "Routed",
    "route",
    "uniform",
]

BoolArray = NDArray[np.bool_]
CodeArray = NDArray[np.uint8]

ACCEPTED, SUSPECTED, SUREST, HELD = 0, 1, 2, 3
"""Stakes, the numbers of `detectors.types.Stake`: what the label of a decision is worth to the threshold."""
_SUREST_FROM = 0.9
"""The surest tenth moves a threshold that lets nothing pass."""
GUARANTEES: tuple[Guarantee, ...] = (Guarantee.NONE, Guarantee.TRACKING, Guarantee.CERTIFIED)
"""Guarantees by their code in arrays."""

_AUDIT, _RAMP, _PROBE = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7
_STOPS = {BreakerState.OPEN: Reason.BREAKER_OPEN, BreakerState.FORCED_OPEN: Reason.FORCED_OPEN}
_CODE = {reason: np.uint8(reason_code(reason)) for reason in Reason}


@dataclass(frozen=True, slots=True)
class Requests:
    """A batch of requests, as far as routing cares.

    Attributes
    ----------
    rank
        (events,) confidence rank in [0, 1]; NaN where there is none.
    id_hash
        (events,) a 64-bit hash of the request's id: the same draw however often it is routed.
    guard
        (events,) code of the reason why this one must not be answered by the model; 0 where there is none.
    infinite
        (events,) whether the set or interval is infinite.
    groups
        What is in force for each by its groups; None where they have none.
    """

    rank: NDArray[np.float64]
    id_hash: NDArray[np.uint64]
    guard: CodeArray
    infinite: BoolArray
    groups: InForce | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        shapes = {name: getattr(self, name).shape for name in ("rank", "id_hash", "guard", "infinite")}
        if len(set(shapes.values())) != 1 or self.rank.ndim != 1:
            raise RoutingError(f"a batch needs arrays of one length, got {shapes!r}")

    def __len__(self) -> int:
        """Count the requests."""
        return int(self.rank.shape[0])


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """What the user decided about routing."""

    mode: Mode = Mode.ENFORCE
    when_blind: WhenBlind = WhenBlind.STATIC
    known: Known = Known.ALL
    bar: BarGuarantee = BarGuarantee.TRACKING
    serve_probes: bool = False
    """In HALF_OPEN the model may answer `probe_share` of the requests; otherwise it is scored in shadow only."""
    probe_share: float = 0.1
    """As much as the first step of the ramp."""
    unknown_passes: bool = False
    """Whether the model may answer without any confidence, while something passes and nothing is suspected."""


@dataclass(frozen=True, slots=True)
class Routed:
    """A routed batch; arrays have one entry an event.

    Attributes
    ----------
    passes
        The model answers.
    reason
        Code of the reason in `REASONS`.
    would_pass, would_reason
        What the rule says; other than `passes` and `reason` only in OBSERVE.
    stake
        What a label is worth: ACCEPTED where the model answers at or above the threshold; SUSPECTED where the
        threshold alone would have let it pass; SUREST where no rank could pass; else HELD.
    audit
        Accepted, and drawn to be checked as well.
    asked
        Its label is asked for, or comes anyway.
    guarantee
        Code of the guarantee in `GUARANTEES`.
    bar
        The rank from which requests pass; one for all, or (events,) where groups have bars of their own.
    propensity
        The share of accepted answers whose label comes.
    """

    passes: BoolArray
    reason: CodeArray
    would_pass: BoolArray
    would_reason: CodeArray
    stake: NDArray[np.int8]
    audit: BoolArray
    asked: BoolArray
    guarantee: CodeArray
    bar: Bar
    propensity: float


def route(
    requests: Requests,
    verdict: Verdict,
    policy: RoutePolicy,
    health: Health = Health.FRESH,
    *,
    kill_switch: bool = False,
) -> Routed:
    """Route a batch under one verdict."""
    own = requests.groups
    threshold = verdict.threshold if own is None else verdict.threshold + own.offset
    bars = bars_of(threshold, verdict, policy.bar, policy.when_blind, health)
    would = by_confidence(requests.rank, bars, unknown_passes=policy.unknown_passes)
    would[requests.infinite] = _CODE[Reason.INFINITE_SET]
    would = np.where(requests.guard != 0, requests.guard, would)
    would = _breakers(would, requests, verdict, policy, health)
    if kill_switch:
        would = np.full_like(would, _CODE[Reason.KILL_SWITCH])
    would_pass = _passing(would)
    passes, reason = would_pass, would
    # an order to stop is obeyed even by one who only observes
    if policy.mode is Mode.OBSERVE and not kill_switch:
        passes = np.ones_like(would_pass)
        reason = np.where(would_pass, would, _CODE[Reason.OBSERVED])
    propensity = 1.0 if policy.known is Known.ALL else verdict.propensity
    everyone = policy.known is Known.ALL
    audit = np.zeros_like(passes) if everyone else passes & (uniform(requests.id_hash, _AUDIT) < propensity)
    return Routed(
        passes=passes,
        reason=reason,
        would_pass=would_pass,
        would_reason=would,
        stake=_stakes(requests, passes, verdict, threshold),
        audit=audit,
        asked=np.ones_like(passes) if everyone else ~passes | audit,
        guarantee=_guarantees(requests, would, verdict, health),
        bar=bars.blind,
        propensity=propensity,
    )


def uniform(id_hash: NDArray[np.uint64], salt: int) -> NDArray[np.float64]:
    """Draw from [0, 1) by a hash (splitmix64); draws of different salts have nothing to do with each other."""
    z = id_hash ^ np.uint64(salt)
    # the finaliser leaves zero alone: without the constant, one id would always be drawn
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _breakers(would: CodeArray, requests: Requests, verdict: Verdict, policy: RoutePolicy, health: Health) -> CodeArray:
    """Obey the breaker: the version's, or each request's strictest; batches have few that differ."""
    own = requests.groups
    if own is None:
        return _breaker(would, requests, verdict, policy, health)
    ruled = would.copy()
    rulings = np.stack([own.state.astype(np.float64), own.ramp])
    for state, ramp in np.unique(rulings, axis=1).T.tolist():
        here = (own.state == state) & (own.ramp == ramp)
        some = Requests(*(each[here] for each in (requests.rank, requests.id_hash, requests.guard, requests.infinite)))
        ruling = replace(verdict, state=SEVERITY[int(state)], ramp=ramp)
        ruled[here] = _breaker(would[here], some, ruling, policy, health)
    return ruled


def _breaker(would: CodeArray, requests: Requests, verdict: Verdict, policy: RoutePolicy, health: Health) -> CodeArray:
    state = verdict.state
    when = policy.when_blind if health is Health.BLIND else WhenBlind.STATIC
    forced = state is BreakerState.FORCED_CLOSED and when is not WhenBlind.DEGRADED
    # an operator's stop outlives the verdicts; an operator's leave to answer does not
    if when is WhenBlind.OPEN and state is not BreakerState.FORCED_OPEN:
        return np.full_like(would, _CODE[Reason.BLIND])
    if state is not BreakerState.FORCED_OPEN and (forced or when is WhenBlind.CLOSED):
        answers = _CODE[Reason.BLIND_CLOSED if when is WhenBlind.CLOSED else Reason.FORCED]
        return np.where(requests.guard != 0, requests.guard, answers)
    if state in _STOPS:
        return np.full_like(would, _CODE[_STOPS[state]])
    return (_probing if state is BreakerState.HALF_OPEN else _ramping)(would, requests, verdict, policy)


def _probing(would: CodeArray, requests: Requests, _: Verdict, policy: RoutePolicy) -> CodeArray:
    if not policy.serve_probes:
        return np.full_like(would, _CODE[Reason.BREAKER_HALF_OPEN])
    drawn = uniform(requests.id_hash, _PROBE) < policy.probe_share
    would = np.where(would == _CODE[Reason.UNKNOWN], _CODE[Reason.NO_CONFIDENCE], would)
    probes = np.where(would == _CODE[Reason.CONFIDENT], _CODE[Reason.PROBE], would)
    return np.where(drawn, probes, _CODE[Reason.BREAKER_HALF_OPEN])


def _ramping(would: CodeArray, requests: Requests, verdict: Verdict, _: RoutePolicy) -> CodeArray:
    if verdict.ramp >= 1.0:
        return would
    return np.where(uniform(requests.id_hash, _RAMP) < verdict.ramp, would, _CODE[Reason.RAMP])


def _passing(reason: CodeArray) -> BoolArray:
    # the reasons that let the model answer come first in the enumeration
    passing: BoolArray = reason < _CODE[Reason.LOW_CONFIDENCE]
    return passing


def _stakes(requests: Requests, passes: BoolArray, verdict: Verdict, threshold: Bar) -> NDArray[np.int8]:
    guarded = (requests.guard != 0) | requests.infinite
    above = (requests.rank >= threshold) & (passes | ~guarded)
    stake = np.full(requests.rank.shape, HELD, dtype=np.int8)
    # that a certificate is missing is no reason to move the tracking threshold
    if verdict.threshold + verdict.suspicion > 1.0:
        stake[(requests.rank >= _SUREST_FROM) & ~guarded] = SUREST
    stake[above] = np.where(passes[above], ACCEPTED, SUSPECTED)
    return stake


def _guarantees(requests: Requests, would: CodeArray, verdict: Verdict, health: Health) -> CodeArray:
    # who answers blind, as a probe or by an operator's word has no promise to keep
    held_to = (would == _CODE[Reason.CONFIDENT]) & (health is not Health.BLIND)
    certified = held_to & (requests.rank >= verdict.certified_from)
    if requests.groups is not None:
        # labels of a group that is ruled on by itself are no part of the certificate
        certified &= requests.groups.ruled_by < 0
    codes: CodeArray = held_to.astype(np.uint8) + certified.astype(np.uint8)
    return codes
