"""JSON lines: events that are passed on byte for byte, or flat rows."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from monitor.errors import UsageError
from monitor.events import label_text, parse_time
from monitor.tables.batches import RawBatch
from monitor.tables.flags import flag_of
from monitor.tables.sources import Piece

__all__ = ["EventLines", "FlatLines", "has_events"]

_LONGEST = 64 * 2**20  # a line beyond this is passed on in pieces: nothing is lost, and memory stays bounded
_SNIFFED = 1000
_BATCH_BYTES = 32 * 2**20

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


def has_events(path: Path) -> bool:
    """Whether the lines are events, with `features` or `output` in them; else they are flat rows.

    Raises UsageError if there is no line at all.
    """
    objects = 0
    for number, (line, _) in enumerate(_lines(path)):
        if isinstance(found := _lenient(line), dict):
            objects += 1
            if isinstance(found.get("features"), dict | list) or isinstance(found.get("output"), dict):
                return True
        if number >= _SNIFFED:
            break
    else:
        if objects == 0 and next(_lines(path), None) is None:
            raise UsageError(f"{path} is empty: it needs events, one JSON object a line")
    return objects == 0


class EventLines:
    """Lines that are events already: the bytes of each are the prediction, unreadable or not."""

    def __init__(
        self, path: Path, outcome: str | None, flag: str | None = None, *, every: float, first_time: float, rows: int
    ) -> None:
        self._path = path
        self._rows = rows
        self._every = every
        self._last_time = first_time - every
        fields: list[Any] = [(name, Any, None) for name in ("id", "time", "output", "truth")]
        peek = msgspec.defstruct("Peek", fields, rename={"truth": outcome or "outcome"})
        self._peek = msgspec.json.Decoder(peek)
        self._flag = flag

    def batches(self) -> Iterator[RawBatch]:
        """Batches of at most so many lines and some megabytes."""
        first = 0
        for lines, progress in _gathered(self._path, self._rows):
            yield self._batch(lines, first, progress)
            first += len(lines)

    def _batch(self, lines: list[bytes], first: int, progress: float) -> RawBatch:
        seen = [self._look(line) for line in lines]
        return RawBatch(
            first=first,
            predictions=lines,
            ids=[s[0] for s in seen],
            times=np.array([s[1] for s in seen], dtype=np.float64),
            outcomes=[s[2] for s in seen],
            truth=[s[3] for s in seen],
            progress=progress,
            flags=[s[4] for s in seen],
        )

    def _look(self, line: bytes) -> tuple[str | None, float, bytes | None, str | float | None, bytes | None]:
        """Id, time, outcome, truth and flag of a line, as far as it has them."""
        event = self._event(line)
        found = _moment(event.time)
        if found is not None:
            self._last_time, self._every = (
                found,
                0.0,
            )  # from now on an event without a time comes with the one before it
        else:
            self._last_time += self._every
        if not isinstance(event.id, str):
            return None, self._last_time, None, None, None
        valued = isinstance(event.output, dict) and _is_number(event.output)
        key, truth = ("value", _number(event.truth)) if valued else ("label", _label(event.truth))
        record = None if truth is None else _encode({"id": event.id, key: truth})
        return event.id, self._last_time, record, truth, None if self._flag is None else self._flagged(event.id, line)

    def _flagged(self, name: str, line: bytes) -> bytes | None:
        event = _lenient(line)
        return flag_of(name, _label(event.get(self._flag))) if isinstance(event, dict) else None

    def _event(self, line: bytes) -> Any:
        try:
            return self._peek.decode(line)
        except _UNREADABLE:
            # Python's reader takes NaN, as the decoder of events does; what neither can read has no id and no outcome.
            found = _lenient(line)
            return msgspec.convert(found if isinstance(found, dict) else {}, self._peek.type)


class FlatLines:
    """Lines that are flat rows, such as {"age": 61, "y_pred": 1}. What is no such row is passed on as it is."""

    text = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self.names = tuple(dict.fromkeys(name for piece in self._some() for name in piece.table.schema.names))

    def pieces(self) -> Iterator[Piece]:
        """Batches of rows; a column that they lack is missing in all of them."""
        for lines, progress in _gathered(self._path, 8192):
            rows, unreadable = _rows(lines)
            yield Piece(_table(rows, self.names), progress, unreadable)

    def _some(self) -> Iterator[Piece]:
        for lines, progress in _gathered(self._path, _SNIFFED):
            yield Piece(_table(_rows(lines)[0], ()), progress)
            return


def _rows(lines: list[bytes]) -> tuple[list[dict[str, Any]], list[bytes]]:
    rows: list[dict[str, Any]] = []
    unreadable = []
    for line in lines:
        found = _lenient(line)
        if isinstance(found, dict) and not any(isinstance(value, dict | list) for value in found.values()):
            rows.append(found)
        else:
            unreadable.append(line)
    return rows, unreadable


def _table(rows: list[dict[str, Any]], names: Sequence[str]) -> Any:
    """Columns of the rows, `names` first and then whatever else there is."""
    import pyarrow as pa

    columns = {
        name: _column([row.get(name) for row in rows])
        for name in dict.fromkeys([*names, *(k for row in rows for k in row)])
    }
    return pa.RecordBatch.from_pydict(columns)


def _column(values: list[Any]) -> Any:
    import pyarrow as pa

    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {bool} or kinds == {str}:
        return pa.array(values)
    if kinds == {int} and all(value is None or abs(value) < 2**63 for value in values):
        return pa.array(values, pa.int64())
    if kinds <= {int, float}:
        return pa.array([None if value is None else _float(value) for value in values], pa.float64())
    return pa.array([label_text(value) for value in values], pa.string())


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _lenient(line: bytes) -> Any:
    """The line's value, NaN and Infinity allowed; None if it cannot be read."""
    try:
        return _decode(line)
    except _UNREADABLE:
        pass
    try:
        return json.loads(line)
    except _UNREADABLE:
        return None


def _is_number(output: dict[str, Any]) -> bool:
    """Whether a model predicts a number: it gives one, or draws or quantiles of one."""
    samples = output.get("samples")
    drawn = isinstance(samples, list) and bool(samples) and isinstance(samples[0], int | float)
    return output.get("value") is not None or drawn or output.get("quantiles") is not None


def _moment(value: Any) -> float | None:
    try:
        return parse_time(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _label(value: Any) -> str | None:
    return label_text(value) or None if isinstance(value, str | int | float) else None


def _number(value: Any) -> float | None:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    return float(number) if math.isfinite(number) else None


def _gathered(path: Path, rows: int) -> Iterator[tuple[list[bytes], float]]:
    """Lines with something on them, some at a time, and how much of the file has been read."""
    lines: list[bytes] = []
    size, progress = 0, 0.0
    for line, progress in _lines(path):
        lines.append(line)
        size += len(line)
        if len(lines) >= rows or size >= _BATCH_BYTES:
            yield lines, progress
            lines, size = [], 0
    if lines:
        yield lines, 1.0


def _lines(path: Path) -> Iterator[tuple[bytes, float]]:
    with _opened(path) as (stream, raw, size):
        while line := stream.readline(_LONGEST):
            body = line.rstrip(b"\r\n")
            if body.strip():
                yield body, raw.tell() / size


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes], int]]:
    """A stream of lines, the file below it, and the file's size."""
    try:
        with path.open("rb") as raw:
            size = max(path.stat().st_size, 1)
            if path.suffix == ".gz":
                with gzip.open(raw) as stream:
                    yield stream, raw, size  # type: ignore[misc]  # a GzipFile reads as any binary file does
            else:
                yield raw, raw, size
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
