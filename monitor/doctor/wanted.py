"""What each topic should be like: its partitions, who does what to it, and how long it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from monitor.config import Config
from monitor.topics import Topics

__all__ = ["BROKERS_BYTES", "DAY_MS", "FOR_EVER", "Wanted", "letter_bytes", "wanted"]

BROKERS_BYTES = 1_048_588
"""The longest batch that a broker takes unless it is told otherwise."""
DAY_MS = 86_400_000
FOR_EVER = -1
_LIFETIMES = 2
"""A replica that takes partitions over reads back decisions of twice the time in which their outcomes may come, so that
after an outage none is forgotten; once that time is enough as long as there is none."""
_BASE64 = 4 / 3
_WORDS = 8192
"""Bytes around the record in a dead letter: reason, detail, source."""
_LEDGER_BYTES = 16 << 20
"""A snapshot has some tens of kB, but grows with views and versions; a judge that can't write one can't go on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as it should be.

    Attributes
    ----------
    kind, name
        What it is for, and what it is called.
    single
        Whether it has exactly one partition; else as many as the predictions.
    reads, writes
        Whether the sidecar reads it, and writes it.
    keyed
        Whether its records have keys. Those of others a compacted topic would refuse.
    keep
        Milliseconds that its records are needed; FOR_EVER; None where only its producer knows.
    settings
        What it is created with beside the broker's defaults.
    """

    kind: str
    name: str
    single: bool
    reads: bool
    writes: bool
    keyed: bool
    keep: int | None
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def wanted(config: Config) -> dict[str, Wanted]:
    """Every topic by its kind."""
    topics = Topics.of(config)
    labels = _ms(config.outcomes.expire)
    people = _ms(config.reviews.expire)
    keep: dict[str, int | None] = {
        "predictions": None,
        "outcomes": None,
        "decisions": labels,
        "joined": labels,
        "reviews": people,
        "answers": people,
        "dead_letters": None,
        "summaries": 7 * DAY_MS,
        "ledger": FOR_EVER,
    }
    consumed, written = set(topics.consumed), topics.written
    found = {}
    for kind, needed in keep.items():
        name = getattr(topics, kind)
        found[kind] = Wanted(
            kind,
            name,
            single=kind in ("summaries", "ledger"),
            reads=name in consumed or kind in ("decisions", "joined", "reviews", "ledger"),
            writes=name in written,
            keyed=kind not in ("summaries", "ledger", "dead_letters"),
            keep=needed,
            settings=MappingProxyType(_settings(kind, needed, config)),
        )
    return found


def _settings(kind: str, keep: int | None, config: Config) -> dict[str, str]:
    settings = {"cleanup.policy": "delete"}
    if kind == "ledger":
        settings |= {"retention.ms": str(FOR_EVER), "retention.bytes": "-1", "max.message.bytes": str(_LEDGER_BYTES)}
    elif kind == "summaries":
        settings |= {"retention.ms": str(keep)}
    elif kind in ("decisions", "joined") and keep is not None:
        settings |= {"retention.ms": str(max(_LIFETIMES * keep, 7 * DAY_MS))}
    if kind in ("decisions", "reviews", "dead_letters"):
        # these hold what came in, and more: a dead letter the whole record, in base64
        settings |= {"max.message.bytes": str(letter_bytes(max(config.kafka.max_bytes, BROKERS_BYTES)))}
    return settings


def letter_bytes(record: int) -> int:
    """The size of a dead letter with a record of so many bytes."""
    return int(record * _BASE64) + _WORDS


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
