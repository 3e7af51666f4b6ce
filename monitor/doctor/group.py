"""The consumer group: who is in it, how far behind it is, and whether it and transactions may be used."""

from __future__ import annotations

from collections.abc import Mapping
from time import sleep
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from monitor.config import Config
from monitor.doctor.findings import Finding, fail, ok, warn
from monitor.doctor.seen import Seen, patiently
from monitor.errors import RunError
from monitor.topics import Topics

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

__all__ = ["check_group", "check_transactions", "group_of"]

_LOOKS = 10
_BALANCING = ("PreparingRebalance", "CompletingRebalance")
_PROTOCOL = "range"


def group_of(config: Config) -> str:
    """The consumer group."""
    return config.kafka.group or f"holdback-{config.model}"


def check_group(admin: KafkaAdminClient, config: Config, seen: Mapping[str, Seen]) -> tuple[list[Finding], int]:
    """State, members and lag; and how many members there are."""
    from kafka.errors import AuthorizationError

    group = group_of(config)
    check = f"group {group}"
    try:
        described = _settled(admin, group)
    except AuthorizationError:
        return [fail(check, "this user may not see it", f"Allow READ and DESCRIBE on group {group}")], 0
    except ValueError:
        # some brokers answer with rights that nobody knows; perhaps somebody runs
        return [ok(check, "the broker does not say who is in it")], 1
    rights = described.get("authorized_operations")
    if rights and "READ" not in rights:
        return [fail(check, "this user may not be a member", f"Allow READ on group {group}")], 0
    members = described.get("members") or []
    strangers = [each for each in members if not str(each.get("client_id", "")).startswith("holdback-")]
    if strangers or (members and described.get("protocol_data") not in ("", _PROTOCOL)):
        whose = ", ".join(sorted({str(each.get("client_id")) for each in strangers})) or described["protocol_data"]
        return [
            fail(check, f"others than Holdback are in it: {whose}", "Give them, or kafka.group, another name")
        ], len(members)
    lag, partitions = _lag(admin, config, seen)
    return [_told(check, described, len(members), lag, partitions, seen[Topics.of(config).predictions])], len(members)


def _told(
    check: str, described: Mapping[str, Any], members: int, lag: int | None, committed: int, predictions: Seen
) -> Finding:
    behind = "nothing was committed yet" if lag is None else f"{lag:,} records behind in {committed} partitions"
    if not members:
        return ok(check, f"no replica runs; {behind}")
    who = f"{members} replica{'s' * (members != 1)}"
    if described["group_state"] in _BALANCING:
        return warn(
            check,
            f"{who}, and has been sharing its partitions out anew for a while; {behind}",
            "Look again in a minute",
        )
    if predictions.partitions and members > predictions.partitions:
        idle = members - predictions.partitions
        return warn(
            check,
            f"{who} for {predictions.partitions} partitions; {behind}",
            f"{idle} of them stand{'s' * (idle == 1)} by: take fewer, or more partitions",
        )
    return ok(check, f"{who}; {behind}")


def _settled(admin: KafkaAdminClient, group: str) -> dict[str, Any]:
    """The group, once it has shared its partitions out, or after a while."""
    for _ in range(_LOOKS):
        described: dict[str, Any] = patiently(lambda: admin.describe_groups([group]))[group]
        if described.get("group_state") not in _BALANCING:
            break
        sleep(0.3)
    return described


def _lag(admin: KafkaAdminClient, config: Config, seen: Mapping[str, Seen]) -> tuple[int | None, int]:
    """Records that are not committed, in all partitions that the group has committed; None if there is none."""
    from kafka import TopicPartition
    from kafka.admin import OffsetSpec

    group, topics = group_of(config), Topics.of(config)
    committed = patiently(lambda: admin.list_group_offsets({group: None}))[group]
    ours = {
        where: each.offset
        for where, each in committed.items()
        if where.topic in topics.consumed and each.offset >= 0 and where.partition < seen[where.topic].partitions
    }
    if not ours:
        return None, 0
    ends = admin.list_partition_offsets({TopicPartition(*where): OffsetSpec.LATEST for where in ours})
    return sum(max(0, ends[where].offset - offset) for where, offset in ours.items()), len(ours)


def check_transactions(config: Config, members: int) -> Finding:
    """Begin a transaction, write nothing, and abort it.

    A configured id is tried only while nobody runs: whoever uses it anew puts out the one who used it before.
    """
    from kafka.errors import KafkaError

    from monitor.logs.kafka_writer import ExactlyOnce
    from monitor.operating.clients import settings_of

    check, named = "transactions", config.kafka.transactional_id
    if named is not None and members:
        return ok(check, f"not tried: a replica runs, and the id {named!r} may be its own")
    name = named or f"holdback-doctor-{uuid4()}"
    try:
        opened = ExactlyOnce(settings_of(config, "doctor"), name, config.kafka.transaction_timeout, {})
    except (RunError, KafkaError) as error:
        return _refused(check, named or "holdback-*", error)
    try:
        opened.begin()
        opened.abort()
    except RunError as error:
        return _refused(check, named or "holdback-*", error)
    finally:
        opened.close()
    return ok(check, f"one was begun and aborted, as {named or 'holdback-doctor-*'}")


def _refused(check: str, name: str, error: Exception) -> Finding:
    if "Authorization" in f"{error}{type(error.__cause__).__name__}":
        prefix = " (the resource holdback-, with the pattern type prefixed)" if name.endswith("*") else ""
        todo = f"Allow WRITE and DESCRIBE on transactional id {name}{prefix}"
        return fail(check, f"this user may not use transactional id {name}", todo)
    return fail(
        check,
        str(error),
        "The topic __transaction_state needs brokers for its copies: look at transaction.state.log.replication.factor",
    )
