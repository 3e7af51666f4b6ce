"""How a model's uncertainty is read: which score its sets have, what its confidence is, and what is made of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .calibration import Map, Tokens, map_of
from .scores import ClassScore, ValueScore, entropy, margin, of_label
from .types import BoolArray, FloatArray, IntArray, State

__all__ = ["CONFIDENCES", "ConfidenceName", "Method", "known_rows"]

ConfidenceName = Literal["probability", "margin", "entropy", "energy", "max-logit", "mutual-information", "language"]
CONFIDENCES: tuple[ConfidenceName, ...] = (
    "probability",
    "margin",
    "entropy",
    "energy",
    "max-logit",
    "mutual-information",
    "language",
)
_OF_PROBABILITIES = ("probability", "margin", "entropy")


@dataclass(frozen=True, slots=True)
class Method:
    """Everything that a profile says about uncertainty.

    Attributes
    ----------
    classes, values
        The nonconformity score of a classifier's, or a regression's, sets.
    confidence
        What a classifier's confidence is; a regression's is minus the width of its interval, or minus its spread.
    calibration
        The map that probabilities go through before anything is made of them; None for none.
    tokens
        For `language`: the logistic on what is known of an answer.

    Examples
    --------
    >>> method = Method(confidence="margin")
    >>> sure = method.sureness(np.array([[.5, .3, .2]]), np.array([0]), np.array([np.nan]))
    >>> np.round(sure, 3).tolist(), method.told()
    ([0.2], {'confidence': 'margin'})
    >>> Method.of(method.told(), {}) == method
    True
    """

    classes: ClassScore = field(default_factory=ClassScore)
    values: ValueScore = field(default_factory=ValueScore)
    confidence: ConfidenceName = "probability"
    calibration: Map | None = None
    tokens: Tokens | None = None

    @property
    def of_probabilities(self) -> bool:
        """Whether confidence is made of the classes' probabilities; else the model's output says it."""
        return self.confidence in _OF_PROBABILITIES

    def calibrated(self, probabilities: FloatArray) -> FloatArray:
        """Probabilities after the map: (events, classes); NaN stays NaN."""
        return probabilities if self.calibration is None else self.calibration.apply(probabilities)

    def sureness(self, probabilities: FloatArray, label: IntArray, said: FloatArray) -> FloatArray:
        """Confidence of each answer, (events,); greater is surer, NaN where nothing says so.

        Parameters
        ----------
        probabilities
            (events, classes), calibrated.
        label
            (events,) index of the answer among the classes, negative where it is none of them.
        said
            (events,) what the output itself says: the stated probability of the label for `probability`, the score for
            those that are not made of probabilities.
        """
        if not self.of_probabilities or not probabilities.shape[1]:
            return said
        if self.confidence == "margin":
            sure = margin(probabilities, label)
        elif self.confidence == "entropy":
            known = known_rows(probabilities)
            sure = np.where(known, -entropy(np.where(known[:, None], probabilities, 0.0)), np.nan)
        else:
            sure = of_label(probabilities, label)
            return np.where(np.isnan(sure), said, sure)
        return sure

    def sizes(self, probabilities: FloatArray, bar: float) -> FloatArray:
        """How many labels the set at a threshold has, (events,); NaN where there are no probabilities. Never drawn."""
        plain = ClassScore(self.classes.name, randomised=False, penalty=self.classes.penalty, size=self.classes.size)
        known = known_rows(probabilities)
        filled = probabilities if known.all() else np.where(known[:, None], probabilities, 0.0)
        inside = plain.sets(filled, bar, np.zeros(len(filled))).sum(axis=1)
        return np.where(known, inside.astype(np.float64), np.nan)

    def told(self) -> dict[str, Any]:
        """What a profile's manifest says of it: only what is not as usual."""
        score = self.classes
        said: dict[str, Any] = {
            "classes": {
                "name": score.name,
                "randomised": score.randomised,
                "penalty": score.penalty,
                "size": score.size,
            },
            "values": self.values.name,
            "confidence": self.confidence,
            "calibration": "none" if self.calibration is None else self.calibration.name,
            "tokens": self.tokens is not None,
        }
        usual = {"classes": _PLAIN, "values": "residual", "confidence": "probability", "calibration": "none"}
        return {name: value for name, value in said.items() if value != usual.get(name, False)}

    def state(self) -> State:
        """Its arrays, for a profile."""
        parts = {"calibration": self.calibration, "tokens": self.tokens}
        return {
            f"{part}.{name}": np.ascontiguousarray(array)
            for part, owner in parts.items()
            if owner is not None
            for name, array in owner.state().items()
        }

    @classmethod
    def of(cls, told: Mapping[str, Any], state: State) -> Method:
        """Read it back."""
        parts: dict[str, State] = {"calibration": {}, "tokens": {}}
        for key, array in state.items():
            part, _, name = key.partition(".")
            parts[part][name] = array
        tokens = {name: array.astype(np.float64) for name, array in parts["tokens"].items()}
        return cls(
            ClassScore(**told.get("classes", {})),
            ValueScore(told.get("values", "residual")),
            told.get("confidence", "probability"),
            map_of(told.get("calibration", "none"), parts["calibration"]),
            Tokens(**tokens) if told.get("tokens") else None,
        )


def known_rows(probabilities: FloatArray) -> BoolArray:
    """Rows that have all their probabilities, (events,)."""
    # a sum is nowhere near infinite, and faster than looking at each
    return np.asarray(~np.isnan(probabilities.sum(axis=1)), dtype=np.bool_)


_PLAIN = {"name": "lac", "randomised": False, "penalty": 0.0, "size": 0.0}
