"""CSV and Parquet files as Arrow batches, in bounded memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from monitor.errors import UsageError
from monitor.tables.cells import utf8, writable

__all__ = ["CsvSource", "ParquetSource", "Piece", "Source", "one_of_each", "readable", "separated_by_commas"]

# Arrow reads up to 32 blocks ahead, so this bounds memory. It also bounds the length of a row, and the first block
# decides which columns are numbers.
_BLOCK = 2 * 2**20
_HEADER = 2**20
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Piece:
    """An Arrow batch, how much of the file has been read (0 to 1), and what in it could not be read as rows."""

    table: Any
    progress: float
    unreadable: Sequence[bytes] = ()


class Source(Protocol):
    """A file of flat rows. `text` says that it has no types, so that a number is a text that looks like one."""

    names: tuple[str, ...]
    text: bool

    def pieces(self) -> Iterator[Piece]:
        """The file from its beginning."""
        ...


@contextmanager
def readable(origin: str) -> Iterator[None]:
    """Say of every fault which file it is in."""
    import pyarrow as pa

    try:
        yield
    except UnicodeDecodeError as error:
        told = f"byte {error.start} is {error.object[error.start]:#04x}"
        raise UsageError(f"{origin} cannot be read, for it is not UTF-8 text: {told}; save it as UTF-8") from None
    except (OSError, EOFError, csv.Error, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:300]
        raise UsageError(f"{origin} cannot be read: {reason}") from None


def one_of_each(names: Sequence[str], origin: str) -> tuple[str, ...]:
    """`names`, if there are any and no two are the same."""
    if not names:
        raise UsageError(f"{origin} is empty: it needs a header with the columns' names, and rows")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"{origin} has more than one column named {', '.join(map(repr, twice))}: rename one of them")
    return tuple(names)


def separated_by_commas(names: Sequence[str], origin: str) -> None:
    """Raise UsageError for a header that is one column, and would be several with another separator."""
    if len(names) != 1:
        return
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if separator in names[0]:
            raise UsageError(
                f"{origin} has one column, {names[0][:_SHOWN]!r}: its columns seem to be separated by {word}; write it "
                "with commas between them, or with tabs into a file *.tsv"
            )


class CsvSource:
    """CSV or TSV, also gzipped. All is read as text, so that no cell is lost and labels keep their digits."""

    text = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._delimiter = "\t" if ".tsv" in path.suffixes else ","
        with readable(str(path)):
            self._size = _plain_size(path)
            self.names = one_of_each(self._header(), str(path))
        separated_by_commas(self.names, str(path))

    def pieces(self) -> Iterator[Piece]:
        """Blocks of rows; rows of a wrong length come beside the block that they were in, as they are."""
        import pyarrow as pa

        ragged: list[bytes] = []
        done = 0
        with readable(str(self._path)), _open(self._path) as stream:
            for block in self._reader(stream, ragged):
                # Arrow reads ahead, so the position in the file says too much. Of a cell's bytes here four are its
                # offset, and one of the file's was a delimiter.
                done += block.nbytes - 3 * block.num_rows * block.num_columns
                found, ragged[:] = list(ragged), []
                table = pa.RecordBatch.from_arrays([utf8(column) for column in block.columns], names=list(self.names))
                yield Piece(table, min(1.0, done / self._size), found)
            if ragged:
                yield Piece(table.slice(0, 0), 1.0, ragged)

    def _reader(self, stream: Any, ragged: list[bytes]) -> Any:
        import pyarrow as pa
        import pyarrow.csv as pc

        def keep(row: Any) -> str:
            ragged.append(row.text.encode("utf-8", "replace"))
            return "skip"

        return pc.open_csv(
            stream,
            read_options=pc.ReadOptions(
                use_threads=False, block_size=_BLOCK, column_names=list(self.names), skip_rows=1
            ),
            parse_options=pc.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=keep),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(self.names, pa.binary()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _header(self) -> list[str]:
        with _open(self._path) as stream:
            head = bytes(stream.read(_HEADER))
        line = head.split(b"\n", 1)[0].decode("utf-8-sig")
        return next(csv.reader(io.StringIO(line), delimiter=self._delimiter), [])


class ParquetSource:
    """Parquet, whose columns have types: text in it stays text."""

    text = False

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._path = path
        with readable(str(path)), pq.ParquetFile(path) as file:
            self._rows = file.metadata.num_rows
            self._kinds = {field.name: field.type for field in file.schema_arrow}
            self.names = one_of_each(file.schema_arrow.names, str(path))

    def require(self, names: Sequence[str]) -> None:
        """Raise UsageError for columns, among these, whose cells are lists and the like."""
        if bad := [f"{name!r} ({self._kinds[name]})" for name in names if not writable(self._kinds[name])]:
            raise UsageError(
                f"{self._path}: a cell of {', '.join(bad)} is no number and no text; leave it out of `columns.features`"
            )

    def pieces(self) -> Iterator[Piece]:
        """Batches of rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        done = 0
        # read ahead of time, the bytes of a whole file would end up in memory
        with readable(str(self._path)), pq.ParquetFile(self._path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=8192, use_threads=False):
                done += len(batch)
                table = pa.RecordBatch.from_arrays([utf8(column) for column in batch.columns], names=list(self.names))
                yield Piece(table, done / self._rows)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        if path.suffix != ".gz":
            yield file
            return
        with pa.CompressedInputStream(file, "gzip") as stream:
            yield stream


def _plain_size(path: Path) -> int:
    """Bytes of the text; a gzip file ends with this, modulo 2**32, which does for a progress bar."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        if path.suffix != ".gz" or size < 4:
            return max(size, 1)
        file.seek(-4, io.SEEK_END)
        return max(int.from_bytes(file.read(4), "little"), size)
