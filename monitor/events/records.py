"""Every record on the wire that has to do with one request: what comes in, and what is said about it."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = [
    "MAX_ID",
    "MAX_SAMPLES",
    "MAX_TOKENS",
    "Answer",
    "Decision",
    "Guarantee",
    "Hop",
    "JoinRecord",
    "Label",
    "Moment",
    "Outcome",
    "Output",
    "Prediction",
    "RequestId",
    "Review",
    "Route",
    "Source",
    "Stake",
]

MAX_ID = 256
"""Longest id in characters: ids are keys of records and of the join store, so they are bounded."""

Label = str | int | float | bool | None
Moment = Annotated[datetime, Meta(tz=True)]
RequestId = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
_Name = Annotated[str, Meta(max_length=MAX_ID)]
Route = Literal["model", "fallback", "human", "refuse"]
Guarantee = Literal["certified", "tracking", "none"]
Stake = Literal["accepted", "suspected", "surest", "held"]
_Features = dict[str, float | str | bool | None] | list[float | None]

_ID = Meta(description="The request's id, unique within a model and version.")
_DECISION_ID = Meta(description="Hash of model, version and id: the same however often the decision is made.")
_TIME = Meta(description="RFC 3339, with an offset.")
_VERSION = Meta(description="The model's version; empty means the configured one.")
_ANSWER = Meta(description="The answer that was given: a label or a number; null when there is none yet.")


MAX_SAMPLES = 1000
"""Members of an ensemble, draws or quantiles of one event."""
MAX_TOKENS = 65_536
"""Tokens of one answer whose log-probabilities are read."""


class Output(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the model said: a label with its probabilities or logits, or a value with its spread."""

    label: Annotated[
        Label, Meta(description="The predicted class. Labels compare as strings; 1 and 1.0 are both `1`.")
    ] = None
    probabilities: Annotated[
        dict[str, float] | list[float] | None,
        Meta(description="Of each class by name, or in the order of the profile's classes; they sum to one."),
    ] = None
    logits: Annotated[
        dict[str, float] | list[float] | None,
        Meta(description="Of each class by name, or in the order of the profile's classes."),
    ] = None
    value: Annotated[float | None, Meta(description="The predicted number (regression).")] = None
    lower: Annotated[
        float | None, Meta(description="Lower end of the model's own interval; null is minus infinity.")
    ] = None
    upper: Annotated[float | None, Meta(description="Upper end of the model's own interval; null is infinity.")] = None
    spread: Annotated[float | None, Meta(description="A standard deviation or another scale of the model's doubt.")] = (
        None
    )
    samples: Annotated[
        Annotated[list[float | list[float]], Meta(max_length=MAX_SAMPLES)] | None,
        Meta(
            description="Draws of an ensemble or of Monte-Carlo dropout: numbers, or probabilities in the order of the "
            "profile's classes."
        ),
    ] = None
    quantiles: Annotated[
        Annotated[dict[str, float], Meta(max_length=MAX_SAMPLES)] | None,
        Meta(
            description='Predicted quantiles by level, such as {"0.05": 1.2, "0.95": 3.4}: the outermost are the '
            "model's interval, and 0.5 its value, where it gives none."
        ),
    ] = None
    probability: Annotated[
        float | None, Meta(description="Of the label, where the probabilities of the other classes are not known.")
    ] = None
    token_logprobs: Annotated[
        Annotated[list[float], Meta(max_length=MAX_TOKENS)] | None,
        Meta(description="Natural log-probability of each token of a generated answer."),
    ] = None
    logprob: Annotated[
        float | None, Meta(description="Log-probability of a generated answer: the sum over its tokens.")
    ] = None
    margin: Annotated[
        float | None,
        Meta(description="By how much a generated answer is surer than its runner-up, always in the same units."),
    ] = None
    length: Annotated[
        float | None, Meta(description="Tokens of a generated answer. Default: as many as `token_logprobs` has.")
    ] = None


