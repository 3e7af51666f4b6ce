"""The whole configuration."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from monitor.config.fairness import Fairness
from monitor.config.forms import MODEL_NAME
from monitor.config.kafka import Kafka
from monitor.config.promises import Columns, Outcomes, Promise, Section
from monitor.config.running import Evidence, Log, Paging, Security, Views, Web
from monitor.config.serving import Breaker, Canary, Reviews, Route
from monitor.config.uncertainty import Uncertainty
from monitor.config.units import describe

__all__ = ["Config", "Version"]

Version = Annotated[str, Meta(max_length=256)]


class Config(Section, frozen=True, kw_only=True):
    """One process watches one model, in all its versions. Only `model` and `promise` are required."""

    model: Annotated[
        str,
        describe(
            "The model's name: in every decision, and the start of the topics' names.",
            pattern=MODEL_NAME,
        ),
    ]
    promise: Promise
    version: Annotated[Version | None, describe("The model's version. Default: from each event.")] = None
    profile: Annotated[
        str | dict[str, str] | None,
        describe(
            "The profile's file, or one for each version. "
            "Events of a version without one are held back, guarantee none."
        ),
    ] = None
    outcomes: Outcomes = msgspec.field(default_factory=Outcomes)
    kafka: Kafka = msgspec.field(default_factory=Kafka)
    columns: Columns = msgspec.field(default_factory=Columns)
    route: Route = msgspec.field(default_factory=Route)
    evidence: Evidence = msgspec.field(default_factory=Evidence)
    views: Views = msgspec.field(default_factory=Views)
    uncertainty: Uncertainty = msgspec.field(default_factory=Uncertainty)
    breaker: Breaker = msgspec.field(default_factory=Breaker)
    canary: Annotated[
        Canary | None, describe("A new version beside the old one. Not set: versions are not compared.")
    ] = None
    fairness: Fairness = msgspec.field(default_factory=Fairness)
    reviews: Reviews = msgspec.field(default_factory=Reviews)
    paging: Paging = msgspec.field(default_factory=Paging)
    web: Web = msgspec.field(default_factory=Web)
    security: Security = msgspec.field(default_factory=Security)
    delivery: Annotated[
        Literal["exactly_once", "at_least_once"],
        describe(
            "at_least_once trades transactions for latency; decisions are idempotent by id. "
            "exactly_once: nothing to think about."
        ),
    ] = "exactly_once"
    state_dir: Annotated[
        str | None,
        describe("Where outcomes wait for their decision. Default: a temporary folder; it is rebuilt from the topics."),
    ] = None
    log: Log = msgspec.field(default_factory=Log)

    @property
    def versioned_profiles(self) -> dict[str, str]:
        """Profiles by version; "" is the one for every version."""
        if self.profile is None:
            return {}
        return {"": self.profile} if isinstance(self.profile, str) else dict(self.profile)
