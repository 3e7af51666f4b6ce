"""Summaries: what a replica counted in a batch, as it goes from the counters to the judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from detectors.types import RANK_CELLS, Labels, Stake
from monitor.group_counts import GroupCounts
from monitor.packing import pack, unpack

__all__ = [
    "MOST_EXAMPLES",
    "MOST_EXPLAINED",
    "Damaged",
    "Example",
    "Examples",
    "Flagger",
    "KillNotice",
    "LabelGroup",
    "OperatorOrder",
    "Range",
    "Summary",
    "Told",
    "VersionCounts",
    "decode_summaries",
    "group",
    "labels_of",
]

MOST_EXAMPLES = 5
"""Ids of an alarm at most."""
MOST_EXPLAINED = 64
"""Alarms of a moment that are explained, the first: a thousand pairs may move with the one feature that changed."""
_SHAPE = (len(Stake), RANK_CELLS, 2)


class Range(msgspec.Struct, frozen=True, gc=False):
    """Records of a partition that a batch was made of: first and last offset."""

    topic: str
    partition: int
    first: int
    last: int


class LabelGroup(msgspec.Struct, frozen=True, gc=False):
    """Outcomes of decisions that were made in one epoch, under one propensity."""

    propensity: float
    epoch: int
    counts: Annotated[bytes, Meta(description="(stakes, rank cells, 2), packed.")]
    overdue: Annotated[bytes, Meta(description="(stakes, rank cells), packed.")]


class Flagger(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Somebody who flagged an answer of a segment; the name stays with the replica, a hash of it travels."""

    segment: Annotated[str, Meta(max_length=256)]
    who: Annotated[str, Meta(max_length=32)]


class VersionCounts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Counts of one version of the model. They add up: those of two replicas are the sum of theirs."""

    version: str
    profile: Annotated[str, Meta(description="Digest of the profile that gave the bins.")]
    n: Annotated[int, Meta(description="Predictions.")] = 0
    invalid: Annotated[int, Meta(description="Those whose features do not fit the profile.")] = 0
    counts: Annotated[
        bytes, Meta(description="(width,) events a bin of the profile's views, packed; (cells, width) with `cells`.")
    ] = b""
    traffic: Annotated[bytes, Meta(description="(rank cells,) events, packed.")] = b""
    labels: Annotated[
        list[LabelGroup], Meta(description="But for those of groups whose breaker is not closed, which rules for them.")
    ] = []
    scores: Annotated[bytes, Meta(description="Nonconformity scores of the outcomes, float64.")] = b""
    weights: Annotated[bytes, Meta(description="Their weights, float64.")] = b""
    misses: Annotated[float, Meta(description="Weight of the truths outside the set that was served.")] = 0.0
    judged: Annotated[float, Meta(description="Weight of the truths that were compared with a set.")] = 0.0
    delay_sum: Annotated[float, Meta(description="Seconds between prediction and outcome, added up.")] = 0.0
    delay_n: int = 0
    proxy: Annotated[
        list[float],
        Meta(description="Weight of the labels whose proxy was together with them, and apart; none: no proxy."),
    ] = []
    flagged: Annotated[
        dict[int, int],
        Meta(description="Answers that somebody flagged for the first time, by whole hours since they were given."),
    ] = {}
    flaggers: Annotated[list[Flagger], Meta(description="Who flagged, each once a segment.")] = []
    cells: Annotated[list[int], Meta(description="Cells of the context that the events fell in; none: the first.")] = []
    groups: Annotated[
        GroupCounts | msgspec.UnsetType, Meta(description="The same by group; unset where segments make none.")
    ] = msgspec.UNSET


class Summary(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", tag="counts"):
    """What a replica counted in at most 100 events."""

    replica: str
    time: Annotated[float, Meta(description="Epoch seconds; the judge's clock is the greatest seen.")]
    ranges: list[Range]
    versions: list[VersionCounts]
    waiting: Annotated[
        dict[int, list[int]],
        Meta(description="Labels asked for, neither come nor overdue, by stake, for each partition of this replica."),
    ] = {}


class OperatorOrder(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", tag="order"):
    """An operator's word on a breaker. The judge checks it, and says in the ledger what came of it."""

    id: Annotated[str, Meta(min_length=1, max_length=64, description="By which the answer in the ledger is found.")]
    order: Literal["open", "close", "auto", "accept"]
    actor: Annotated[str, Meta(max_length=256, description="Who says so.")]
    reason: Annotated[str, Meta(max_length=1000)] = ""
    seconds: Annotated[float | None, Meta(description="How long it is to hold; open and close need it.")] = None
    version: Annotated[str | None, Meta(description="Of which version; all of them by default.")] = None
    segment: Annotated[
        Annotated[str, Meta(max_length=1000)] | msgspec.UnsetType,
        Meta(description="On the breaker of one group, `name=value`; left out: the version's own."),
    ] = msgspec.UNSET


class KillNotice(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", tag="kill"):
    """A replica's kill switch was turned; for the ledger alone, as the replica did not wait for it."""

    replica: Annotated[str, Meta(max_length=256)]
    on: bool
    actor: Annotated[str, Meta(max_length=256, description="Who says so.")]
    reason: Annotated[str, Meta(max_length=1000)]
    at: Annotated[float, Meta(description="Epoch seconds: when it was turned.")]


class Example(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Events that fell into the bins of a view that gained, as the alarm of this view at this event says."""

    view: Annotated[str, Meta(max_length=1024)]
    event: int
    ids: Annotated[list[Annotated[str, Meta(max_length=256)]], Meta(max_length=MOST_EXAMPLES)]


class Examples(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", tag="examples"):
    """What a replica found among its last rows after alarms that it read in the ledger."""

    replica: str
    version: str
    profile: Annotated[str, Meta(description="Digest of the profile whose bins they are.")]
    alarms: Annotated[
        list[Example],
        Meta(
            max_length=MOST_EXPLAINED,
            description="The alarm's view and event, and ids of events in the bins that gained.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class Damaged:
    """A record of the topic that is neither: why it can't be read."""

    why: str


Told = Summary | OperatorOrder | KillNotice | Examples
"""What is in the topic."""
_DECODER: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)


def decode_summaries(values: Sequence[bytes]) -> list[Told | Damaged]:
    """Read back what is in the topic; what is none of it must not stop the judge, whoever wrote it."""
    return [_read(value) for value in values]


def _read(value: bytes) -> Told | Damaged:
    try:
        return _DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Damaged(str(error)[:200])


def group(labels: Labels) -> LabelGroup:
    """Labels as they travel."""
    return LabelGroup(labels.propensity, labels.epoch, pack(labels.counts), pack(labels.overdue))


def labels_of(counts: VersionCounts) -> list[Labels]:
    """Labels as the detectors take them."""
    return [
        Labels(
            each.propensity, each.epoch, unpack(each.counts).reshape(_SHAPE), unpack(each.overdue).reshape(_SHAPE[:2])
        )
        for each in counts.labels
    ]