class Prediction(msgspec.Struct, frozen=True, gc=False):
    """One request that the model has answered."""

    id: Annotated[RequestId, _ID]
    time: Annotated[Moment | None, Meta(description="RFC 3339, with an offset; default: the record's own time.")] = None
    model: Annotated[
        _Name, Meta(description="Empty means the configured model; another model's events are skipped and counted.")
    ] = ""
    version: Annotated[_Name, _VERSION] = ""
    segment: Annotated[
        dict[str, str], Meta(description="Names and values that guarantees are kept by, such as a region.")
    ] = {}
    client: Annotated[_Name | None, Meta(description="Who asked; rates are kept per client.")] = None
    features: Annotated[
        _Features, Meta(description="By name, or numbers in the profile's order; null is missing.")
    ] = {}
    embedding: Annotated[
        list[float | list[float | list[float]]] | None,
        Meta(description="A vector that stands for the whole input, or pixels in rows, or in channels of rows."),
    ] = None
    output: Annotated[Output | None, Meta(description="What the model said; without it the request is held back.")] = (
        None
    )
    latency: Annotated[float | None, Meta(description="Seconds that the model took.")] = None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What turned out to be true, what a reviewer said, or a user's report of harm. The first of an id counts."""

    id: Annotated[RequestId, _ID]
    time: Annotated[Moment | None, Meta(description="RFC 3339, with an offset; default: the record's own time.")] = None
    label: Annotated[Label, Meta(description="The true class. Labels compare as strings.")] = None
    value: Annotated[float | None, Meta(description="The true number (regression).")] = None
    source: Annotated[
        Literal["truth", "review", "flag"],
        Meta(description="A later truth corrects reports alone; a flag needs neither label nor value."),
    ] = "truth"
    by: Annotated[_Name | None, Meta(description="Who said so.")] = None
    harmful: Annotated[bool | None, Meta(description="Whether the answer did harm.")] = None
    model: Annotated[
        _Name, Meta(description="Empty means the configured model; another model's outcomes are skipped.")
    ] = ""

    def __post_init__(self) -> None:
        """Refuse an outcome that says nothing."""
        if self.label is None and self.value is None and self.source != "flag":
            raise ValueError("an outcome needs a `label` or a `value`")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"`value` {self.value!r} must be finite")


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where a record was read."""

    topic: str
    partition: int
    offset: int


class Hop(msgspec.Struct, frozen=True, gc=False):
    """Somebody who was asked to answer instead of the model."""

    name: str
    outcome: Annotated[str, Meta(description="answered, handed_over, timeout, refused, full, broken, ...")]
    ms: Annotated[float, Meta(description="How long it took.")]
    detail: Annotated[str, Meta(description="Why not, in words.")] = ""


class Decision(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """May the model answer this request? Written once; it fixes the route."""

    id: Annotated[str, _ID]
    decision_id: Annotated[str, _DECISION_ID]
    time: Annotated[Moment, Meta(description="The prediction's time, in UTC.")]
    model: str
    version: Annotated[str, _VERSION]
    segment: dict[str, str]
    route: Annotated[Route, Meta(description="Who answers.")]
    reason: Annotated[str, Meta(description="Why this route: one of a fixed list of words, also a metric's label.")]
    answer: Annotated[Label, _ANSWER]
    answered_by: Annotated[
        str | None, Meta(description="The model, the fallback's name, or null while a person is asked.")
    ]
    output: Annotated[Output | None, Meta(description="The model's own output, whatever the route.")]
    confidence: Annotated[
        float | None, Meta(description="Rank of the model's confidence in the reference, 0 to 1; null: none given.")
    ]
    threshold: Annotated[float | None, Meta(description="The rank that was needed, suspicion included.")]
    label_set: Annotated[
        list[str] | UnsetType | None,
        Meta(description="Classification: the labels that stay possible; null: all of them."),
    ] = msgspec.field(default=UNSET, name="set")
    interval: Annotated[
        tuple[float | None, float | None] | UnsetType | None,
        Meta(description="Regression: lower and upper end; a null end is infinite."),
    ] = UNSET
    guarantee: Annotated[Guarantee, Meta(description="Which promise on errors covers this answer.")]
    breaker: Annotated[str, Meta(description="The breaker's effective state.")]
    ruled_by: Annotated[
        str | UnsetType, Meta(description="The group, `name=value`, whose breaker that is; left out: the version's.")
    ] = UNSET
    epoch: Annotated[int, Meta(description="Epoch of the verdict; a new one begins when errors change.")]
    audit: Annotated[bool, Meta(description="Accepted, and drawn to be checked as well.")]
    propensity: Annotated[float, Meta(description="The share of accepted answers that was being audited.")]
    stake: Annotated[
        Stake,
        Meta(
            description="What its label counts for: accepted; held back by suspicion or the breaker alone; "
            "among the surest while nothing passes; below the threshold."
        ),
    ]
    set_threshold: Annotated[
        float | None, Meta(description="Nonconformity up to which a label or value belongs to the set; null: infinite.")
    ]
    profile: Annotated[str | None, Meta(description="Digest of the profile; null: none for this version.")]
    ledger_offset: Annotated[int, Meta(description="Offset of the verdict in the ledger; -1 before the first.")]
    source: Annotated[Source, Meta(description="Where the prediction was read.")]
    hops: Annotated[
        list[Hop] | UnsetType,
        Meta(description="Who was asked on the way, and what came of it; left out where nobody could fail."),
    ] = UNSET
    scored: Annotated[
        list[float] | UnsetType,
        Meta(description="Probabilities by class that the scorer gave, where the output has none."),
    ] = UNSET
    probability: Annotated[
        float | None,
        Meta(description="That the model's answer is right, as labels say by now; null: unknown. It decides nothing."),
    ] = None


class Answer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a person said, or what expiry gave, after a decision that routed to a person."""

    id: Annotated[str, _ID]
    decision_id: Annotated[str, _DECISION_ID]
    time: Annotated[Moment, _TIME]
    answer: Annotated[Label, _ANSWER]
    answered_by: Annotated[str | None, Meta(description="The person, or the answerer that expiry fell back to.")]
    expired: Annotated[bool, Meta(description="Nobody answered in time.")]


class JoinRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What became of a label, so that whoever takes a partition over knows which decisions still wait for theirs."""

    id: Annotated[str, _ID]
    time: Annotated[Moment, Meta(description="When the outcome came, or was missed.")]
    what: Annotated[
        Literal["joined", "early", "overdue", "flagged"],
        Meta(
            description="Joined to its decision; come before its prediction; asked for, and not come when it was "
            "usual; flagged by a user."
        ),
    ]
    label: Annotated[Label, Meta(description="The true class.")] = None
    value: Annotated[float | None, Meta(description="The true number.")] = None
    who: (
        Annotated[str, Meta(max_length=64, description="A hash of who flagged it; in no other record.")] | UnsetType
    ) = UNSET


class Review(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A request that waits for a person."""

    id: Annotated[str, _ID]
    decision_id: Annotated[str, _DECISION_ID]
    time: Annotated[Moment, _TIME]
    model: str
    version: Annotated[str, _VERSION]
    segment: dict[str, str]
    features: _Features
    output: Output | None
    reason: Annotated[str, Meta(description="Why it was held back, or `audit`.")]
    priority: Annotated[float, Meta(description="Greater is more urgent: risk times value.")]
    expires: Annotated[Moment, Meta(description="After this the expiry policy answers.")]
