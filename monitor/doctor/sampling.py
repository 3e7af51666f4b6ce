"""Reads the last records of the topics that are read: that it may, and what lies where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from monitor.config import Config
from monitor.doctor.findings import Finding, fail, ok
from monitor.doctor.keys import Sampled, check_keys
from monitor.doctor.seen import Seen
from monitor.doctor.wanted import Wanted
from monitor.event_ids import id_of
from monitor.topics import Topics

if TYPE_CHECKING:
    from kafka import KafkaConsumer

__all__ = ["check_records"]

_LAST = 300
_SECONDS = 10.0


def check_records(
    settings: dict[str, Any], config: Config, wanted: Mapping[str, Wanted], seen: Mapping[str, Seen]
) -> list[Finding]:
    """Read the end of each topic, and look at the keys of predictions and outcomes."""
    from kafka import KafkaConsumer

    from monitor.logs.kafka_clients import CONNECT_SECONDS

    consumer = KafkaConsumer(
        **settings,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
        allow_auto_create_topics=False,
        enable_incremental_fetch_sessions=False,
        request_timeout_ms=int(CONNECT_SECONDS * 1000) + 20_000,
    )
    try:
        return _looked(consumer, config, wanted, seen)
    finally:
        consumer.close()


def _looked(
    consumer: KafkaConsumer, config: Config, wanted: Mapping[str, Wanted], seen: Mapping[str, Seen]
) -> list[Finding]:
    topics, found = Topics.of(config), []
    sampled: dict[str, list[Any]] = {}
    for each in wanted.values():
        if not each.reads or not seen[each.name].partitions or _forbidden(seen[each.name]):
            continue
        most = _LAST if each.name in (topics.predictions, topics.outcomes) else 1
        records, fault = _last(consumer, each.name, seen[each.name].partitions, most)
        if fault is not None:
            found.append(fault)
        sampled[each.name] = records
    if sampled and not found:
        found.append(ok("read", f"the end of {len(sampled)} topics was read"))
    if topics.predictions in sampled and topics.outcomes in sampled:
        from kafka.partitioner.default import murmur2

        pair = [_sampled(sampled[topic]) for topic in (topics.predictions, topics.outcomes)]
        found += check_keys(pair[0], pair[1], seen[topics.predictions].partitions, murmur2)
    return found


def _forbidden(seen: Seen) -> bool:
    return seen.rights is not None and "READ" not in seen.rights


def _last(consumer: KafkaConsumer, topic: str, partitions: int, most: int) -> tuple[list[Any], Finding | None]:
    """The last records of a topic, of each partition its share; and what kept them from being read."""
    from kafka import TopicPartition
    from kafka.errors import AuthorizationError, KafkaError

    places = [TopicPartition(topic, p) for p in range(partitions)]
    records: list[Any] = []
    try:
        first, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
        consumer.assign(places)
        for place in places:
            consumer.seek(place, max(first[place], ends[place] - max(most // partitions, 1)))
        give_up = monotonic() + _SECONDS
        waiting = set(places)
        while waiting and monotonic() < give_up:
            waiting = {place for place in waiting if (consumer.position(place, timeout_ms=1000) or 0) < ends[place]}
            if waiting:
                for some in consumer.poll(timeout_ms=200).values():
                    records += some
    except AuthorizationError:
        return [], fail(f"read {topic}", "this user may not read it", f"Allow READ on topic {topic}")
    except KafkaError as error:
        return [], fail(f"read {topic}", f"{type(error).__name__}: {error}", "Look at the broker's log")
    if waiting:
        some = ", ".join(str(place.partition) for place in sorted(waiting))
        return records, fail(
            f"read {topic}",
            f"partition {some} could not be read to its end within {_SECONDS:.0f} s",
            "A transaction may hang open, or the broker be slow: look again in a minute, then at the broker's log",
        )
    return records, None


def _sampled(records: Sequence[Any]) -> list[Sampled]:
    return [Sampled(each.partition, each.key, id_of(each.value)) for each in records]
