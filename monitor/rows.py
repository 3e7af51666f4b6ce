"""From prediction records to the arrays that counting and routing work on."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.method import Method, known_rows
from detectors.profile import Profile
from detectors.scores import entropy
from detectors.types import BoolArray, FloatArray, Rows
from fallback.types import Reason, reason_code
from monitor.events import Output, Prediction, label_text
from monitor.outputs import Said, Task, read, reader
from monitor.scoring import Scorer
from monitor.wanted import Wanted

__all__ = ["Arranged", "Concluded", "Schema", "arrange", "conclude"]

_EMPTY = Output()
_INVALID_FEATURES = reason_code(Reason.INVALID_FEATURES)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model's events look like: the profile's features and classes, in its order."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    task: Task
    classes: tuple[str, ...] = ()
    size_threshold: float = np.inf
    """Score up to which a class is in the reference's set; the live threshold moves, and its sizes with it."""
    wanted: Wanted = field(default_factory=Wanted)
    method: Method = field(default_factory=Method)
    scorer: Scorer | None = None
    """Who gives probabilities where outputs lack them."""

    @classmethod
    def of(cls, profile: Profile, scorer: Scorer | None = None) -> Schema:
        """The schema that a profile was fitted with."""
        views = profile.fitted.views
        task: Task = "regression" if profile.task == "regression" else "classification"
        bar = float(profile.facts.get("size_threshold", np.inf))
        return cls(
            views.numeric, views.categorical, task, profile.classes, bar, Wanted.of(views), profile.method, scorer
        )


class Concluded(NamedTuple):
    """What outputs come to: confidence, entropy and size, (events,) each, and calibrated probabilities."""

    confidence: FloatArray
    entropy: FloatArray
    size: FloatArray
    probabilities: FloatArray


@dataclass(frozen=True, slots=True)
class Arranged:
    """A batch of predictions as arrays.

    Attributes
    ----------
    rows
        What the views count.
    probabilities
        (events, classes), calibrated; NaN where the model gave none.
    said
        The outputs as they came.
    guard
        (events,): code of the reason why an event must not be answered by the model, 0 if there is none.
    missing, new
        Features of the profile that events lack, and features that the profile lacks.
    scored
        (events,): whose probabilities the scorer gave; None without one.
    """

    rows: Rows
    probabilities: FloatArray
    said: Said
    guard: NDArray[np.uint8]
    missing: int
    new: int
    scored: BoolArray | None = None


def arrange(predictions: Sequence[Prediction], schema: Schema, times: Sequence[float] | None = None) -> Arranged:
    """Arrange a batch; what does not fit is missing, and guarded with the reason.

    `times` are epoch seconds of the events, None for what they say themselves.
    """
    guard = np.zeros(len(predictions), dtype=np.uint8)
    numeric, categorical, missing, new = _features(predictions, schema, guard)
    outputs = [each.output or _EMPTY for each in predictions]
    said = read(outputs, schema.task, schema.classes, schema.method, guard)
    scored = None
    if schema.scorer is not None and schema.task == "classification":
        names = schema.numeric + schema.categorical
        said, scored = schema.scorer.complete(said, predictions, names, schema.method, guard)
    told = conclude(said, schema)
    rows = Rows(numeric, categorical, said.label, told.confidence, told.entropy, told.size, said.stated.value)
    if schema.wanted:
        rows = schema.wanted.add(rows, predictions, times)
    return Arranged(rows, told.probabilities, said, guard, missing, new, scored)


def conclude(said: Said, schema: Schema) -> Concluded:
    """What a model's outputs come to by the schema's method."""
    nothing = np.full(len(said), np.nan)
    if schema.task == "regression":
        return Concluded(
            said.confidence(schema.method, schema.task, said.probabilities),
            nothing,
            said.stated.width,
            said.probabilities,
        )
    probabilities = schema.method.calibrated(said.probabilities)
    known = known_rows(probabilities) & bool(schema.classes) & (said.chosen >= 0)
    filled = probabilities if known.all() else np.nan_to_num(probabilities)
    doubt = np.where(known, entropy(filled), np.nan)
    size = np.where(known, schema.method.sizes(probabilities, schema.size_threshold), np.nan)
    return Concluded(said.confidence(schema.method, schema.task, probabilities), doubt, size, probabilities)


def _features(
    predictions: Sequence[Prediction], schema: Schema, guard: NDArray[np.uint8]
) -> tuple[FloatArray, tuple[list[str | None], ...], int, int]:
    """Numeric matrix (features, events), categorical columns, and how many features lack or are new."""
    names = schema.numeric + schema.categorical
    tables = [
        each.features if isinstance(each.features, dict) else _named(each.features, names, i, guard)
        for i, each in enumerate(predictions)
    ]
    if names:
        wanted = frozenset(names)
        # any value may be missing; but where there are some, and none by a known name, the profile is another model's
        for i in [i for i, table in enumerate(tables) if table and wanted.isdisjoint(table)]:
            guard[i] = _INVALID_FEATURES
    known = sum(map(len, tables))
    matrix, missing = _matrix(tables, schema.numeric, guard)
    columns = tuple([_text(table.get(name)) for table in tables] for name in schema.categorical)
    missing += sum(name not in table for name in schema.categorical for table in tables)
    new = known - (len(tables) * len(names) - missing)
    return matrix, columns, missing, max(new, 0)


def _matrix(
    tables: Sequence[Mapping[str, Any]], names: tuple[str, ...], guard: NDArray[np.uint8]
) -> tuple[FloatArray, int]:
    """Numeric matrix (features, events), and how many of its values have no feature."""
    read, pack = reader(names), struct.Struct(f"{len(names)}d").pack
    rows, missing = [], 0
    for i, table in enumerate(tables):
        try:
            # packing a row is twice as fast as handing its numbers to numpy one by one
            row = pack(*read(table))
        except (KeyError, struct.error):
            row = pack(*_numbers(table, names, i, guard))
            missing += sum(name not in table for name in names)
        rows.append(row)
    matrix = np.frombuffer(bytearray().join(rows), dtype=np.float64).reshape(len(tables), len(names))
    return np.ascontiguousarray(matrix.T), missing


def _named(
    features: Sequence[float | None], names: tuple[str, ...], place: int, guard: NDArray[np.uint8]
) -> Mapping[str, Any]:
    """A list of features by name; it is in the profile's order, and of its length."""
    if len(features) != len(names):
        guard[place] = _INVALID_FEATURES
        return {}
    return dict(zip(names, features, strict=True))


def _numbers(table: Mapping[str, Any], names: tuple[str, ...], place: int, guard: NDArray[np.uint8]) -> list[float]:
    """One row, value by value: a text where a number should be is missing, and guarded."""
    row = []
    for name in names:
        value = table.get(name)
        if isinstance(value, str):
            guard[place] = _INVALID_FEATURES
            value = None
        row.append(np.nan if value is None else float(value))
    return row


def _text(value: object) -> str | None:
    return value if isinstance(value, str) or value is None else label_text(value)  # type: ignore[arg-type]  # a scalar
