"""Scores from arrays alone, with MAPIE's definitions: how sure is the model, and how far off was it?"""

from .classes import ClassScore, aps, lac, raps
from .confidence import (
    SUM_TOLERANCE,
    confidence,
    energy,
    entropy,
    invalid_probabilities,
    margin,
    max_logit,
    mutual_information,
    of_label,
    predicted,
    softmax,
    value_confidence,
)
from .values import Stated, ValueScore, absolute_residual, cqr, normalised_residual

__all__ = [
    "SUM_TOLERANCE",
    "ClassScore",
    "Stated",
    "ValueScore",
    "absolute_residual",
    "aps",
    "confidence",
    "cqr",
    "energy",
    "entropy",
    "invalid_probabilities",
    "lac",
    "margin",
    "max_logit",
    "mutual_information",
    "normalised_residual",
    "of_label",
    "predicted",
    "raps",
    "softmax",
    "value_confidence",
]
