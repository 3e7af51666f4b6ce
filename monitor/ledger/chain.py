"""The ledger: JSON lines of which each carries the hash of the one before, so that no change of the past goes unseen.

A record is `{"seq":N,"prev":HASH,"time":"RFC 3339","kind":"...", its fields...,"hash":HASH}`; `hash` is the SHA-256 of
the line's bytes before `,"hash"`, and `prev` is the `hash` of the line before. Whoever keeps the last hash, the head,
elsewhere can also tell that the end was not cut off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import CheckFailed
from monitor.events.times import format_time, parse_time

__all__ = ["GENESIS", "Chain", "LedgerBroken", "Verified", "read_ledger", "read_lines", "verify"]

GENESIS = "0" * 64
"""What the first record names as the hash before it."""

_RESERVED = frozenset({"seq", "prev", "time", "kind", "hash"})
_TAIL = len(',"hash":""}') + 64
# \Z, not $, which lets a newline follow.
_LINE = re.compile(
    rb'\{"seq":(0|[1-9][0-9]{0,17}),"prev":"([0-9a-f]{64})","time":"([^"\\]{20,40})","kind":"[^"\\]+"[,].*\}\Z',
    re.DOTALL,
)
_END = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')


class LedgerBroken(CheckFailed):
    """A ledger is not what was written: `line` (from 1) is the first bad one, `what` says what is wrong with it."""

    def __init__(self, line: int, what: str) -> None:
        self.line = line
        self.what = what
        super().__init__(f"the ledger is broken at line {line}: {what}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A ledger that holds: its number of records, and the hash of the last."""

    records: int
    head: str


def _plain(value: Any) -> Any:
    """What msgspec does not know: numpy's numbers and arrays."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a ledger record cannot hold {value!r} of type {type(value).__name__}")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)


@dataclass(slots=True)
class Chain:
    """The writing end of a ledger: the `seq` of the next record, and the hash of the last.

    A plain value: whoever may have to take back what it wrote keeps `dataclasses.replace(chain)` from before.
    """

    seq: int = 0
    head: str = GENESIS

    @classmethod
    def resume(cls, last_line: bytes) -> Chain:
        """Go on behind `last_line`, the last record of a ledger; raises LedgerBroken if it is not a whole one."""
        line = last_line.removesuffix(b"\n")
        seq, _, own = _check_line(line, 1)
        return cls(seq + 1, own)

    def append(self, kind: str, time: float, fields: Mapping[str, Any]) -> bytes:
        """The next record as a line without its newline; `fields` keep their order, NaN and infinity are null."""
        if clash := _RESERVED & fields.keys():
            raise ValueError(f"a ledger record has its own {', '.join(sorted(clash))}; name these fields otherwise")
        record = {"seq": self.seq, "prev": self.head, "time": format_time(time), "kind": kind, **fields}
        body = _ENCODER.encode(record)[:-1]
        self.head = sha256(body).hexdigest()
        self.seq += 1
        return b'%b,"hash":"%b"}' % (body, self.head.encode())


def verify(lines: Iterable[bytes], head: str | None = None) -> Verified:
    """Check every byte of a ledger, with or without newlines at the ends of its lines.

    With `head`, its last record must have this hash. Raises LedgerBroken at the first thing that is wrong.
    """
    before, count, seen = GENESIS, 0, 0
    for count, line in enumerate(lines, start=1):
        seq, prev, own = _check_line(line.removesuffix(b"\n"), count)
        if seq != count - 1:
            raise LedgerBroken(count, f"its seq is {seq}, not {count - 1}: records are missing, added or out of order")
        if prev != before:
            raise LedgerBroken(count, f"it follows the record with hash {prev}, not the one before it, {before}")
        before = own
        if own == head:
            seen = count
    if head is not None and before != head:
        raise LedgerBroken(max(count, 1), _wrong_head(before, head, seen))
    return Verified(count, before)


def read_ledger(path: Path | str) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Each record of a ledger file, decoded, with its line as it stands there, without the newline.

    Reads as it goes; does not check the chain. Raises LedgerBroken where a line cannot be read.
    """
    with Path(path).open("rb") as file:
        yield from read_lines(file)


def read_lines(lines: Iterable[bytes]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """As `read_ledger`, from lines with or without newlines at their ends."""
    for number, raw in enumerate(lines, start=1):
        line = raw.removesuffix(b"\n")
        yield _decode(line, number), line


def _check_line(line: bytes, number: int) -> tuple[int, str, str]:
    """The seq, prev and hash of a line that is a whole record by itself."""
    if not line.strip():
        raise LedgerBroken(number, "it is blank")
    end = _END.search(line, max(len(line) - _TAIL, 0))
    if end is None:
        raise LedgerBroken(number, 'it does not end in ,"hash":"64 hex digits"}: it was changed or cut off')
    body, own = line[: end.start()], end[1].decode()
    if (computed := sha256(body).hexdigest()) != own:
        raise LedgerBroken(number, f"its hash is {computed}, not {own} as it says: it was changed")
    # The hash holds, so what follows can only be wrong if someone wrote it so.
    start = _LINE.match(line)
    if start is None:
        raise LedgerBroken(number, 'it does not begin with {"seq":N,"prev":"64 hex digits","time":"...","kind":"..."')
    _decode(line, number)
    _refuse_repeated_keys(line, number)
    try:
        parse_time(start[3].decode())
    except ValueError as error:
        raise LedgerBroken(number, f"its time is unreadable: {error}") from error
    return int(start[1]), start[2].decode(), own


def _decode(line: bytes, number: int) -> dict[str, Any]:
    try:
        record = msgspec.json.decode(line, type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise LedgerBroken(number, f"it is not JSON: {error}") from error
    return record


def _refuse_repeated_keys(line: bytes, number: int) -> None:
    """Of two fields with one name, readers would see one or the other."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            names = [name for name, _ in items]
            raise LedgerBroken(number, f"it has {next(n for n in names if names.count(n) > 1)!r} twice")
        return found

    try:
        json.loads(line, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        raise LedgerBroken(number, f"it is not JSON: {error}") from error


def _wrong_head(last: str, head: str, seen: int) -> str:
    if seen:
        return f"the head {head} is that of line {seen}, but more records follow it"
    return f"the ledger ends with hash {last}, not with {head}: its end was cut off, or it is another ledger"
