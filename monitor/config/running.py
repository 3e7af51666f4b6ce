"""Where the sidecar runs: Kafka, web, logs, and how it looks at the data."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from monitor.config.promises import Section
from monitor.config.units import describe

__all__ = ["Evidence", "Kafka", "Log", "Paging", "Security", "TopicName", "Views", "Web"]

TopicName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]


def _topic(kind: str) -> Meta:
    return describe(f"Default: <model>.{kind}.")


class Kafka(Section, frozen=True, kw_only=True):
    """The broker and the topics."""

    bootstrap: Annotated[
        str, describe("host:port, several with commas, or `embedded`. embedded: it needs nothing.", min_length=1)
    ] = "embedded"
    group: Annotated[str | None, describe("Consumer group. Default: holdback-<model>.")] = None
    predictions: Annotated[TopicName | None, _topic("predictions")] = None
    outcomes: Annotated[TopicName | None, _topic("outcomes")] = None
    decisions: Annotated[TopicName | None, _topic("decisions")] = None
    answers: Annotated[TopicName | None, _topic("answers")] = None
    reviews: Annotated[TopicName | None, _topic("reviews")] = None
    joined: Annotated[TopicName | None, _topic("joined")] = None
    summaries: Annotated[TopicName | None, _topic("summaries")] = None
    ledger: Annotated[TopicName | None, _topic("ledger")] = None
    dead_letters: Annotated[TopicName | None, _topic("dead-letters")] = None
    max_bytes: Annotated[
        int, describe("Longest record that is read. 1000000: Kafka's own default.", ge=1_000, le=100_000_000)
    ] = 1_000_000

    def topic(self, kind: str, model: str) -> str:
        """The topic of a kind such as `dead_letters`: the configured one, or <model>.dead-letters."""
        named: str | None = getattr(self, kind)
        return named if named is not None else f"{model}.{kind.replace('_', '-')}"


class Evidence(Section, frozen=True, kw_only=True):
    """How changes are looked for."""

    bins: Annotated[
        int, describe("Quantile bins of a numeric view. 32: finer bins no longer shorten the delay.", ge=4, le=256)
    ] = 32
    tolerance: Annotated[
        float,
        describe(
            "Smallest shift, in standard deviations, that is worth a bet. "
            "0.125: smaller ones drown in a growing reference.",
            gt=0,
            le=2,
        ),
    ] = 0.125


class Views(Section, frozen=True, kw_only=True):
    """What is watched besides the single features."""

    joint: Annotated[
        bool, describe("Scalars of the whole row, and pairs. true: a change of correlation shows nowhere else.")
    ] = True
    projections: Annotated[int, describe("Random projections of the whitened row. 20.", ge=0, le=1000)] = 20
    pairs: Annotated[
        int,
        describe("Pairs of features watched for concordance. 2000: all of them up to 64 features.", ge=0, le=100_000),
    ] = 2000
    categorical: Annotated[
        list[str], describe("Features to be taken as categories although they look like numbers.")
    ] = []
    ignore: Annotated[list[str], describe("Features that are not watched; they may still be part of the event.")] = []


class Paging(Section, frozen=True, kw_only=True):
    """Whom to wake. Pages are in the ledger, the metrics and the log; receivers get their keys here."""


class Web(Section, frozen=True, kw_only=True):
    """Pages, API, health and metrics."""

    host: Annotated[
        str, describe("Address to listen on. 127.0.0.1: nobody else sees it unless you say so.", min_length=1)
    ] = "127.0.0.1"
    port: Annotated[int, describe("8088; 0 takes a free one.", ge=0, le=65_535)] = 8088


class Security(Section, frozen=True, kw_only=True):
    """Who may do what."""

    token_file: Annotated[
        str | None, describe("A file with the operator's bearer token. Not set: nothing can be changed over HTTP.")
    ] = None
    audit_key_file: Annotated[
        str | None,
        describe(
            "A file with the key of the audit's hash. Not set: a caller who chooses ids could avoid being audited."
        ),
    ] = None


class Log(Section, frozen=True, kw_only=True):
    """The process's own log, on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], describe("info: transitions, pages and faults.")] = (
        "info"
    )
    format: Annotated[Literal["json", "console"], describe("json: machines read it first.")] = "json"
