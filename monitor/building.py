"""Puts the parts together: a configuration and profiles become a loop over a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from detectors.errors import ProgramError
from detectors.profile import Profile
from detectors.views.encoder import Encoder
from fallback.policy import Policy
from fallback.routing import RoutePolicy
from fallback.types import BarGuarantee, Known, Mode, WhenBlind
from monitor.answering import Answering
from monitor.config import Config, read_secret
from monitor.errors import UsageError
from monitor.joins.shared import PartitionedJoins
from monitor.joins.takeover import Rebuild, Takeover
from monitor.judging.chronicle import Chronicle
from monitor.judging.judge import SNAPSHOT_EVERY, Judge
from monitor.judging.office import Judging
from monitor.logs import Log
from monitor.loop import Loop
from monitor.observing import Observer
from monitor.overruling import KillSwitch, Orders
from monitor.pipeline import Pipeline, Settings
from monitor.router import Router
from monitor.scoring import scorer_for
from monitor.telling import Teller
from monitor.topics import Topics

__all__ = ["Parts", "breaker_policy", "build", "route_policy"]


@dataclass(frozen=True, slots=True)
class Parts:
    """A loop, and what is to be looked at or closed beside it."""

    loop: Loop
    judging: Judging
    joins: PartitionedJoins

    def close(self) -> None:
        """Close what holds files."""
        self.joins.close()


def build(
    config: Config,
    profiles: Mapping[str, Profile],
    log: Log,
    answering: Answering,
    observe: Observer,
    *,
    replica: str = "0",
    clock: Callable[[], float] | None = None,
    start: float = float("-inf"),
    poll: int = 1000,
    snapshot_every: int = SNAPSHOT_EVERY,
    joins_path: Callable[[int], str] = lambda _partition: ":memory:",
    rebuilt: Rebuild = lambda _partitions, _decisions, /: None,
    orders: Orders | None = None,
    kill_switch: KillSwitch | None = None,
) -> Parts:
    """Build a replica; without a clock it lives in event time, from `start` on.

    Raises UsageError if a profile has an encoder that can't be run here, or lacks the feature of `reviews.value`.
    """
    _encoders_ready(profiles)
    topics = Topics.of(config)
    settings = Settings(
        model=config.model,
        version=config.version,
        topics=topics,
        replica=replica,
        within=config.promise.within,
        max_bytes=config.kafka.max_bytes,
        batch=config.evidence.batch,
        expire=config.outcomes.expire,
        review_expire=config.reviews.expire,
        clock=clock,
        start=start,
    )
    key = read_secret(config.security.audit_key_file).encode() if config.security.audit_key_file else b""
    joins = PartitionedJoins(joins_path, expire=config.outcomes.expire)
    takeover = Takeover(log, topics, joins, answering, profiles, config.outcomes.expire, config.reviews.expire, rebuilt)
    policy = breaker_policy(config)
    orders = orders or Orders()
    judging = Judging(
        log,
        topics,
        lambda tell: Judge(config, profiles, policy, tell, snapshot_every),
        observe,
        profiles,
        orders.hear,
        Chronicle(profiles, policy),
    )
    scorer, value = scorer_for(config, profiles), config.reviews.value
    router = Router(config.model, profiles, route_policy(config), answering, key, scorer, value)
    pipeline = Pipeline(settings, router, joins, judging, answering, profiles, orders, kill_switch)
    loop = Loop(log, topics, pipeline, takeover, judging, Teller(observe, config.promise.within, profiles), poll)
    return Parts(loop, judging, joins)


def _encoders_ready(profiles: Mapping[str, Profile]) -> None:
    """A program that can't be run is found before the first event, and not by it."""
    for version, profile in profiles.items():
        for kind in profile.fitted.views.ordered_kinds:
            if isinstance(kind, Encoder):
                try:
                    kind.ready()
                except ProgramError as error:
                    said = f"the profile of version {version!r} has an encoder that can't be run: {error}"
                    raise UsageError(said) from error


def breaker_policy(config: Config) -> Policy:
    """The configured guards and timers."""
    breaker = config.breaker
    return Policy(
        warning_hold=breaker.warning_hold,
        close_hold=breaker.close_hold,
        backoff=breaker.backoff,
        backoff_cap=breaker.max_backoff,
        min_acceptance=breaker.min_acceptance,
        close_level=config.promise.max_error,
        error_rate=breaker.error_rate,
        probes=breaker.probes,
        flap_limit=breaker.flaps,
        flap_window=breaker.flap_window,
        few_hold=breaker.few_hold,
        jitter=breaker.jitter,
        half_open_wait=breaker.half_open_wait,
        delays_to_wait=breaker.delays_to_wait,
        memory=breaker.memory,
        ramp=tuple(breaker.ramp),
        ramp_hold=breaker.ramp_hold,
        override_longest=breaker.override_longest,
        blast_radius=breaker.blast_radius,
    )


def route_policy(config: Config) -> RoutePolicy:
    """What the user decided about routing."""
    return RoutePolicy(
        mode=Mode(config.breaker.mode),
        when_blind=WhenBlind(config.route.when_blind),
        known=Known(config.outcomes.known),
        bar=BarGuarantee(config.route.guarantee),
        serve_probes=config.breaker.serve_probes,
        unknown_passes=config.uncertainty.without_confidence == "answer",
    )
