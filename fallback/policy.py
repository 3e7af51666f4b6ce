"""The breaker's parameters: each with its default, and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Policy", "Recovery"]


class Recovery(StrEnum):
    """What an open breaker waits for, from the mildest to the strictest."""

    AUTO = "auto"
    EVIDENCE = "evidence"
    ACK = "ack"


@dataclass(frozen=True, slots=True)
class Policy:
    """Every guard and timer of the breaker. Times in seconds, shares between 0 and 1."""

    warning_hold: float = 60.0
    """A warning must stand this long before it degrades: one odd minute (a batch job, a bot) is nobody's emergency."""
    close_hold: float = 600.0
    """Quiet for this long before DEGRADED ends: the same ten minutes after which evidence counts an episode as
    resolved."""
    backoff: float = 60.0
    """First wait of an open breaker: long enough to restart a pod, short enough not to matter to a real drift."""
    backoff_cap: float = 3600.0
    """Longest wait: an outage that ends at night is found within the hour."""
    jitter: float = 0.2
    """Share by which a wait is shortened, different for each key: segments that opened together do not probe
    together."""
    min_acceptance: float = 0.05
    """With less than this passing, the model is of no use: better to say OPEN than to let one request in a hundred
    through."""
    few_hold: float = 60.0
    """As long as a warning: a threshold that swings above the bar for one batch opens nothing."""
    blast_radius: float = 0.5
    """Open groups with more than this share of the traffic open their version: it is no longer local, and one decision
    is easier to follow than many."""
    close_level: float = 0.02
    """Set to `promise.max_error`. What is held against it is a 95 % upper bound, so the risk itself is well below the
    level that opened."""
    error_rate: float = 0.5
    """Share of failed calls that opens: at one in two, waiting for the model costs more than it gives."""
    probes: int = 10
    """Calls that must have gone well after errors or latency: at an error rate of one half, ten in a row is one in a
    thousand. For drift and risk the bound itself says how many labels it needs (none wrong of 150 for 2 %)."""
    half_open_wait: float = 3600.0
    """Longest stay in HALF_OPEN: as long as the longest backoff, so that half of the time is spent learning."""
    delays_to_wait: float = 3.0
    """HALF_OPEN lasts at least this many label delays: by three, almost all labels that will come have come."""
    flap_limit: int = 6
    """More counted transitions in an hour than this latch OPEN: a person has to look; three whole trips are plenty."""
    flap_window: float = 3600.0
    """The hour of `flap_limit`."""
    memory: float = 3600.0
    """A breaker that opens again within this time of closing goes on with its longer backoff."""
    ramp: tuple[float, ...] = (0.1, 0.5)
    """Shares that may pass after closing, one step each, then all: a mistake costs a tenth of the traffic."""
    ramp_hold: float = 60.0
    """Length of a step of the ramp: a minute is enough to see errors and slow calls."""
    ack_views: tuple[str, ...] = ("fairness", "flags")
    """Harm views (by the start of their name) that only a person may declare over: a complaint does not heal with
    time."""
    override_longest: float = 7 * 86400.0
    """Longest time to live of an override: what should last longer belongs in the configuration."""
