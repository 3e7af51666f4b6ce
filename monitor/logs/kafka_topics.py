"""Creates topics; never changes one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from monitor.config import Config
from monitor.errors import RunError
from monitor.logs.kafka_clients import connection
from monitor.topics import Topics

__all__ = ["create_missing"]

_WEEK_MS = 7 * 86_400_000


def create_missing(config: Config, bootstrap: str, existing: Mapping[str, int] | None = None) -> list[str]:
    """Create the model's topics, but for those in `existing`; the names of the new ones.

    Partitions are those of the predictions, if that topic is there; else the configured number.
    """
    topics, existing = Topics.of(config), existing or {}
    partitions = existing.get(topics.predictions) or config.kafka.partitions
    missing = {name: n for name, n in topics.partitions(partitions).items() if name not in existing}
    admin = KafkaAdminClient(**connection(config.kafka, bootstrap, "holdback-topics"))
    created = []
    try:
        for name, n in missing.items():
            try:
                admin.create_topics([_topic(name, n, config.kafka.replication, topics)])
                created.append(name)
            except TopicAlreadyExistsError:
                continue
            except KafkaError as error:
                raise RunError(f"topic {name} could not be created: {type(error).__name__}: {error}") from error
    finally:
        admin.close()
    return created


def _topic(name: str, partitions: int, replication: int, topics: Topics) -> Any:
    settings: dict[str, str] = {}
    if name == topics.ledger:
        # the proof of all that was decided is kept for ever, line by line
        settings = {"retention.ms": "-1", "cleanup.policy": "delete"}
    if name == topics.summaries:
        settings = {"retention.ms": str(_WEEK_MS), "cleanup.policy": "delete"}
    return NewTopic(name, partitions, replication, topic_configs=settings)
