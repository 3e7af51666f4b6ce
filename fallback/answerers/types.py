"""What an answerer is asked, what it answers, and what came of asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from fallback.types import Reason, Route

__all__ = ["Answer", "Answered", "Answerer", "AskedRequest", "Feature", "HopOutcome", "HopResult", "Learner"]

Feature = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """A request that was held back. `decision_id` goes along, so that an answerer knows a call that is made again."""

    id: str
    decision_id: str
    model: str
    version: str
    features: Mapping[str, Feature] | Sequence[Feature]
    origin: int = 0
    """Whatever whoever asks wants back when a person settles it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answerer says: a label, or a number in regression, and the labels' probabilities if it knows them."""

    value: str | float
    probabilities: Mapping[str, float] | None = None


class Answerer(Protocol):
    """Somebody who answers instead of the model. Raises an `AnswererError` when it can't."""

    @property
    def name(self) -> str:
        """What it is called in decisions and metrics."""
        ...

    async def answer(self, request: AskedRequest, /) -> Answer:
        """Answer one request. It may be cancelled at any moment."""
        ...

    async def aclose(self) -> None:
        """Give back connections and the like."""
        ...


@runtime_checkable
class Learner(Answerer, Protocol):
    """An answerer that learns from people's answers, and, if it wants, from the model's that were let through."""

    from_model: bool

    def heard(self, features: Mapping[str, Feature] | Sequence[Feature], answer: str | float, /) -> None:
        """Take a good answer in."""
        ...


class HopOutcome(StrEnum):
    """What came of asking one hop of a chain."""

    ANSWERED = "answered"
    HANDED_OVER = "handed_over"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    NONSENSE = "nonsense"
    FAILED = "failed"
    FULL = "full"
    BROKEN = "broken"
    NO_TIME = "no_time"


@dataclass(frozen=True, slots=True)
class HopResult:
    """One hop of a chain: who, what came of it, how long it took in seconds, and in words why not."""

    name: str
    outcome: HopOutcome
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of asking the chain.

    Attributes
    ----------
    route
        Who has the request now: a fallback that answered, a person, or nobody.
    answer
        None where nobody has answered yet, or nobody will.
    answered_by
        Name of the last hop.
    trouble
        Why it did not go as planned; None if the first hop took it.
    hops
        Every hop that was tried, in order.
    seconds
        How long it took in all.
    """

    route: Route
    answer: Answer | None
    answered_by: str
    trouble: Reason | None
    hops: tuple[HopResult, ...]
    seconds: float
