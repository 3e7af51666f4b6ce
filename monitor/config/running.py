"""How the sidecar runs: web, logs, pages, and how it looks at the data."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from monitor.config.forms import CONTEXT
from monitor.config.paging import Address, Alertmanager, PagerDuty, Webhook
from monitor.config.promises import Section
from monitor.config.units import describe

__all__ = ["ContextName", "Evidence", "Log", "Paging", "Security", "TemperFactor", "Views", "Web"]


ContextName = Annotated[str, msgspec.Meta(pattern=CONTEXT)]


TemperFactor = Annotated[float, msgspec.Meta(ge=1)]


class Evidence(Section, frozen=True, kw_only=True):
    """How changes are looked for."""

    bins: Annotated[
        int, describe("Quantile bins of a numeric view. 32: finer bins no longer shorten the delay.", ge=4, le=256)
    ] = 32
    batch: Annotated[
        int,
        describe(
            "Events of a batch of counts at most; in a backtest exactly so many rows. 100: cheapest, and a change is "
            "seen a batch late at least. Fewer, 10 say, for a small reference, or to see in a backtest what a service "
            "with few requests would have seen, whose batches are closed by time.",
            ge=1,
            le=100,
        ),
    ] = 100
    path: Annotated[
        Literal["batch", "exact"],
        describe(
            "batch: a batch is judged as one; how far apart false alarms come is measured. exact: its events are "
            "judged one by one, and what is promised of false alarms is proven, view by view. It costs an event what a "
            "batch costs, so it is for a few hundred events a second. After a change fit the profile again."
        ),
    ] = "batch"
    tolerance: Annotated[
        float,
        describe(
            "Smallest shift, in standard deviations, that is worth a bet. "
            "0.125: smaller ones drown in a growing reference.",
            gt=0,
            le=2,
        ),
    ] = 0.125
    temper: Annotated[
        Literal["auto", "off"] | TemperFactor,
        describe(
            "Rows that remember those before them raise more alarms than promised; what is bet on a view is divided by "
            "this. auto: by the long-run variance that `fit` measured. off: delays are shorter, and mostly it is not "
            "needed; `fit` says when it is. It is a heuristic."
        ),
    ] = "off"
    second_opinions: Annotated[
        list[Literal["adwin", "kswin", "page_hinkley", "ddm", "eddm", "hddm_a", "hddm_w"]],
        describe(
            "Detectors of river that watch the same views, told beside the evidence and deciding nothing. None: they "
            "promise no rate of false alarms. KSWIN costs half a millisecond a view and batch."
        ),
    ] = []


class Views(Section, frozen=True, kw_only=True):
    """What is watched besides the single features."""

    joint: Annotated[
        bool, describe("Scalars of the whole row, and pairs. true: a change of correlation shows nowhere else.")
    ] = True
    projections: Annotated[int, describe("Random projections of the whitened row. 20.", ge=0, le=1000)] = 20
    pairs: Annotated[
        int,
        describe("Pairs of features watched for concordance. 2000: all of them up to 63 features.", ge=0, le=100_000),
    ] = 2000
    categorical: Annotated[
        list[str], describe("Features to be taken as categories although they look like numbers.")
    ] = []
    encoder: Annotated[
        str | None,
        describe(
            "A torch program (.pt2) that embeddings go through; what it gives is watched too, and the profile carries "
            "it. autoencoder: `fit` trains a small one on the reference. Not set: it needs the extra `torch`."
        ),
    ] = None
    context: Annotated[
        ContextName | None,
        describe(
            "What is usual depends on it, so each value has a reference of its own: hour_of_day, "
            "quarter_of_day (of an hour, for busy streams), day_of_week or hour_of_week, in UTC, or segment:<name>. "
            "Not set: `fit` says when it is needed."
        ),
    ] = None
    tolerance: Annotated[
        dict[str, float | str],
        describe(
            "By a view's name, drift that is not worth waking anyone: 0.25 standard deviations, or a share such as "
            '"2%" of its events that move. None: `evidence.tolerance` for all.'
        ),
    ] = {}
    proxy: Annotated[
        str | None,
        describe(
            "A numeric feature that is optimised in place of the outcome: it is harm when the two come apart. "
            "Not set: only you know it."
        ),
    ] = None
    ignore: Annotated[list[str], describe("Features that are not watched; they may still be part of the event.")] = []


class Paging(Section, frozen=True, kw_only=True):
    """Whom to wake, beside whoever Prometheus wakes. Pages are in the ledger, the metrics and the log in any case."""

    alertmanager: Alertmanager = msgspec.field(default_factory=Alertmanager)
    pagerduty: PagerDuty = msgspec.field(default_factory=PagerDuty)
    webhook: Webhook = msgspec.field(default_factory=Webhook)
    page_url: Annotated[
        Address | None,
        describe("Where people find the status page; pages and alerts link to it. Not set: only you know it."),
    ] = None
    runbook_url: Annotated[
        Address | None,
        describe("Where the runbooks are published; /<Alert>.md is put behind it. Not set: the folder's name is told."),
    ] = None


class Web(Section, frozen=True, kw_only=True):
    """Pages, API, health and metrics."""

    host: Annotated[
        str, describe("Address to listen on. 127.0.0.1: nobody else sees it unless you say so.", min_length=1)
    ] = "127.0.0.1"
    port: Annotated[int, describe("8088; 0 takes a free one.", ge=0, le=65_535)] = 8088


class Security(Section, frozen=True, kw_only=True):
    """Who may do what."""

    token_file: Annotated[
        str | None,
        describe(
            "A file with the operator's bearer token, 16 characters or more. Not set: nothing can be changed over HTTP."
        ),
    ] = None
    reviewers_token_file: Annotated[
        str | None,
        describe(
            "A file with the reviewers' bearer token, which opens people's queue over HTTP and nothing else. Not set: "
            "the operator's does."
        ),
    ] = None
    kill_file: Annotated[
        str | None,
        describe(
            "While this file is there, the model answers nothing at this replica, broker or no broker. "
            "Default: kill-switch in `state_dir`; without one only a signal or the API turn the switch."
        ),
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
