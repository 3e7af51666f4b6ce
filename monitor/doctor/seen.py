"""What the broker says of the topics: their partitions, their settings, and what this user may do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

__all__ = ["Seen", "patiently", "see"]

_FORBIDDEN = 29
_COORDINATOR_SECONDS = 20.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Seen:
    """A topic as it is. No partitions: it is not there, or may not be seen.

    Attributes
    ----------
    name
        The topic.
    partitions
        How many it has.
    leaderless
        Those without a leader, which can be neither read nor written.
    copies, in_sync
        The least number of copies of a partition, and of those that are up to date.
    forbidden
        Whether the broker says that this user may not see it.
    rights
        What this user may do; None if the broker doesn't tell.
    settings
        What is known of its settings; none without the right to see them.
    """

    name: str
    partitions: int = 0
    leaderless: tuple[int, ...] = ()
    copies: int = 0
    in_sync: int = 0
    forbidden: bool = False
    rights: frozenset[str] | None = None
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def number(self, name: str) -> int | None:
        """A setting that is a number; None if it is not known."""
        value = self.settings.get(name)
        return None if value is None else int(value)


def see(admin: KafkaAdminClient, names: Iterable[str]) -> dict[str, Seen]:
    """Ask the broker about topics; those that are not there are among the answers."""
    wanted = list(names)
    described = {each["name"]: each for each in admin.describe_topics(wanted)}
    there = [name for name in wanted if described.get(name, {}).get("partitions")]
    settings = _settings(admin, there)
    return {name: _seen(name, described.get(name, {}), settings.get(name, {})) for name in wanted}


def patiently(call: Callable[[], _T]) -> _T:
    """Call again while the coordinator is not there yet: a fresh cluster makes one when it is first asked for."""
    from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError

    give_up = monotonic() + _COORDINATOR_SECONDS
    while True:
        try:
            return call()
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
            if monotonic() > give_up:
                raise
            sleep(0.2)


def _settings(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    from kafka.admin import ConfigResource, ConfigResourceType
    from kafka.errors import KafkaError

    if not names:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    try:
        found = admin.describe_configs(asked, config_filter="all").get("topic", {})
    except KafkaError:
        # some brokers don't tell; what can't be seen is not judged
        return {}
    return {
        name: {key: str(entry["value"]) for key, entry in entries.items() if entry["value"] is not None}
        for name, entries in found.items()
    }


def _seen(name: str, described: Mapping[str, Any], settings: Mapping[str, str]) -> Seen:
    partitions = described.get("partitions") or []
    rights = described.get("authorized_operations")
    return Seen(
        name,
        len(partitions),
        tuple(sorted(each["partition_index"] for each in partitions if each["leader_id"] < 0)),
        min((len(each["replica_nodes"]) for each in partitions), default=0),
        min((len(each["isr_nodes"]) for each in partitions), default=0),
        described.get("error_code") == _FORBIDDEN,
        frozenset(rights) if rights else None,
        MappingProxyType(dict(settings)),
    )
