"""Columns become records: a template filled for a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.tables.batches import RawBatch
from monitor.tables.cells import json_of, json_texts, labels_of, moments_of, numbers_of, texts_of
from monitor.tables.flags import flag_records
from monitor.tables.roles import PLAIN_NUMBERS, Roles

__all__ = ["RowWriter"]

_encode = msgspec.json.Encoder().encode
_KEYS = {"label_probability": "probability"}


def _quoted(text: str) -> str:
    return _encode(text).decode()


class RowWriter:
    """Writes the rows of one file as records; it goes on counting rows and time from batch to batch."""

    def __init__(
        self, roles: Roles, *, classes: tuple[str, str] | None, loose: frozenset[str], every: float, first_time: float
    ) -> None:
        self._roles = roles
        self._classes = classes
        self._loose = loose  # features that are numbers although a cell of them may be text
        self._every = every
        self._first_time = first_time
        self._last_time = first_time
        self._row = 0

    def batch(self, table: Any, progress: float, unreadable: Sequence[bytes] = ()) -> RawBatch:
        """The records of an Arrow batch; after them, as they are, those lines of it that could not be read as rows."""
        import pyarrow as pa

        first, n, extra = self._row, len(table), len(unreadable)
        self._row += n + extra
        ids = (
            texts_of(table.column(self._roles.id)) if self._roles.id is not None else [str(first + i) for i in range(n)]
        )
        id_json = json_texts(pa.array(ids, pa.string()))
        moments = self._moments(table, first)
        records, truth = self._outcomes(table, id_json)
        flag = self._roles.flag
        return RawBatch(
            first=first,
            predictions=[*_joined(self._parts(table, id_json, moments), n), *unreadable],
            ids=[*ids, *[None] * extra],
            times=self._filled(np.concatenate([moments, np.full(extra, np.nan)])),
            outcomes=[*records, *[None] * extra],
            truth=[*truth, *[None] * extra],
            progress=progress,
            flags=[] if flag is None else [*flag_records(ids, texts_of(table.column(flag))), *[None] * extra],
        )

    def _parts(self, table: Any, ids: Any, moments: NDArray[np.float64]) -> Iterator[Any]:
        """Pieces of the record in their order: constant text, or an array of strings with one piece a row."""
        r = self._roles
        yield from ('{"id":', ids, ',"time":', _time_json(moments))
        for key, name in (("version", r.version), ("client", r.client)):
            if name is not None:
                yield from (f',"{key}":', _text_json(table.column(name), "" if key == "version" else None))
        if r.segment:
            yield ',"segment":'
            yield from _object([(name, _text_json(table.column(name), "")) for name in r.segment])
        yield ',"features":'
        yield from _object(
            [
                (name, json_of(table.column(name), loose=name in self._loose))
                for name in r.features_of(table.schema.names)
            ]
        )
        if output := list(self._output(table)):
            yield ',"output":'
            yield from _object(output)
        yield "}"

    def _output(self, table: Any) -> Iterator[tuple[str, Any]]:
        r = self._roles
        if r.label is not None:
            yield "label", _text_json(table.column(r.label), None, labels_of(table.column(r.label)))
        if (probabilities := self._probabilities(table)) is not None:
            yield "probabilities", probabilities
        if r.logits:
            logits = {label: numbers_of(table.column(name)) for label, name in r.logits}
            yield "logits", _by_class(logits)
        if r.samples:
            yield "samples", self._list(table, r.samples)
        for key in PLAIN_NUMBERS:
            if (name := getattr(r, key)) is not None:
                yield _KEYS.get(key, key), _number_json(numbers_of(table.column(name)))

    def _list(self, table: Any, names: Sequence[str]) -> Any:
        """One JSON array a row; null where a number is missing."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = [numbers_of(table.column(name)) for name in names]
        whole = np.isfinite(np.array(columns)).all(axis=0)
        parts: list[Any] = [part for i, each in enumerate(columns) for part in ("," if i else "[", _number_json(each))]
        return pc.if_else(pa.array(whole), _join([*parts, "]"]), "null")

    def _probabilities(self, table: Any) -> Any | None:
        """One JSON object a row; null where a probability is missing: the request is one without confidence then."""
        r = self._roles
        by_class = {label: numbers_of(table.column(name)) for label, name in r.probability}
        if r.positive_column is not None and self._classes is not None:
            positive = numbers_of(table.column(r.positive_column))
            by_class = dict(zip(self._classes, (1 - positive, positive), strict=True))
        if not by_class:
            return None
        return _by_class(by_class)

    def _outcomes(self, table: Any, ids: Any) -> tuple[list[bytes | None], list[str | float | None]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        r, n = self._roles, len(table)
        if r.outcome is None:
            return [None] * n, [None] * n
        column = table.column(r.outcome)
        if r.value is None:
            truth: list[str | float | None] = list(labels_of(column))
            key, cells = "label", _text_json(column, None, labels_of(column))
            there = [t is not None for t in truth]
        else:
            numbers = numbers_of(column)
            truth = [t if np.isfinite(t) else None for t in numbers.tolist()]
            # What is no number still goes out, to be refused by the decoder, counted and kept.
            given = json_of(column, loose=True)
            there = [cell != "null" for cell in given.to_pylist()]
            key, cells = "value", pc.if_else(pa.array(np.isinf(numbers)), "null", given)
        records = _joined(['{"id":', ids, f',"{key}":', cells, "}"], n)
        return [record if known else None for record, known in zip(records, there, strict=True)], truth

    def _moments(self, table: Any, first: int) -> NDArray[np.float64]:
        if self._roles.time is None:
            return np.asarray(self._first_time + self._every * np.arange(first, first + len(table)), dtype=np.float64)
        return moments_of(table.column(self._roles.time))

    def _filled(self, moments: NDArray[np.float64]) -> NDArray[np.float64]:
        """A row without a time came when the one before it did."""
        if not len(moments):
            return moments
        known = np.where(np.isnan(moments), -1, np.arange(len(moments)))
        last = np.maximum.accumulate(known)
        filled = np.where(last < 0, self._last_time, moments[np.maximum(last, 0)])
        self._last_time = float(filled[-1])
        return filled


def _by_class(numbers: Mapping[str, NDArray[np.float64]]) -> Any:
    """One JSON object a row; null where a number is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = np.isfinite(np.array(list(numbers.values()))).all(axis=0)
    objects = _join(_object([(label, _number_json(each)) for label, each in numbers.items()]))
    return pc.if_else(pa.array(whole), objects, "null")


def _object(members: Sequence[tuple[str, Any]]) -> Iterator[Any]:
    for i, (name, cells) in enumerate(members):
        yield f"{',' if i else '{'}{_quoted(name)}:"
        yield cells
    yield "}"


def _join(parts: Iterator[Any] | Sequence[Any]) -> Any:
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*parts, "")


def _joined(parts: Iterator[Any] | Sequence[Any], n: int) -> list[bytes]:
    import pyarrow as pa

    return list(_join(parts).cast(pa.binary()).to_pylist()) if n else []


def _text_json(column: Any, missing: str | None, texts: Sequence[str | None] | None = None) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pa.array(texts_of(column) if texts is None else texts, pa.string())
    return json_texts(array if missing is None else pc.fill_null(array, missing))


def _number_json(numbers: NDArray[np.float64]) -> Any:
    import pyarrow as pa

    return json_of(pa.array(np.where(np.isfinite(numbers), numbers, np.nan)))


def _time_json(moments: NDArray[np.float64]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = bool((moments == np.floor(moments)).all())
    known = np.isfinite(moments)
    ticks = np.where(known, np.round(np.where(known, moments, 0) * (1 if whole else 1e6)), 0).astype(np.int64)
    stamps = pa.array(ticks, pa.timestamp("s" if whole else "us"), mask=~known)
    return pc.fill_null(pc.strftime(stamps, '"%Y-%m-%dT%H:%M:%SZ"'), "null")
