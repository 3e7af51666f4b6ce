"""Takes a partition over: what waits there for a label or for a person is told by the topics that its owner wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from msgspec import UNSET, structs

from detectors.harm import BANDS
from detectors.profile import Profile, cells_of
from detectors.types import RANK_CELLS
from monitor.deciding import STAKE_WORDS
from monitor.events import Answer, Decision, JoinRecord, Output, Prediction, Review, epoch_seconds, label_text
from monitor.grouping import Grouping
from monitor.joins.records import Early, Flagging, Pending, segment_text
from monitor.joins.said import said
from monitor.joins.store import JoinStore
from monitor.logs import Chunk, Log
from monitor.rows import Schema, arrange
from monitor.topics import Topics

__all__ = ["open_reviews", "refill"]

_AT_ONCE = 2000
_decisions = msgspec.json.Decoder(Decision).decode
_joined = msgspec.json.Decoder(JoinRecord).decode
_reviews = msgspec.json.Decoder(Review).decode
_answers = msgspec.json.Decoder(Answer).decode


def refill(
    log: Log, topics: Topics, partition: int, store: JoinStore, profiles: Mapping[str, Profile], since: float, most: int
) -> int:
    """Fill a store with the decisions of a partition since a time, and with what became of them.

    `most` bounds the decisions that are read. Returns how many there were.
    """
    schemas = {version: _outputs_alone(profile) for version, profile in profiles.items()}
    grouping = Grouping(profiles)
    found = 0
    for chunk in _chunks(log, topics.decisions, partition, since, most):
        found += len(chunk.values)
        decisions = [_decisions(value) for value in chunk.values]
        for version in dict.fromkeys(each.version for each in decisions):
            mine = [each for each in decisions if each.version == version]
            groups = grouping.bits(version, [each.segment for each in mine])
            store.add(_pending(mine, schemas.get(version), groups))
    for chunk in _chunks(log, topics.joined, partition, since, 2 * most):
        records = [_joined(value) for value in chunk.values]
        store.replay(
            [each.id for each in records if each.what == "joined"],
            [each.id for each in records if each.what == "overdue"],
            [_early(each) for each in records if each.what == "early"],
            [_flagging(each) for each in records if each.what == "flagged"],
        )
    return found


def open_reviews(
    log: Log, topics: Topics, partitions: Sequence[int], since: float, most: int
) -> list[tuple[int, Review]]:
    """Reviews since a time that nobody has answered, each with its partition."""
    waiting: list[tuple[int, Review]] = []
    for partition in partitions:
        reviews = [_reviews(v) for chunk in _chunks(log, topics.reviews, partition, since, most) for v in chunk.values]
        answered: set[str] = set()
        for chunk in _chunks(log, topics.answers, partition, since, most) if reviews else ():
            answered.update(_answered(chunk.values))
        waiting += [(partition, each) for each in reviews if each.decision_id not in answered]
    return waiting


def _answered(values: Sequence[bytes]) -> Iterator[str]:
    for value in values:
        try:
            yield _answers(value).decision_id
        except msgspec.MsgspecError:
            # people's programs write here; what is no answer was a dead letter when it came
            continue


def _chunks(log: Log, topic: str, partition: int, since: float, most: int) -> Iterator[Chunk]:
    """A partition from a time on, but no more than about its last `most` records."""
    offset = max(log.since(topic, partition, since if math.isfinite(since) else 0.0), log.end(topic, partition) - most)
    while (chunk := log.read(topic, partition, offset, _AT_ONCE)).values:
        yield chunk
        offset = chunk.offsets[-1] + 1


def _outputs_alone(profile: Profile) -> Schema:
    full = Schema.of(profile)
    return Schema((), (), full.task, full.classes, full.size_threshold, method=full.method)


def _pending(decisions: Sequence[Decision], schema: Schema | None, groups: Sequence[int]) -> list[Pending]:
    """What the store keeps of decisions, as the router made it."""
    ranks = np.array([math.nan if each.confidence is None else each.confidence for each in decisions])
    outputs = [Prediction(each.id, output=_stated(each)) for each in decisions]
    arranged = None if schema is None else arrange(outputs, schema)
    kept = said(arranged, len(decisions), None if schema is None else schema.method)
    columns = zip(decisions, cells_of(ranks).tolist(), *kept, groups, strict=True)
    return [
        Pending(
            each.id,
            each.version,
            epoch_seconds(each.time),
            STAKE_WORDS.index(each.stake),
            cell,
            cell * BANDS // RANK_CELLS if cell >= 0 else -1,
            each.epoch,
            each.propensity,
            each.route == "model",
            each.route != "model" or each.audit or each.propensity >= 1,
            label,
            value,
            math.inf if each.set_threshold is None else each.set_threshold,
            stated,
            segment=segment_text(each.segment),
            groups=bits,
        )
        for each, cell, label, value, stated, bits in columns
    ]


def _stated(decision: Decision) -> Output | None:
    """The model's output, with the probabilities that the scorer gave."""
    output = decision.output
    if output is None or decision.scored is UNSET:
        return output
    return structs.replace(output, probabilities=decision.scored)


def _flagging(record: JoinRecord) -> Flagging:
    return Flagging(record.id, record.who or "", epoch_seconds(record.time))


def _early(record: JoinRecord) -> Early:
    return Early(record.id, label_text(record.label), record.value, epoch_seconds(record.time))
