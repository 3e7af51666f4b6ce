"""Creates topics; never changes one that is there."""

from __future__ import annotations

from collections.abc import Mapping

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from monitor.config import Config
from monitor.doctor.wanted import wanted
from monitor.errors import RunError
from monitor.logs.kafka_clients import connection
from monitor.topics import Topics

__all__ = ["create_missing"]


def create_missing(config: Config, bootstrap: str, existing: Mapping[str, int] | None = None) -> list[str]:
    """Create the model's topics, but for those in `existing`; the names of the new ones.

    Partitions are those of the predictions, if that topic is there; else the configured number.
    """
    topics, existing = Topics.of(config), existing or {}
    partitions = existing.get(topics.predictions) or config.kafka.partitions
    missing = {name: n for name, n in topics.partitions(partitions).items() if name not in existing}
    settings = {each.name: each.settings for each in wanted(config).values()}
    admin = KafkaAdminClient(**connection(config.kafka, bootstrap, "holdback-topics"))
    created = []
    try:
        for name, n in missing.items():
            try:
                admin.create_topics([NewTopic(name, n, config.kafka.replication, topic_configs=dict(settings[name]))])
                created.append(name)
            except TopicAlreadyExistsError:
                continue
            except KafkaError as error:
                raise RunError(f"topic {name} could not be created: {type(error).__name__}: {error}") from error
    finally:
        admin.close()
    return created
