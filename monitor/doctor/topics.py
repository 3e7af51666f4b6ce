"""The topics: are they there, with the partitions, rights and settings that they need?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitor.config import Config
from monitor.doctor.findings import Finding, fail, ok, warn
from monitor.doctor.seen import Seen
from monitor.doctor.wanted import BROKERS_BYTES, DAY_MS, FOR_EVER, Wanted, letter_bytes

__all__ = ["check_counts", "check_topic"]

_CREATE = "`holdback doctor --fix` creates it"
_COPIES = 3
_SHOWN = 5


def check_counts(wanted: Mapping[str, Wanted], seen: Mapping[str, Seen]) -> Iterator[Finding]:
    """Records of one id must meet in one partition number, so these topics need equally many."""
    counts = {each.name: seen[each.name].partitions for each in wanted.values() if not each.single}
    there = {name: n for name, n in counts.items() if n}
    if len(set(there.values())) > 1:
        told = ", ".join(f"{name} {n}" for name, n in there.items())
        yield fail(
            "partitions",
            f"these topics need equally many partitions, or outcomes miss their predictions: {told}",
            f"Give each {max(there.values())} while nothing is in them, or create those that differ anew",
        )
    elif there:
        yield ok("partitions", f"{next(iter(there.values()))} in each of {len(there)} topics")


def check_topic(want: Wanted, seen: Seen, config: Config, limits: Mapping[str, int | None]) -> list[Finding]:
    """All about one topic: its faults, or one line that says that there are none.

    `limits` are the longest records that come in, by topic.
    """
    check = f"topic {want.name}"
    if not seen.partitions:
        if seen.forbidden:
            todo = f"Allow {', '.join(sorted(_needed(want)))} on topic {want.name}, and see then whether it exists"
            return [fail(check, "this user may not see it", todo)]
        return [fail(check, "it does not exist, or this user may not see it", _CREATE)]
    faults = [
        *_partitions(check, want, seen),
        *_rights(check, want, seen),
        *_cleanup(check, want, seen),
        *_retention(check, want, seen),
        *_copies(check, seen, config),
        *_sizes(check, want, seen, limits),
    ]
    return faults or [ok(check, ", ".join(_summary(want, seen)))]


def _partitions(check: str, want: Wanted, seen: Seen) -> Iterator[Finding]:
    if want.single and seen.partitions != 1:
        yield fail(
            check,
            f"it has {seen.partitions} partitions, and must have exactly one: there is one judge, and one order",
            "Delete it while it is empty, then `holdback doctor --fix`; or name another topic in the configuration",
        )
    if seen.leaderless:
        some = ", ".join(map(str, seen.leaderless[:_SHOWN]))
        yield fail(check, f"no broker leads partition {some}", "Bring the brokers back that hold its copies")


def _rights(check: str, want: Wanted, seen: Seen) -> Iterator[Finding]:
    missing = sorted(_needed(want) - seen.rights) if seen.rights is not None else []
    if missing:
        verbs = " and ".join({"READ": "read", "WRITE": "write to"}[each] for each in missing)
        yield fail(check, f"this user may not {verbs} it", f"Allow {' and '.join(missing)} on topic {want.name}")


def _needed(want: Wanted) -> set[str]:
    return ({"READ"} if want.reads else set()) | ({"WRITE"} if want.writes else set())


def _cleanup(check: str, want: Wanted, seen: Seen) -> Iterator[Finding]:
    if "compact" not in seen.settings.get("cleanup.policy", ""):
        return
    todo = f"Set cleanup.policy=delete on topic {want.name}"
    if not want.keyed:
        yield fail(check, "it is compacted, and the broker refuses its records, which have no keys", todo)
    elif want.writes:
        yield warn(check, "it is compacted: of records with one id all but the last are lost", todo)


def _retention(check: str, want: Wanted, seen: Seen) -> Iterator[Finding]:
    kept, most = seen.number("retention.ms"), seen.number("retention.bytes")
    if want.keep is None or "delete" not in seen.settings.get("cleanup.policy", "delete"):
        return
    if kept is not None and kept != FOR_EVER and (want.keep == FOR_EVER or kept < want.keep):
        needed = "for ever" if want.keep == FOR_EVER else f"for {_span(want.keep)}"
        yield warn(
            check,
            f"its records are kept for {_span(kept)}, and are needed {needed}: {_LOST[want.kind]}",
            f"Set retention.ms={want.keep} on topic {want.name}",
        )
    if most is not None and most != FOR_EVER:
        yield warn(
            check,
            f"beyond {most:,} bytes a partition its oldest records are lost: {_LOST[want.kind]}",
            f"Set retention.bytes=-1 on topic {want.name}",
        )


_LOST = {
    "ledger": "what was decided could not be proven any more",
    "summaries": "a judge could not be restored, nor a verdict derived again",
    "decisions": "a replica that takes over would not know which decisions still wait for their outcome",
    "joined": "a replica that takes over would count outcomes a second time",
    "reviews": "a replica that takes over would forget who waits for a person",
    "answers": "a replica that takes over would ask for what was answered",
}


def _copies(check: str, seen: Seen, config: Config) -> Iterator[Finding]:
    least = seen.number("min.insync.replicas")
    if least is not None and seen.in_sync < least:
        why = f"{least} copies must have a record before it counts as written, and {seen.in_sync} are up to date"
        todo = "Bring brokers back" if seen.copies >= least else f"Set min.insync.replicas={seen.copies}, or add copies"
        yield fail(check, why, todo)
    elif least == 1 and seen.copies >= _COPIES:
        yield warn(
            check,
            f"a record counts as written once one of {seen.copies} copies has it: it is lost with that broker",
            "Set min.insync.replicas=2",
        )
    if seen.copies < config.kafka.replication:
        yield warn(
            check,
            f"it has {seen.copies} copies, kafka.replication says {config.kafka.replication}",
            "Add copies (kafka-reassign-partitions), or create it anew",
        )


def _sizes(check: str, want: Wanted, seen: Seen, limits: Mapping[str, int | None]) -> Iterator[Finding]:
    longest = seen.number("max.message.bytes")
    if want.kind != "dead_letters" or longest is None:
        return
    needed = letter_bytes(max((each for each in limits.values() if each is not None), default=BROKERS_BYTES))
    if longest < needed:
        yield warn(
            check,
            f"it takes records of {longest:,} bytes, but a dead letter holds all that was read, in base64: one of a "
            f"very large record could not be written, and the sidecar would not get past it",
            f"Set max.message.bytes={needed} on topic {want.name}",
        )


def _summary(want: Wanted, seen: Seen) -> Iterator[str]:
    yield f"{seen.partitions} partition{'s' * (seen.partitions != 1)}"
    may = [word for word, right in (("read", "READ"), ("write", "WRITE")) if right in _needed(want)]
    if seen.rights is None:
        yield f"whether it may {' and '.join(may)} the broker does not say"
    else:
        yield f"may {' and '.join(may)}"
    kept = seen.number("retention.ms")
    if kept is not None:
        yield "kept for ever" if kept == FOR_EVER else f"kept for {_span(kept)}"
    yield f"{seen.copies} {'copy' if seen.copies == 1 else 'copies'}"


def _span(milliseconds: int) -> str:
    if milliseconds >= DAY_MS:
        return f"{milliseconds / DAY_MS:.4g} d"
    if milliseconds >= 3_600_000:
        return f"{milliseconds / 3_600_000:.4g} h"
    return f"{milliseconds / 1000:.4g} s"
