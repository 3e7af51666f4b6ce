"""How the model's uncertainty is read: its scores, its confidence, and how probabilities are made honest."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from monitor.config.promises import Section
from monitor.config.units import describe

__all__ = ["Scorer", "Uncertainty"]


class Scorer(Section, frozen=True, kw_only=True):
    """Torch programs that give probabilities to events that come with a label alone."""

    torch: Annotated[
        str | Annotated[list[str], Meta(min_length=1)],
        describe("A program's file (.pt2), or several, which are an ensemble."),
    ]
    classes: Annotated[
        list[str],
        describe("The classes that their outputs are about, in order. Labels compare as strings.", min_length=2),
    ]
    features: Annotated[
        Literal["embedding"] | Annotated[list[str], Meta(min_length=1)],
        describe("The features that they are given, in this order, or embedding: the event's embedding."),
    ]
    samples: Annotated[
        int,
        describe(
            "Draws of a program with dropout that was exported in training mode. 20: more change little.", ge=1, le=1000
        ),
    ] = 20


class Uncertainty(Section, frozen=True, kw_only=True):
    """How sets, intervals and confidence come about. All but `without_confidence` take effect with `fit`."""

    score: Annotated[
        Literal["auto", "lac", "aps", "raps", "residual", "normalised", "cqr"],
        describe(
            "Nonconformity score of sets and intervals. auto: lac for classes, whose sets are the smallest; of numbers "
            "cqr where the model gives an interval, normalised where it gives a spread, else residual."
        ),
    ] = "auto"
    randomised: Annotated[
        bool,
        describe(
            "Sets of aps and raps leave their last label out by chance, drawn by the id. "
            "false: they cover a little more than promised, and are never empty."
        ),
    ] = False
    confidence: Annotated[
        Literal["auto", "probability", "margin", "entropy", "energy", "max-logit", "mutual-information", "language"],
        describe(
            "What a classifier's confidence is. auto: the probability of its answer, or language where it gives "
            "log-probabilities of a generated answer alone."
        ),
    ] = "auto"
    calibration: Annotated[
        Literal["none", "temperature", "vector", "venn-abers", "auto"],
        describe(
            "What probabilities go through first, fitted on half of the reference. auto: what predicts the other half "
            "best. none: the bar works on ranks, which gain little, and half of the outcomes are used up."
        ),
    ] = "none"
    optimiser: Annotated[
        Literal["scipy", "torch"],
        describe("Who finds the scaling's optimum. scipy: it is always there, and finds the same one."),
    ] = "scipy"
    scorer: Annotated[
        Scorer | None,
        describe(
            "Torch programs that give probabilities where an output has none; the output itself stays as it is. "
            "Not set: it needs the extra `torch`. Takes effect with `fit`, and must then stay as it was."
        ),
    ] = None
    without_confidence: Annotated[
        Literal["hold", "answer"],
        describe(
            "A label without any confidence. hold: nothing is known of it. "
            "answer: it passes as `unknown` with guarantee none."
        ),
    ] = "hold"
