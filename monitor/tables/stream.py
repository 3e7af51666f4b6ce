"""Opens a recorded stream by its suffix and hands it over a batch at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from monitor.config import Config
from monitor.errors import UsageError
from monitor.tables.batches import FIRST_TIME, RawBatch
from monitor.tables.cells import labels_of, moments_of, numbers_of, parsed
from monitor.tables.lines import EventLines, FlatLines, has_events
from monitor.tables.roles import Roles, binary_classes, resolve
from monitor.tables.rows import RowWriter
from monitor.tables.sources import CsvSource, ParquetSource, Piece, Source

__all__ = ["SUFFIXES", "read_stream"]

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".pq", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
"""What can be read; the suffix says which."""


def read_stream(
    path: str | Path,
    config: Config,
    *,
    labels: Sequence[str] = (),
    categorical: Collection[str] | None = None,
    first_time: float = FIRST_TIME,
    rows: int = 8192,
) -> Iterator[RawBatch]:
    """Rows of a recorded stream, at most `rows` a batch; a missing column and the like are found before the first.

    `labels` and `categorical` are the profile's: the classes, and the features that are categories. Without them the
    file decides by its first megabytes (`fit`); with them a backtest reads a column as `fit` did.

    Raises UsageError, which names the file, and the column and those that there are.
    """
    file = Path(path)
    kind = _suffix(file)
    if not file.is_file():
        raise UsageError(f"{file} is not a file" if file.exists() else f"{file} does not exist")
    if kind in {"jsonl", "ndjson"}:
        if has_events(file):
            columns = config.columns
            return EventLines(
                file, columns.outcome, columns.flag, every=columns.every, first_time=first_time, rows=rows
            ).batches()
        source: Source = FlatLines(file)
    else:
        source = ParquetSource(file) if kind in {"parquet", "pq"} else CsvSource(file)
    return _flat(source, str(file), config, labels, categorical, first_time, rows)


def _flat(
    source: Source,
    origin: str,
    config: Config,
    labels: Sequence[str],
    categorical: Collection[str] | None,
    first_time: float,
    rows: int,
) -> Iterator[RawBatch]:
    columns = config.columns
    if categorical is None and columns.flag not in source.names:
        # nothing is learnt from flags on a reference
        columns = msgspec.structs.replace(columns, flag=None)
    roles = resolve(columns, source.names, origin)
    if isinstance(source, ParquetSource):
        source.require(roles.all)
    first = next((piece for piece in source.pieces() if len(piece.table)), None)
    if first is None:
        raise UsageError(f"{origin} has no rows")
    _check_numbers(first, roles, origin)
    words = set(config.views.categorical) | set(categorical or ())
    classes = None
    if roles.positive_column is not None:
        classes = binary_classes(labels or _labels(source, roles), columns.positive, origin)
    writer = RowWriter(
        roles,
        classes=classes,
        loose=frozenset(
            name
            for name in roles.features
            if name not in words and _loose(first, name, source.text, categorical is not None)
        ),
        every=columns.every,
        first_time=first_time,
    )
    return _batches(source, writer, rows)


def _batches(source: Source, writer: RowWriter, rows: int) -> Iterator[RawBatch]:
    before = 0.0
    for piece in source.pieces():
        n = len(piece.table)
        starts = range(0, n, rows) or [0]
        for start in starts:
            share = min(1.0, (start + rows) / max(n, 1))
            unreadable = piece.unreadable if start == starts[-1] else ()
            yield writer.batch(piece.table.slice(start, rows), before + (piece.progress - before) * share, unreadable)
        before = piece.progress


def _suffix(path: Path) -> str:
    name = path.name.lower()
    found = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)
    if found is None:
        raise UsageError(f"{path}: unknown suffix; a recorded stream is one of {', '.join('*' + s for s in SUFFIXES)}")
    return found.split(".")[1]


def _loose(first: Piece, name: str, text: bool, known: bool) -> bool:
    """Whether text in this feature is a number where it looks like one: by the profile, or by the file's beginning."""
    import pyarrow as pa

    column = first.table.column(name)
    if known or not pa.types.is_string(column.type):
        return known or text
    return text and parsed(column) is not None


def _check_numbers(first: Piece, roles: Roles, origin: str) -> None:
    """A few wrong cells are bad input like any other; a column without any number or time is a mistake in `columns`."""
    for what, names, read in (("number", roles.numbers, numbers_of), ("time", (roles.time,), moments_of)):
        for name in names:
            column = first.table.column(name) if name is not None else None
            if column is None or column.null_count == len(column) or not np.isnan(read(column)).all():
                continue
            cell = next(value for value in column.to_pylist() if value is not None)
            raise UsageError(
                f"{origin}: no cell of column {name!r} is a {what}; the first is {cell!r}; correct it in `columns`"
            )


def _labels(source: Source, roles: Roles) -> list[str]:
    """The labels that the file's beginning has; it is read on until there are two."""
    seen: set[str] = set()
    for piece in source.pieces():
        seen |= {label for name in roles.labelled for label in labels_of(piece.table.column(name)) if label is not None}
        if len(seen) >= 2:
            break
    return sorted(seen)
