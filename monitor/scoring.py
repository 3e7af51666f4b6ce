"""Probabilities for events that come without: torch programs give them from the features; the output stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.errors import ProgramError
from detectors.method import Method
from detectors.profile import Profile
from detectors.programs.members import Members
from detectors.types import BoolArray, FloatArray
from monitor.config import Config
from monitor.errors import UsageError
from monitor.events import Prediction
from monitor.outputs import Said
from monitor.program_files import program_bytes
from monitor.wanted import vectors

__all__ = ["DIGEST", "Scorer", "scorer_for"]

DIGEST = "scorer_sha256"
"""The fact of a profile that says which programs its confidences came from."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Asks an ensemble for the probabilities that outputs lack.

    Attributes
    ----------
    members
        The programs.
    features
        What they are given, in this order; empty for the event's embedding.
    classes
        What their outputs are about, in order.
    """

    members: Members
    features: tuple[str, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, config: Config) -> Scorer | None:
        """The configured one; raises UsageError if it can't be had."""
        wanted = config.uncertainty.scorer
        if wanted is None:
            return None
        paths = [wanted.torch] if isinstance(wanted.torch, str) else wanted.torch
        features = () if wanted.features == "embedding" else tuple(wanted.features)
        try:
            files = [program_bytes(path, "uncertainty.scorer.torch") for path in paths]
            members = Members.load(files, len(wanted.classes), samples=wanted.samples)
        except ProgramError as error:
            raise UsageError(f"uncertainty.scorer.torch {paths!r}: {error}") from error
        if features and members.width != len(features):
            raise UsageError(
                f"uncertainty.scorer.features names {len(features)} features; the program takes {members.width}"
            )
        return cls(members, features, tuple(wanted.classes))

    def complete(
        self,
        said: Said,
        predictions: Sequence[Prediction],
        names: tuple[str, ...],
        method: Method,
        guard: NDArray[np.uint8],
    ) -> tuple[Said, BoolArray]:
        """Outputs with probabilities where they gave a known label alone; and which those are.

        `names` is the order of features that come as a list. With the confidence `mutual-information` it is minus what
        the members disagree.
        """
        bare = np.isnan(said.probabilities).any(axis=1) & np.isnan(said.sure) & (said.chosen >= 0) & (guard == 0)
        places = np.flatnonzero(bare)
        if not len(places):
            return said, bare
        told = self.members.of(self._inputs([predictions[i] for i in places.tolist()], names))
        probabilities, sure = said.probabilities.copy(), said.sure.copy()
        probabilities[places] = told.probabilities
        if method.confidence == "mutual-information":
            sure[places] = -told.disagreement
        bare[places] = ~np.isnan(told.disagreement)
        return replace(said, probabilities=probabilities, sure=sure), bare

    def _inputs(self, predictions: Sequence[Prediction], names: tuple[str, ...]) -> FloatArray:
        """(events, width): a text or nothing where a number should be is NaN."""
        if not self.features:
            return np.asarray(vectors(predictions, self.members.width), dtype=np.float64)
        rows = [
            [_number(table.get(name)) for name in self.features]
            for table in (_table(each.features, names) for each in predictions)
        ]
        return np.array(rows, dtype=np.float64)


def scorer_for(config: Config, profiles: Mapping[str, Profile]) -> Scorer | None:
    """The configured scorer; raises UsageError if a profile was fitted with another one, or with none."""
    scorer = Scorer.of(config)
    digest = "" if scorer is None else scorer.members.digest
    for version, profile in profiles.items():
        fitted = str(profile.facts.get(DIGEST, ""))
        if fitted != digest:
            with_it, now = ("no scorer", "another scorer")[bool(fitted)], ("none", "one")[bool(digest)]
            raise UsageError(
                f"uncertainty.scorer: the profile of version {version!r} was fitted with {with_it}, and {now} is "
                "configured; its ranks of confidence are of other numbers: fit it again"
            )
    return scorer


def _table(features: Mapping[str, object] | Sequence[object], names: tuple[str, ...]) -> Mapping[str, object]:
    return features if isinstance(features, Mapping) else dict(zip(names, features, strict=False))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
