"""What is promised, to whom it applies, and how the events of a flat file are read."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from monitor.config.units import Delay, FalsePages, describe, duration, share

__all__ = ["Columns", "Flags", "Outcomes", "Positive", "Promise", "Section"]

Positive = Annotated[float, Meta(gt=0)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration: immutable, no unknown keys."""


class Promise(Section, frozen=True, kw_only=True):
    """The numbers that Holdback is held to."""

    max_error: Annotated[
        float,
        share(
            "Greatest share of wrong answers among those that the model was allowed to give. "
            "Required: only you know it.",
            gt=0,
            lt=1,
        ),
    ]
    false_pages: Annotated[
        FalsePages,
        describe(
            "How often a page may go out without a real change, on average. Required: only you know it.",
            unit="false_pages",
        ),
    ]
    confidence: Annotated[float, share("Of the certificate. 95%, as is usual.", gt=0, lt=1)] = 0.95
    coverage: Annotated[
        float, share("How often a set or an interval has the truth in it. 90%, as is usual.", gt=0, lt=1)
    ] = 0.90
    audit: Annotated[
        float,
        share(
            "Share of accepted answers that is checked as well. "
            "5%: without it, what is learnt comes from held-back requests alone and collapses.",
            ge=0,
            le=1,
        ),
    ] = 0.05
    within: Annotated[
        Positive | None,
        describe(
            "Regression: an answer farther from the truth than this is wrong. Without it: one outside its interval."
        ),
    ] = None


class Flags(Section, frozen=True, kw_only=True):
    """Users' reports of harm: outcomes whose `source` is `flag`."""

    tolerated: Annotated[
        Annotated[float, Meta(gt=0, lt=1)] | None,
        share(
            "Flagged answers among all predictions that are usual. Default: the upper 95 % bound of what the first day "
            "with flags, and 10000 predictions of it, show."
        ),
    ] = None
    users: Annotated[
        int,
        describe(
            "So many different users who flag answers of one segment within `window` are harm, whatever the rate. 10: "
            "one user may be wrong, or angry. 0: no such rule.",
            ge=0,
            le=100,
        ),
    ] = 10
    window: Annotated[float, duration("1h: more than an hour apart they hardly speak of one thing.", gt=0)] = 3600.0


class Outcomes(Section, frozen=True, kw_only=True):
    """Which outcomes come, and when."""

    known: Annotated[
        Literal["all", "asked"],
        describe(
            "all: the truth comes for every request; asked: only for what was held back or audited. "
            "all needs no weights."
        ),
    ] = "all"
    delay: Annotated[
        Delay,
        describe(
            "When a backtest learns of an outcome: so many rows, or so long after its prediction. "
            "Default: 0 rows, with its own batch.",
            unit="delay",
        ),
    ] = msgspec.field(default_factory=lambda: Delay(rows=0))
    expire: Annotated[
        float,
        duration(
            "An outcome that was asked for and has not come by then counts as an error. "
            "7d: the join store keeps that long.",
            gt=0,
        ),
    ] = 7 * 86400.0
    flags: Flags = msgspec.field(default_factory=Flags)


class Columns(Section, frozen=True, kw_only=True):
    """Which column of a flat file is what. On Kafka, and in JSON lines with `features`, events say this themselves."""

    id: Annotated[str | None, describe("Default: the row number.")] = None
    time: Annotated[
        str | None, describe("RFC 3339 or ISO 8601, UTC without an offset. Default: one row each `every`.")
    ] = None
    every: Annotated[
        float,
        duration(
            "Time between rows of a file without a time column. 1s: a rate is needed, and this one is easy to read.",
            gt=0,
        ),
    ] = 1.0
    features: Annotated[list[str] | None, describe("Default: every column not named here.")] = None
    label: Annotated[str | None, describe("The predicted class. Labels compare as strings.")] = None
    probability: Annotated[
        str | dict[str, str] | None, describe("Of the positive class, or one column for each class: {class: column}.")
    ] = None
    positive: Annotated[
        str | int | float | bool | None, describe("The class that `probability` is of. Default: the greater label.")
    ] = None
    value: Annotated[str | None, describe("The predicted number (regression).")] = None
    lower: Annotated[str | None, describe("Lower end of the model's own interval.")] = None
    upper: Annotated[str | None, describe("Upper end of the model's own interval.")] = None
    spread: Annotated[str | None, describe("The model's own scale of doubt, such as a standard deviation.")] = None
    logits: Annotated[
        dict[str, str] | None, describe("In place of `probability`: one column for each class, {class: column}.")
    ] = None
    label_probability: Annotated[
        str | None, describe("Of the label that was given, where the other classes' probabilities are not known.")
    ] = None
    samples: Annotated[
        list[str] | None, describe("Regression: one column for each member of an ensemble, or each draw.")
    ] = None
    logprob: Annotated[
        str | None, describe("Generated answers: the log-probability of all tokens together. Goes with `length`.")
    ] = None
    margin: Annotated[str | None, describe("Generated answers: by how much one is surer than its runner-up.")] = None
    length: Annotated[str | None, describe("Generated answers: how many tokens.")] = None
    outcome: Annotated[str | None, describe("What turned out to be true; an empty cell is no outcome.")] = None
    flag: Annotated[
        str | None,
        describe("A user's report of harm: who flagged the answer, or 1 where that is not known; else empty, 0 or no."),
    ] = None
    segment: Annotated[list[str], describe("Columns that guarantees are kept by. None: one for all.")] = []
    version: Annotated[str | None, describe("The model's version. Default: the configured one.")] = None
    client: Annotated[str | None, describe("Who asked.")] = None
