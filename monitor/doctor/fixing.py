"""Creates the topics that are missing; never changes one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from monitor.config import Config
from monitor.doctor.findings import Finding, fail, ok
from monitor.doctor.seen import Seen
from monitor.doctor.wanted import Wanted

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

__all__ = ["create_missing", "partitions_of"]


def partitions_of(wanted: Mapping[str, Wanted], seen: Mapping[str, Seen], configured: int) -> int:
    """How many partitions a new topic gets: as many as those that are there, of the predictions first."""
    several = [seen[each.name].partitions for each in wanted.values() if not each.single]
    return next((n for n in several if n), configured)


def create_missing(
    admin: KafkaAdminClient, config: Config, wanted: Mapping[str, Wanted], seen: Mapping[str, Seen]
) -> list[Finding]:
    """Create what is not there, each with the settings that it needs; says of each what came of it."""
    from kafka.errors import KafkaError

    several = partitions_of(wanted, seen, config.kafka.partitions)
    copies, found = config.kafka.replication, []
    for each in wanted.values():
        if seen[each.name].partitions:
            continue
        n = 1 if each.single else several
        topic = {"num_partitions": n, "replication_factor": copies, "configs": dict(each.settings)}
        try:
            admin.create_topics({each.name: topic})
            admin.wait_for_topics([each.name])
        except KafkaError as error:
            found.append(fail(f"create {each.name}", _why(error, copies), _todo(error, each.name)))
            continue
        told = ", ".join(f"{key}={value}" for key, value in each.settings.items())
        found.append(
            ok(f"create {each.name}", f"created with {n} partition{'s' * (n != 1)}, replication {copies}, {told}")
        )
    return found


def _why(error: Exception, copies: int) -> str:
    from kafka.errors import AuthorizationError, InvalidReplicationFactorError

    if isinstance(error, AuthorizationError):
        return "this user may not create topics"
    if isinstance(error, InvalidReplicationFactorError):
        return f"{copies} copies (kafka.replication) are more than there are brokers"
    return f"{type(error).__name__}: {error}"


def _todo(error: Exception, name: str) -> str:
    from kafka.errors import AuthorizationError, InvalidReplicationFactorError

    if isinstance(error, AuthorizationError):
        return f"Allow CREATE on topic {name}, or have it created by whoever may"
    if isinstance(error, InvalidReplicationFactorError):
        return "Lower kafka.replication"
    return "Create it by hand, as docs/kafka.md says"
