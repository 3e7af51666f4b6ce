"""What the judge tells about the groups that segments make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SegmentStanding", "Segments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentStanding:
    """How one group stands, by what the judge has counted since the stream began."""

    segment: str
    state: str
    """Its own breaker's, under the version's."""
    offset: float
    """What it adds to the threshold."""
    epoch: int
    followed: bool
    """It has enough requests to be ruled on by itself."""
    n: int
    answered: int
    """Requests, and those that the model answered."""
    accepted: tuple[int, int]
    """Labels of answers that passed, and wrong ones."""
    covered: tuple[float, float]
    """Weight of the truths that were compared with a set, and of those inside it."""
    guarantee: str = "none"
    """What is in force for those of its requests that pass."""

    @property
    def tallies(self) -> dict[str, tuple[float, float]]:
        """By kind, of how many it could hold and of how many it does."""
        return {"error": self.accepted, "coverage": self.covered, "acceptance": (self.n, self.answered)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """How the groups of a version stand; told with every verdict."""

    time: float
    version: str
    segments: Sequence[SegmentStanding]
