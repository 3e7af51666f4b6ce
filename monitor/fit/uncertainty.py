"""What is settled before a profile is fitted: scores, confidence, and the map that probabilities go through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detectors.calibration.fitting import fit_map, fit_tokens
from detectors.errors import UnfitReference
from detectors.method import Method
from detectors.profile import Profile, first_half
from detectors.scores import ClassScore, ValueScore
from detectors.types import BoolArray, FloatArray, IntArray
from monitor.config import Config
from monitor.errors import UsageError
from monitor.fit.reading import Part, concluded, taken_part, true_of, wrong_of
from monitor.rows import Schema

__all__ = ["Settled", "differences", "settle"]

_Classes = Literal["lac", "aps", "raps"]
_Values = Literal["residual", "normalised", "cqr"]


@dataclass(frozen=True, slots=True)
class Settled:
    """A reference by the method that was settled on.

    Attributes
    ----------
    part, schema
        The rows, and the schema with the method.
    spent
        (events,): rows whose outcomes something was fitted on; they say nothing about how good it is.
    before
        (events,): confidence before the calibration; the same as after it where there is none.
    """

    part: Part
    schema: Schema
    spent: BoolArray
    before: FloatArray

    @property
    def places(self) -> IntArray:
        """Places of the rows that are spent, in the whole reference."""
        return self.part.places[self.spent]


def settle(part: Part, schema: Schema, config: Config) -> Settled:
    """Choose and fit by the configuration; raises UsageError for what the reference cannot bear.

    What has parameters is fitted on that half of the rows which the views are fitted on, too; scores, errors by rank
    and counts come from the other half alone, so that nothing is measured on what it was fitted on.
    """
    half = first_half(len(part), np.random.default_rng(0))
    try:
        method, spent = _method(part, schema, config, half)
    except UnfitReference as error:
        raise UsageError(f"uncertainty: {error}") from error
    after = replace(schema, method=method)
    plain = replace(schema, method=replace(method, calibration=None))
    return Settled(
        concluded(part, after),
        after,
        half if spent else np.zeros(len(part), dtype=np.bool_),
        concluded(part, plain).rows.confidence,
    )


def differences(profile: Profile, config: Config) -> list[str]:
    """Keys under `uncertainty` that say another thing than what the profile was fitted with, in words."""
    wanted, method = config.uncertainty, profile.method
    fitted = {
        "score": method.classes.name if profile.classes else method.values.name,
        "confidence": method.confidence,
        "calibration": "none" if method.calibration is None else method.calibration.name,
    }
    faults = [
        f"`uncertainty.{key}` was {was!r} and is {now!r}"
        for key, was in fitted.items()
        if (now := getattr(wanted, key)) not in ("auto", was)
    ]
    if method.classes.draws and method.classes.randomised != wanted.randomised:
        faults.append(f"`uncertainty.randomised` was {method.classes.randomised} and is {wanted.randomised}")
    return faults


def _method(part: Part, schema: Schema, config: Config, half: BoolArray) -> tuple[Method, bool]:
    """The method, and whether outcomes of the half were needed for it."""
    wanted, method = config.uncertainty, schema.method
    if schema.task == "regression":
        return replace(method, values=_value_score(part, wanted.score)), False
    _check(part, schema)
    learnt = np.flatnonzero(half)
    first, spent = taken_part(part, learnt), False
    if method.confidence == "language":
        method = replace(method, tokens=fit_tokens(first.said.tokens, wrong_of(first, schema, None, np.inf)))
        spent = True
    if schema.classes:
        true, known = true_of(first, schema)
        true = np.where(known, true, -1)
        if wanted.calibration != "none":
            method = replace(
                method, calibration=fit_map(wanted.calibration, first.probabilities, true, wanted.optimiser)
            )
            spent = True
        method = replace(method, classes=_class_score(method.calibrated(first.probabilities), true, config))
        spent |= method.classes.name == "raps"
    elif wanted.calibration not in ("none", "auto"):
        raise UsageError(
            f"uncertainty.calibration is {wanted.calibration!r}, but the reference has no probabilities by class"
        )
    return method, spent


def _class_score(probabilities: FloatArray, true: IntArray, config: Config) -> ClassScore:
    wanted = config.uncertainty
    name: _Classes = {"aps": "aps", "raps": "raps"}.get(wanted.score, "lac")  # type: ignore[assignment]  # of these
    if wanted.score not in ("auto", name):
        raise UsageError(f"uncertainty.score is {wanted.score!r}, which is of numbers; this is a classifier")
    if name == "raps":
        return ClassScore.tuned(
            probabilities, true, round(1 - config.promise.coverage, 12), randomised=wanted.randomised
        )
    return ClassScore(name, wanted.randomised and name == "aps")


def _value_score(part: Part, name: str) -> ValueScore:
    found = ValueScore.by(part.said.stated)
    if name == "auto":
        return found
    if name not in ("residual", "normalised", "cqr"):
        raise UsageError(f"uncertainty.score is {name!r}, which is of classes; this is a regression")
    chosen: _Values = name  # type: ignore[assignment]  # it is one of them
    score, stated = ValueScore(chosen), part.said.stated
    if np.isnan(score.scores(np.zeros(len(part)), stated)[np.isfinite(stated.value)]).all():
        needs = "an interval" if name == "cqr" else "a spread"
        raise UsageError(f"uncertainty.score is {name!r}, but no event of the reference gives {needs}")
    return score


def _check(part: Part, schema: Schema) -> None:
    """A confidence that no event gives would hold everything back."""
    needs = {"energy": "logits", "max-logit": "logits", "mutual-information": "samples of probabilities by class"}
    what = needs.get(schema.method.confidence)
    if what is not None and np.isnan(part.said.sure).all():
        raise UsageError(
            f"uncertainty.confidence is {schema.method.confidence!r}, but no event of the reference gives {what}"
        )
    if schema.method.confidence in ("margin", "entropy") and not schema.classes:
        raise UsageError(
            f"uncertainty.confidence is {schema.method.confidence!r}, but the reference has no probabilities by class"
        )
