"""Those who may answer instead of the model, as the user names them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from monitor.config.forms import ADDRESS
from monitor.config.promises import Positive, Section
from monitor.config.units import describe, duration, share

__all__ = ["HOPS", "Chain", "ConstantHop", "Hop", "HttpHop", "LastGoodHop", "RiverHop", "Rule", "RuleHop", "TorchHop"]

_Scalar = str | int | float | bool


class Rule(Section, frozen=True, kw_only=True):
    """What is answered when every condition holds."""

    when: Annotated[
        dict[str, _Scalar | list[_Scalar]],
        describe('By feature: a value, a list of them, or a comparison such as "> 1000". All must hold.', min_length=1),
    ]
    answer: Annotated[_Scalar, describe("The answer.")]


class HttpHop(Section, frozen=True, kw_only=True):
    """Another model, asked over HTTP."""

    http: Annotated[
        str,
        describe(
            "Its address, http or https, in the Open Inference Protocol: .../v2/models/NAME/infer.",
            pattern=ADDRESS,
        ),
    ]
    name: Annotated[str | None, describe("As shown in decisions. Default: the address.")] = None
    timeout: Annotated[
        float,
        duration("For one request. 500ms: half of the deadline, so that a dead hop leaves time for the next.", gt=0),
    ] = 0.5
    bulkhead: Annotated[
        int,
        describe("Requests under way at once. 32: a slow answerer must not hold every connection.", ge=1, le=10_000),
    ] = 32
    token_file: Annotated[str | None, describe("A file with a bearer token, read when it is needed.")] = None


class ConstantHop(Section, frozen=True, kw_only=True):
    """A fixed answer, such as the safe one."""

    constant: Annotated[str | int | float | bool, describe("The answer.")]
    name: Annotated[str | None, describe("As shown in decisions. Default: constant.")] = None


class RuleHop(Section, frozen=True, kw_only=True):
    """Rules that people wrote down: the first that fits answers, and where none does, the next hop is asked."""

    rule: Annotated[
        list[Rule],
        describe('The rules, in order: {when: {amount: "> 1000", country: [DE, AT]}, answer: deny}.', min_length=1),
    ]
    name: Annotated[str | None, describe("As shown in decisions. Default: rule.")] = None


class LastGoodHop(Section, frozen=True, kw_only=True):
    """What was answered for the same key when it could be: by the model while it was trusted, or by a person."""

    last_good: Annotated[
        list[str], describe("The features that make the key, such as [customer, product].", min_length=1)
    ]
    max_age: Annotated[
        float, duration("An older answer is not given any more. 1d: what was right yesterday may do today.", gt=0)
    ] = 86400.0
    keys: Annotated[
        int, describe("Keys that are remembered; the least recently answered go first. 100000.", ge=1, le=10_000_000)
    ] = 100_000
    name: Annotated[str | None, describe("As shown in decisions. Default: last good.")] = None


class RiverHop(Section, frozen=True, kw_only=True):
    """A small model of river that learns from what reviewers answer, one by one."""

    river: Annotated[
        Literal["logistic", "tree", "forest", "linear"],
        describe("logistic, tree or forest for labels (forest is the best and the slowest); linear for values."),
    ]
    examples: Annotated[
        int, describe("Answers that it must have seen before it is asked. 200: fewer teach it little.", ge=1)
    ] = 200
    max_error: Annotated[
        float,
        share(
            "It answers where at most this share of its like answers was wrong, tried before each was learnt. "
            "10%: a stand-in should be better than nobody; set it to what you can bear.",
            gt=0,
            lt=1,
        ),
    ] = 0.1
    within: Annotated[
        Positive | None, describe("linear: an answer farther from the person's is wrong. Required by it.")
    ] = None
    remembered: Annotated[
        int, describe("Answers kept in `state_dir`, from which it learns again after a restart. 10000.", ge=0)
    ] = 10_000
    name: Annotated[str | None, describe("As shown in decisions. Default: river.")] = None


class TorchHop(Section, frozen=True, kw_only=True):
    """A small torch program in this process; several are an ensemble."""

    torch: Annotated[
        str | Annotated[list[str], Meta(min_length=1)],
        describe("A program's file (.pt2), or several, whose mean is the answer."),
    ]
    features: Annotated[list[str], describe("What it is given, in this order; all must be numbers.", min_length=1)]
    classes: Annotated[
        Annotated[list[str], Meta(min_length=2)] | None,
        describe("What its outputs are about, in order. Not set: it gives a value."),
    ] = None
    samples: Annotated[
        int,
        describe("Draws of a classifier with dropout that was exported in training mode. 20.", ge=1, le=1000),
    ] = 20
    max_disagreement: Annotated[
        Positive | None,
        describe(
            "It answers where its members disagree by no more: mutual information in nats, or standard deviation of a "
            "value. Not set: always."
        ),
    ] = None
    timeout: Annotated[
        float, duration("For one request. 500ms: half of the deadline, so that there is time for the next.", gt=0)
    ] = 0.5
    bulkhead: Annotated[
        int, describe("Requests under way at once. 256: they are answered together.", ge=1, le=10_000)
    ] = 256
    name: Annotated[str | None, describe("As shown in decisions. Default: torch.")] = None


Hop = HttpHop | ConstantHop | RuleHop | LastGoodHop | RiverHop | TorchHop | Literal["human", "refuse"]
HOPS: dict[str, type[Section]] = {
    "http": HttpHop,
    "constant": ConstantHop,
    "rule": RuleHop,
    "last_good": LastGoodHop,
    "river": RiverHop,
    "torch": TorchHop,
}
"""By the key that a hop is known by."""


class Chain(tuple[Hop, ...]):
    """The answerers, in the order in which they are asked."""

    __slots__ = ()
