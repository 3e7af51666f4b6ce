"""What the breaker sees, remembers and says: frozen values that are plain JSON on the wire."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from fallback.errors import OverrideError
from fallback.policy import Recovery
from fallback.types import BreakerState

__all__ = ["BreakerRecord", "Cause", "Command", "Order", "Override", "Page", "Signals", "Token", "Transition"]


class Order(StrEnum):
    """What an operator may say. AUTO ends overrides, latches, calls for a person; ACCEPT the episode too."""

    OPEN = "open"
    CLOSE = "close"
    AUTO = "auto"
    ACCEPT = "accept"


class Cause(StrEnum):
    """What made the breaker move; a label of its metrics."""

    WARNING = "warning"
    HARM = "harm"
    PROMISE = "promise"
    CANARY = "canary"
    TOO_FEW = "too_few"
    SCHEMA = "schema"
    ERRORS = "errors"
    SLOW = "slow"
    FLAPPING = "flapping"
    BACKOFF = "backoff"
    RECOVERED = "recovered"
    PROBES_FAILED = "probes_failed"
    WAITED = "waited"
    ACCEPTED = "accepted"
    RELEASED = "released"
    NEW_PROFILE = "new_profile"
    OVERRIDE = "override"
    EXPIRED = "expired"
    SPREAD = "spread"
    HANDED_OVER = "handed_over"


class Page(StrEnum):
    """What a transition says to the person on call."""

    PAGE = "page"
    WORSE = "worse"
    RESOLVE = "resolve"


class Token(NamedTuple):
    """A generation of a breaker: handed out before, checked after, so that late results are dropped."""

    key: str
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Command:
    """An operator's order; `until` in epoch seconds. Whoever hands it over has checked that the actor may give it."""

    order: Order
    actor: str
    reason: str = ""
    until: float | None = None

    def __post_init__(self) -> None:
        """Refuse a command that nobody could account for."""
        if not self.actor.strip():
            raise OverrideError(f"{self.order} needs an actor, got {self.actor!r}: say who gives the order")
        if self.order not in (Order.OPEN, Order.CLOSE):
            return
        if not self.reason.strip():
            raise OverrideError(f"{self.order} needs a reason, got {self.reason!r}: the next on call will ask")
        if self.until is None or not math.isfinite(self.until):
            raise OverrideError(f"{self.order} needs a time to live, got until={self.until!r}: no override is for ever")


@dataclass(frozen=True, slots=True)
class Override:
    """An order that is in force."""

    state: BreakerState
    actor: str
    reason: str
    until: float


@dataclass(frozen=True, slots=True)
class Signals:
    """What the judge knows when it lets the breaker take a step.

    Attributes
    ----------
    time
        The judge's clock, epoch seconds; one that runs backwards is taken as standing still.
    fresh
        Whether the counts behind these signals are up to date.
    warning
        Warning-level evidence stands now.
    harm
        Names of the harm views that alarmed in this step.
    harm_open
        Whether any harm episode is still open.
    promise_broken
        The e-detector on the error of accepted answers fired in this step.
    worse_than
        Why this version is worse than the one beside it, if that was found just now.
    could_pass
        Share of recent traffic that the threshold would let pass; NaN if unknown.
    labels
        Labels seen in this epoch.
    schema_break
        The events do not fit what the model was fitted on.
    call_error_rate
        Share of the model's recent calls that failed; NaN if unknown or too few.
    call_slow
        The model's recent calls are too slow.
    risk_upper
        Upper bound of the risk at a threshold that lets `min_acceptance` pass, from the labels since the last
        transition; NaN if unknown.
    probes
        Requests scored since the last transition.
    open_share
        Share of recent traffic in groups whose own breaker is open; NaN if there are none.
    handed_over
        The breaker above has opened for what this one is about: it is decided there, once.
    new_profile
        The model has a new profile: what was known about the old one is void.
    label_delay
        Seconds until a label usually comes; NaN if unknown.
    command
        An operator's order.
    token
        The generation in which `probes` and `risk_upper` were gathered; None is the current one.
    """

    time: float
    fresh: bool = True
    warning: bool = False
    harm: tuple[str, ...] = ()
    harm_open: bool = False
    promise_broken: bool = False
    worse_than: str = ""
    could_pass: float = math.nan
    labels: int = 0
    schema_break: bool = False
    call_error_rate: float = math.nan
    call_slow: bool = False
    risk_upper: float = math.nan
    probes: int = 0
    open_share: float = math.nan
    handed_over: bool = False
    new_profile: bool = False
    label_delay: float = math.nan
    command: Command | None = None
    token: Token | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a breaker, as the ledger keeps it. `epoch` and `seq` are those of the record that it was decided on.

    `source` and `to` are the states that routers see; `live_to` is where the evidence alone would have led: while an
    operator's override is in force these differ, and `live_to` is the `would_have` of the ledger.
    """

    time: float
    key: str
    source: BreakerState
    to: BreakerState
    live_to: BreakerState
    cause: Cause
    reason: str
    page: Page | None
    epoch: int
    seq: int
    harm: bool = False
    """There is harm in it: it begins an epoch, unless the open episode has harm in it already."""
    k: int = 0
    deadline: float | None = None
    """`retry_at` of an open breaker, `wait_until` of a half-open one."""
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class BreakerRecord:
    """All that a breaker remembers. `live` is what the evidence says, `state` what holds.

    Attributes
    ----------
    key
        model/version, or model/version/name=value of a group.
    live
        CLOSED, DEGRADED, OPEN or HALF_OPEN.
    epoch
        Counts the trips by harm.
    seq
        Counts the transitions.
    since
        When `state` began.
    time
        The latest time seen.
    k
        Exponent of the backoff.
    retry_at
        When an open breaker may probe; None: no timer runs.
    wait_until
        When a half-open breaker gives up; None: it is not half-open.
    warning_since, few_since, quiet_since
        Since when this has held without a break; None: it does not.
    closed_at
        When it last came back from HALF_OPEN.
    opened_by
        Why it opened; None: it is not open.
    recovery
        What an open breaker has to show; `fallback.rules.recovery_of` adds whether a person has to speak first.
    harm
        The open episode has harm in it, which began an epoch.
    ack_needed
        A person must say that it is over.
    latched
        It flapped, and is held open.
    page_open
        Somebody has been paged and not yet been told that it is over.
    recent
        Times of the counted transitions of the last hour.
    cause, reason
        Of the last transition.
    override
        An operator's order in force.
    """

    key: str
    live: BreakerState = BreakerState.CLOSED
    epoch: int = 0
    seq: int = 0
    since: float = 0.0
    time: float = 0.0
    k: int = 0
    retry_at: float | None = None
    wait_until: float | None = None
    warning_since: float | None = None
    few_since: float | None = None
    quiet_since: float | None = None
    closed_at: float | None = None
    opened_by: Cause | None = None
    recovery: Recovery = Recovery.AUTO
    harm: bool = False
    ack_needed: bool = False
    latched: bool = False
    page_open: bool = False
    recent: tuple[float, ...] = ()
    cause: Cause | None = None
    reason: str = ""
    override: Override | None = None

    @property
    def state(self) -> BreakerState:
        """The state that holds: the operator's word, or else what the evidence says."""
        return self.live if self.override is None else self.override.state

    @property
    def token(self) -> Token:
        """The present generation."""
        return Token(self.key, self.epoch, self.seq)

    @property
    def would_have(self) -> BreakerState:
        """The state that would hold without an override."""
        return self.live
