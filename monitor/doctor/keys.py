"""Whether outcomes can meet their predictions: both must lie in the partition of the same number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from monitor.doctor.findings import Finding, fail, ok, warn

__all__ = ["Sampled", "check_keys", "partitioner"]

_ENOUGH = 10
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Sampled:
    """A record that was looked at: where it lies, its key, and the id in it; None if it has none."""

    partition: int
    key: bytes | None
    id: str | None

    @property
    def keyed(self) -> bool:
        """Whether its key is its id."""
        return self.id is not None and self.key == self.id.encode()


def check_keys(
    predictions: Sequence[Sampled], outcomes: Sequence[Sampled], partitions: int, murmur2: Callable[[bytes], int]
) -> list[Finding]:
    """Compare the last records of both topics."""
    found = [*_keyed("predictions", predictions), *_keyed("outcomes", outcomes)]
    apart, together = _apart(predictions, outcomes)
    if apart:
        id_, one, other = apart[0]
        found.append(
            fail(
                "same partition",
                f"{len(apart):,} of {len(apart) + together:,} outcomes lie elsewhere than their prediction, as that of "
                f"{id_[:80]!r}: partition {other}, its prediction {one}. They will never meet",
                "Write both with the id as key, and with the same partitioner",
            )
        )
        return found
    by, others_by = (partitioner(each, partitions, murmur2) for each in (predictions, outcomes))
    if by and others_by and by != others_by:
        found.append(
            fail(
                "same partition",
                f"predictions are spread by {by}, outcomes by {others_by}: of one id they lie in different partitions",
                "Give both producers the same partitioner (librdkafka: partitioner=murmur2_random)",
            )
        )
    elif predictions and outcomes and not found:
        told = f"all {together:,} that are in both samples do" if together else "no id is in both samples yet"
        found.append(ok("same partition", f"outcomes lie where their predictions do: {told}"))
    return found or [ok("same partition", "there are not both predictions and outcomes yet")]


def _keyed(kind: str, sampled: Sequence[Sampled]) -> Iterator[Finding]:
    readable = [each for each in sampled if each.id is not None]
    others = [each for each in readable if not each.keyed]
    if not others:
        return
    bare = sum(each.key is None for each in others)
    how = "have no key" if bare == len(others) else "have another key than their id"
    yield warn(
        f"keys of {kind}",
        f"{len(others):,} of the last {len(readable):,} {how}: what lies where is left to chance",
        "Write each record with its id as key",
    )


def _apart(predictions: Sequence[Sampled], outcomes: Sequence[Sampled]) -> tuple[list[tuple[str, int, int]], int]:
    """(id, partition of the prediction, of the outcome) of those that differ, and how many do not."""
    at = {each.id: each.partition for each in predictions if each.id is not None}
    pairs = [(each.id, at[each.id], each.partition) for each in outcomes if each.id is not None and each.id in at]
    return [pair for pair in pairs if pair[1] != pair[2]], sum(one == other for _, one, other in pairs)


def partitioner(sampled: Sequence[Sampled], partitions: int, murmur2: Callable[[bytes], int]) -> str | None:
    """By which hash of its key a topic's records are spread; None if neither fits, or it can't be told."""
    keyed = [(each.key, each.partition) for each in sampled if each.key]
    if partitions <= 1 or len(keyed) < _ENOUGH:
        return None
    ways: dict[str, Callable[[bytes], int]] = {
        "murmur2 (Java's clients, kafka-python)": lambda key: (murmur2(key) & 0x7FFFFFFF) % partitions,
        "CRC-32 (librdkafka's default)": lambda key: crc32(key) % partitions,
    }
    fits = [name for name, way in ways.items() if all(way(key) == where for key, where in keyed)]
    return fits[0] if len(fits) == 1 else None
