"""What goes into the store of waiting decisions, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

__all__ = ["Added", "Dropped", "Early", "Expired", "Flagging", "Joined", "Match", "Pending", "Waiting", "segment_text"]

_LONGEST_SEGMENT = 120


class Pending(NamedTuple):
    """A decision that waits for its label. Times are seconds since 1970.

    `stake` is a detectors.types.Stake, `cell` the rank cell and `band` the confidence view's bin (-1 for none), `epoch`
    and `propensity` what the decision was made under, `asked` whether its label was asked for; `label` or `value` is
    what the model answered; `score_bar` is the set threshold that was served, and `probabilities` are float64 bytes (of
    a regression whose score needs them: lower and upper end of the model's own interval, and its spread).
    `segment` is the event's, as `name=value,...`.
    `proxy` is 1 where the proxy was on its good side, 0 on its bad one, -1 for none; it is not in the decision, so a
    replica that takes over does not know it. `groups` are those of its segment, bit g for group g of the profile.
    """

    id: str
    version: str
    time: float
    stake: int
    cell: int
    band: int
    epoch: int
    propensity: float
    accepted: bool
    asked: bool
    label: str | None
    value: float | None
    score_bar: float | None
    probabilities: bytes | None
    proxy: int = -1
    segment: str = ""
    groups: int = 0


class Early(NamedTuple):
    """The first outcome of an id: what the truth was, and when it came."""

    id: str
    label: str | None
    value: float | None
    time: float


class Match(NamedTuple):
    """A decision and its outcome; `was_overdue` if `overdue` had reported it before."""

    pending: Pending
    truth_label: str | None
    truth_value: float | None
    time: float
    was_overdue: bool


@dataclass(frozen=True, slots=True)
class Added:
    """What became of added decisions.

    Attributes
    ----------
    duplicates
        Positions of those whose id is known already, rising; they were not added.
    joined
        Those whose outcome had come before them, in the order of the decisions.
    dropped
        Asked for and never reported overdue, but the oldest of a full store; they wait no more.
    """

    duplicates: list[int]
    joined: list[Match]
    dropped: list[Pending]


@dataclass(slots=True)
class Dropped:
    """What a full store let go, the oldest first: decisions that waited, ids that were joined, early outcomes."""

    waiting: int = 0
    joined: int = 0
    early: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of outcomes: matches in their order, those that came early, and how many came too often."""

    matches: list[Match]
    early: list[Early]
    repeated: int


class Flagging(NamedTuple):
    """A user's report of harm, and its decision: None, none is known.

    `who` is a hash of whoever reports, `first` whether nobody has flagged the answer before, `again` whether this one
    has.
    """

    id: str
    who: str
    time: float
    pending: Pending | None = None
    first: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Expired:
    """What became too old.

    Attributes
    ----------
    unlabelled
        Decisions that went without an outcome, those of `asked` among them.
    asked
        Decisions whose outcome was asked for and that `overdue` never reported.
    early
        Outcomes whose decision never came.
    """

    unlabelled: int
    asked: list[Pending]
    early: list[Early]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many decisions wait: all, those asked for and not overdue, and the latter by stake (index is the stake)."""

    n: int
    asked: int
    by_stake: tuple[int, ...]


def segment_text(segment: Mapping[str, str]) -> str:
    """A segment in one short line; one that is too long ends in a hash of it all.

    Examples
    --------
    >>> segment_text({"region": "north", "age": "old"}), segment_text({}), len(segment_text({"x": "y" * 1000}))
    ('age=old,region=north', '', 120)
    """
    if not segment:
        return ""
    text = ",".join(f"{name}={value}" for name, value in sorted(segment.items()))
    if len(text) <= _LONGEST_SEGMENT:
        return text
    return text[: _LONGEST_SEGMENT - 17] + "~" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
