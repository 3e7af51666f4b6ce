"""Following the ledger, and judging as long as this replica owns the summaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from fallback.types import Verdict
from monitor.judging.chronicle import Chronicle
from monitor.judging.judge import Judge
from monitor.judging.patches import unpatched
from monitor.judging.records import guarantee
from monitor.ledger.watch import LedgerWatch
from monitor.logs import Chunk, Log
from monitor.observing import Observation, Observer, Ruled
from monitor.summaries import decode_summaries
from monitor.topics import Topics

__all__ = ["Judging"]

_AT_ONCE = 1000
_FIRST_LOOK = 2000
_VERDICT = b'"kind":"verdict"'
_ORDER = b'"kind":"order"'
_ALARM = b'"kind":"alarm"'
_MOST_ALARMS = 256
_BASES = (b'"kind":"snapshot"', b'"kind":"start"')


class Judging:
    """Reads verdicts from the ledger, and writes them while it is the judge.

    A new judge reads the ledger to its end, restores the last snapshot, and judges again the summaries after it that
    the group has committed: the same bits as the judge before.

    Parameters
    ----------
    log, topics
        Where summaries and the ledger are.
    new_judge
        Makes a judge that knows nothing yet, and tells the given observer.
    observe
        Is told what the judge noticed, once that is in the ledger.
    versions
        Those of which there should be a verdict.
    hear
        Is told what the ledger says of operators' orders.
    chronicle
        Makes observations of what is read.
    """

    def __init__(
        self,
        log: Log,
        topics: Topics,
        new_judge: Callable[[Observer], Judge],
        observe: Observer = lambda _seen, /: None,
        versions: Iterable[str] = (),
        hear: Callable[[Mapping[str, Any]], None] = lambda _record: None,
        chronicle: Chronicle | None = None,
    ) -> None:
        self._log = log
        self._topics = topics
        self._new_judge = new_judge
        self._observe = observe
        self._versions = tuple(versions)
        self._hear = hear
        self._chronicle = chronicle or Chronicle()
        self._seen: list[Observation] = []
        self._judge: Judge | None = None
        self._generation = -1
        self._position: int | None = None
        self.verdicts: dict[str, Verdict] = {}
        self._heard: dict[str, Verdict] = {}
        self.watch = LedgerWatch()
        self.records = 0
        self._alarms: list[bytes] = []

    @property
    def judge_now(self) -> Judge | None:
        """The judge, if it is this replica."""
        return self._judge

    @property
    def is_new(self) -> bool:
        """Whether this replica has to take office, which may mean to begin the ledger."""
        return self._owns() and (self._judge is None or self._generation != self._log.generation)

    @property
    def has_alarms(self) -> bool:
        """Whether there are alarms that nobody has looked at."""
        return bool(self._alarms)

    def take_alarms(self) -> list[Mapping[str, Any]]:
        """Alarms that were read in the ledger since the last call; of too many, the first ones."""
        taken = [msgspec.json.decode(line) for line in self._alarms]
        self._alarms.clear()
        return taken

    def follow(self) -> None:
        """Read the verdicts that have been written since the last call."""
        if self._position is None:
            self._position = self._last_verdicts()
            # of what they are made of this replica has seen nothing
            self._alarms.clear()
        while (chunk := self._log.tail(self._topics.ledger, 0, self._position, _AT_ONCE)).values:
            self._position = chunk.offsets[-1] + 1
            self._note(chunk)
        if self._judge is None:
            # the judge tells its own word; to all others it is news
            for version, verdict in self._heard.items():
                self._observe(Ruled(version=version, verdict=verdict, guarantee=guarantee(verdict)))
        self._heard.clear()
        for seen in self._chronicle.news(judging=self._judge is not None):
            self._observe(seen)

    def judge(self, chunks: Sequence[Chunk], time: float) -> list[bytes]:
        """Lines for the ledger: those that begin it, and what the polled summaries bring."""
        if not self._owns():
            self._judge = None
            return []
        lines = self._take_office(time)
        if self._judge is not None:
            for chunk in chunks:
                lines += self._judge.judge(decode_summaries(chunk.values), chunk.offsets, chunk.topic)
        return lines

    def tell(self) -> None:
        """What was judged is written: tell of it."""
        seen, self._seen = self._seen, []
        for each in seen:
            self._observe(each)

    def forget(self) -> None:
        """What was judged was not written: begin again from the ledger, and tell nobody."""
        self._judge = None
        self._seen = []

    def _take_note(self, seen: Observation, /) -> None:
        self._seen.append(seen)

    def _owns(self) -> bool:
        return (self._topics.summaries, 0) in self._log.assignment()

    def _take_office(self, time: float) -> list[bytes]:
        """Become the judge, if it is not so yet; lines that begin the ledger, or a new promise in it."""
        if self._judge is not None and self._generation == self._log.generation:
            return []
        self._judge, self._generation = self._new_judge(self._take_note), self._log.generation
        # in this order: once the offset is settled, nothing more can come into the ledger from the judge before
        committed = self._log.committed(self._topics.summaries, 0)
        base, rest, last = self._read_ledger()
        if base is None or not self._judge.accepts(msgspec.json.decode(base)):
            if last is not None:
                self._judge.resume(last)
            ended = unpatched(None if base is None else msgspec.json.decode(base), rest, self._judge.digests(), time)
            return self._judge.begin(time, committed, ended)
        fields = msgspec.json.decode(base)
        self._judge.resume(base)
        self._judge.restore(fields, rest)
        self._again(fields["offset"], committed)
        # the judge before told of these
        self._seen = []
        if last is not None:
            self._judge.resume(last)
        return []

    def _note(self, chunk: Chunk) -> None:
        self.records += len(chunk.values)
        self.watch.read(chunk.values)
        for line in chunk.values:
            if _VERDICT in line[:200]:
                record = msgspec.json.decode(line)
                verdict = Verdict.from_builtins(record["verdict"])
                self.verdicts[record["version"]] = self._heard[record["version"]] = verdict
                self._chronicle.ruled(record)
            elif _ORDER in line[:200]:
                self._hear(msgspec.json.decode(line))
            else:
                self._chronicle.read(line)
                if _ALARM in line[:200] and len(self._alarms) < _MOST_ALARMS:
                    self._alarms.append(line)

    def _last_verdicts(self) -> int:
        """Where to begin to follow: late enough to be quick, early enough to know verdicts and breakers."""
        for start in self._starts():
            chunks, self.watch = list(self._blocks(start)), LedgerWatch()
            self._chronicle.begin_again()
            for chunk in chunks:
                self._note(chunk)
            if start == 0 or (self.verdicts.keys() >= set(self._versions) and self._chronicle.is_whole):
                return chunks[-1].offsets[-1] + 1 if chunks else start
        return 0

    def _read_ledger(self) -> tuple[bytes | None, list[bytes], bytes | None]:
        """The last record that a judge can begin from, the records after it, and the last one of all."""
        for start in self._starts():
            base: bytes | None = None
            rest: list[bytes] = []
            last: bytes | None = None
            for chunk in self._blocks(start):
                for line in chunk.values:
                    last = line
                    if any(kind in line[:200] for kind in _BASES):
                        base, rest = line, []
                    else:
                        rest.append(line)
            if base is not None or start == 0:
                return base, rest, last
        return None, [], None

    def _starts(self) -> Iterator[int]:
        """Offsets from which the end of the ledger can be read: near it, then farther away; it is kept for ever."""
        end, back = self._log.end(self._topics.ledger, 0), _FIRST_LOOK
        while back < end:
            yield end - back
            back *= 8
        yield 0

    def _blocks(self, offset: int) -> Iterator[Chunk]:
        """All of the ledger from `offset` on."""
        while (chunk := self._log.read(self._topics.ledger, 0, offset, _AT_ONCE)).values:
            yield chunk
            offset = chunk.offsets[-1] + 1

    def _again(self, offset: int, committed: int) -> None:
        """Judge again the summaries between a snapshot and what the group has committed."""
        while offset < committed and self._judge is not None:
            chunk = self._log.read(self._topics.summaries, 0, offset, _AT_ONCE)
            if not chunk.values:
                return
            kept = sum(each < committed for each in chunk.offsets)
            self._judge.judge(decode_summaries(chunk.values[:kept]), chunk.offsets[:kept], chunk.topic)
            offset = chunk.offsets[-1] + 1
