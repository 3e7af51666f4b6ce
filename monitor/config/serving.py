"""How requests are routed: the breaker and the reviewers' queue; the chain of answerers is in `hops`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from monitor.config.hops import Chain
from monitor.config.promises import Positive, Section
from monitor.config.units import describe, duration, share

__all__ = ["Breaker", "Canary", "Reviews", "Route"]


class Route(Section, frozen=True, kw_only=True):
    """Who answers when the model may not."""

    chain: Annotated[
        Chain,
        describe(
            "Asked in this order, until one answers; at the end is always `refuse`. "
            "Default: [human, refuse], as no other model is known."
        ),
    ] = msgspec.field(default_factory=lambda: Chain(("human", "refuse")))
    deadline: Annotated[float, duration("For the whole chain. 1s: a caller rarely waits longer.", gt=0)] = 1.0
    when_blind: Annotated[
        Literal["static", "open", "degraded", "closed"],
        describe(
            "What holds when verdicts stop coming. static: the last threshold, frozen, which keeps what was known."
        ),
    ] = "static"
    guarantee: Annotated[
        Literal["tracking", "certified"],
        describe(
            "Which threshold is served. certified serves the larger of both; "
            "it is slow by nature and costs acceptance, so tracking."
        ),
    ] = "tracking"


class Breaker(Section, frozen=True, kw_only=True):
    """When the model is taken out, and how it comes back."""

    mode: Annotated[
        Literal["enforce", "observe"],
        describe("observe decides and records but never diverts. enforce: that is what it is for."),
    ] = "enforce"
    warning_hold: Annotated[
        float,
        duration("Warning evidence must stand this long before the bar is raised. 60s: a blip is no change.", ge=0),
    ] = 60.0
    min_acceptance: Annotated[
        float,
        share("Opens when less than this share of requests could pass. 5%: below it the model only costs.", ge=0, lt=1),
    ] = 0.05
    error_rate: Annotated[
        float, share("Opens at this share of failed model calls. 50%, as breakers usually do.", gt=0, le=1)
    ] = 0.5
    slow_call: Annotated[
        Positive | None, duration("A call slower than this counts as failed. Not set: only you know what is slow.")
    ] = None
    backoff: Annotated[
        float, duration("First wait of an open breaker before it probes; doubles each time. 60s.", gt=0)
    ] = 60.0
    max_backoff: Annotated[
        float, duration("Longest wait between probes. 1h: a repaired model should not wait longer.", gt=0)
    ] = 3600.0
    close_hold: Annotated[
        float,
        duration("Risk must stay below the close level this long. 10m: a gap between bursts is no recovery.", ge=0),
    ] = 600.0
    serve_probes: Annotated[
        bool, describe("Give callers the probes' answers. false: they are scored in shadow, which harms nobody.")
    ] = False
    probes: Annotated[
        int,
        describe(
            "Probes after errors or slow calls; after drift the bound sets the number. 10, as breakers usually do.",
            ge=1,
        ),
    ] = 10
    flaps: Annotated[
        int, describe("More transitions an hour than this latch it open; probe cycles do not count. 6.", ge=2)
    ] = 6
    flap_window: Annotated[float, duration("The hour of `flaps`. 1h.", gt=0)] = 3600.0
    few_hold: Annotated[
        float,
        duration("Less than `min_acceptance` must pass for so long before it opens. 1m: a threshold may swing.", ge=0),
    ] = 60.0
    jitter: Annotated[
        float,
        share("A wait is shorter by up to this share, so that not all probe at once. 20%.", ge=0, lt=1),
    ] = 0.2
    half_open_wait: Annotated[
        float,
        duration("Longest stay in HALF_OPEN; three label delays if they are longer. 1h, as `max_backoff`.", gt=0),
    ] = 3600.0
    delays_to_wait: Annotated[
        float, describe("HALF_OPEN lasts at least so many usual label delays. 3: almost all have come by then.", ge=0)
    ] = 3.0
    memory: Annotated[
        float, duration("What opens again so soon after closing goes on with its longer backoff. 1h.", ge=0)
    ] = 3600.0
    ramp: Annotated[
        list[Annotated[float, msgspec.Meta(gt=0, le=1)]],
        describe("Shares of the requests that may pass after closing, a step each, then all. A tenth, then a half."),
    ] = msgspec.field(default_factory=lambda: [0.1, 0.5])
    ramp_hold: Annotated[
        float, duration("Length of a step of `ramp`. 1m: enough to see errors and slow calls.", ge=0)
    ] = 60.0
    override_longest: Annotated[
        float, duration("Longest time that an operator's order may hold. 7d: what should last belongs here.", gt=0)
    ] = 7 * 86400.0
    min_volume: Annotated[
        int,
        describe(
            "Requests that a segment needs for a verdict of its own, the reference's among them. "
            "1000: below it the parent knows more.",
            ge=1,
        ),
    ] = 1000
    blast_radius: Annotated[
        float,
        share(
            "Open segments above this share of traffic are decided once, at the parent. 50%: it is no longer local.",
            gt=0,
            le=1,
        ),
    ] = 0.5


class Canary(Section, frozen=True, kw_only=True):
    """Two versions that serve side by side, traffic split between them by chance."""

    baseline: Annotated[str, describe("The version that is known.", min_length=1, max_length=256)]
    candidate: Annotated[str, describe("The version that is tried.", min_length=1, max_length=256)]
    margin: Annotated[
        Annotated[float, msgspec.Meta(gt=0, lt=1)] | None,
        share("The candidate is safe if it makes at most so many more errors. Default: half of `promise.max_error`."),
    ] = None
    tolerated: Annotated[
        float,
        share(
            "It may be so much less sure, and so much more of it held back, without being called worse. 5%: what is "
            "less is hardly felt.",
            ge=0,
            lt=1,
        ),
    ] = 0.05
    confidence: Annotated[float, share("Of each verdict, however often one looks. 95%, as is usual.", gt=0, lt=1)] = (
        0.95
    )


class Reviews(Section, frozen=True, kw_only=True):
    """The queue of people."""

    value: Annotated[
        str | None,
        describe(
            "The numeric feature that says what a request is worth, such as an amount: people get the greatest risk "
            "times value first. Not set: the greatest risk."
        ),
    ] = None
    depth: Annotated[int, describe("Requests that wait at most. 1000: memory and patience are bounded.", ge=0)] = 1000
    expire: Annotated[
        float, duration("How long a request waits for a person. 30m: later the answer is of no use to a caller.", gt=0)
    ] = 1800.0
    on_expiry: Annotated[
        Literal["fallback", "refuse", "accept"],
        describe("Then: the fallback, no answer, or the model's own. refuse is the safe one."),
    ] = "refuse"
    reviewers: Annotated[
        int,
        describe(
            "People who look at each request, one after the other; more than half of them have to say the same. "
            "1: what one says is true.",
            ge=1,
            le=9,
        ),
    ] = 1
    rate: Annotated[
        Positive | None, describe("Reviews an hour that your people can do. Not set: only depth bounds the queue.")
    ] = None
    reserve: Annotated[
        float,
        share("Share of rate and depth kept for audits and probes. 20%: what is learnt comes from them.", ge=0, lt=1),
    ] = 0.2
