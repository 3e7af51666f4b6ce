"""The topic of dead letters: what could not be taken, and how it is given back to the topic that it came from."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from monitor.config import Config
from monitor.errors import RunError
from monitor.event_ids import id_of, kind_of
from monitor.events import DeadLetter, DeadLetterReason, epoch_seconds
from monitor.operating.clients import producer, reader, require
from monitor.topics import Topics

if TYPE_CHECKING:
    from monitor.operating.topic_reader import TopicReader

__all__ = ["Letter", "Replayed", "Wish", "choose", "letters", "replay"]

_AGE_SECONDS = 3600.0
_AT_ONCE = 500
_SEND_SECONDS = 60.0
_TWICE = DeadLetterReason.DUPLICATE
_decode = msgspec.json.Decoder(DeadLetter).decode


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, where it lies in the topic of dead letters, and when it was written there."""

    partition: int
    offset: int
    written: float
    letter: DeadLetter

    @property
    def place(self) -> str:
        """Its name in lists, and for `--at`."""
        return f"{self.partition}:{self.offset}"

    @property
    def id(self) -> str | None:
        """The request's id, if one can be found in the bytes."""
        return id_of(self.letter.payload)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which letters are meant: those of these reasons, ids or places. Nothing said: all but duplicates."""

    reasons: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    def means(self, each: Letter) -> bool:
        """Whether it means this letter."""
        if self.places or self.ids:
            named = each.place in self.places or (bool(self.ids) and each.id in self.ids)
            return named and (not self.reasons or each.letter.reason in self.reasons)
        if self.reasons:
            return each.letter.reason in self.reasons
        return each.letter.reason is not _TWICE


@dataclass(slots=True)
class Replayed:
    """What became of the chosen letters: how many went back to which topic, and how many could not."""

    written: dict[str, int] = field(default_factory=dict)
    elsewhere: dict[str, int] = field(default_factory=dict)
    """From topics that are neither this configuration's predictions nor its outcomes."""
    empty: int = 0
    """Records that had no value."""


def letters(opened: TopicReader, config: Config, since: float | None = None) -> Iterator[Letter]:
    """Every dead letter, partition by partition, or those that were written since a time."""
    topic = Topics.of(config).dead_letters
    require(opened, config, "dead_letters")
    for partition, end in opened.ends(topic).items():
        offset = 0 if since is None else opened.since(topic, partition, since)
        while offset < end and (chunk := opened.read(topic, partition, offset, _AT_ONCE)).values:
            for at, value, written in zip(chunk.offsets, chunk.values, chunk.times, strict=True):
                try:
                    yield Letter(partition, at, written, _decode(value))
                except msgspec.MsgspecError as error:
                    raise RunError(
                        f"record {partition}:{at} of {topic} is no dead letter: {error}. Who else writes there?"
                    ) from error
            offset = chunk.offsets[-1] + 1


def choose(found: Iterable[Letter], wish: Wish) -> list[Letter]:
    """Those that are meant."""
    return [each for each in found if wish.means(each)]


def replay(config: Config, wish: Wish, since: float | None = None, *, dry: bool = False) -> Replayed:
    """Write the original bytes of the chosen letters to where they came from, each with its time, or a late one.

    What is wrong with them still makes dead letters of them again.
    """
    topics, result = Topics.of(config), Replayed()
    known = (topics.predictions, topics.outcomes)
    with reader(config, "dead-letters") as opened:
        require(opened, config, "predictions", "outcomes")
        chosen = choose(letters(opened, config, since), wish)
        counts = {topic: opened.partitions(topic) for topic in known}
    for each in chosen:
        topic = each.letter.source.topic
        if topic not in known:
            result.elsewhere[topic] = result.elsewhere.get(topic, 0) + 1
        elif not each.letter.payload:
            result.empty += 1
        else:
            result.written[topic] = result.written.get(topic, 0) + 1
    if result.written and not dry:
        _write(config, [each for each in chosen if each.letter.source.topic in known and each.letter.payload], counts)
    return result


def _write(config: Config, chosen: Collection[Letter], counts: dict[str, int]) -> None:
    """Send them; returns once the broker has them all."""
    with producer(config, "dead-letters") as out:
        for topic in counts:
            out.partitions_for(topic)
        sent, oldest = [], time.time() - _AGE_SECONDS
        for each in chosen:
            source, id_ = each.letter.source, each.id
            sent.append(
                out.send(
                    source.topic,
                    each.letter.payload,
                    None if id_ is None else id_.encode(),
                    [("content-type", kind_of(each.letter.payload).encode())],
                    # what was written anew when it expired has no place of its own any more: its id finds one
                    source.partition if 0 <= source.partition < counts[source.topic] and source.offset >= 0 else None,
                    # one older than the topic keeps would be gone before it is read
                    int(max(epoch_seconds(each.letter.time), oldest) * 1000),
                )
            )
        out.flush(timeout=_SEND_SECONDS)
        for future in sent:
            future.get(timeout=0)
