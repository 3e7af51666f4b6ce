"""From prediction records to the arrays that counting and routing work on."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.profile import Profile
from detectors.scores import entropy, invalid_probabilities, value_confidence
from detectors.sets import prediction_sets
from detectors.types import FloatArray, Rows
from fallback.types import Reason, reason_code
from monitor.events import Output, Prediction, label_text
from monitor.wanted import Wanted

__all__ = ["Arranged", "Schema", "arrange"]

_EMPTY = Output()
_INFINITE = 1e308
"""What an infinity is read as, for JSON has none: no feature is too large to be counted, but no answer is so large."""
_INVALID_FEATURES = reason_code(Reason.INVALID_FEATURES)
_INVALID_OUTPUT = reason_code(Reason.INVALID_OUTPUT)
_NO_OUTPUT = reason_code(Reason.NO_OUTPUT)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model's events look like: the profile's features and classes, in its order."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    task: Literal["classification", "regression"]
    classes: tuple[str, ...] = ()
    size_threshold: float = np.inf
    """Score up to which a class is in the reference's set; the live threshold moves, and its sizes with it."""
    wanted: Wanted = field(default_factory=Wanted)

    @classmethod
    def of(cls, profile: Profile) -> Schema:
        """The schema that a profile was fitted with."""
        views = profile.fitted.views
        task: Literal["classification", "regression"] = "classification" if profile.classes else "regression"
        bar = float(profile.facts.get("size_threshold", np.inf))
        return cls(views.numeric, views.categorical, task, profile.classes, bar, Wanted.of(views))


@dataclass(frozen=True, slots=True)
class Arranged:
    """A batch of predictions as arrays.

    Attributes
    ----------
    rows
        What the views count.
    probabilities
        (events, classes); NaN where the model gave none.
    lower, upper
        (events,): the model's own interval.
    guard
        (events,): code of the reason why an event must not be answered by the model, 0 if there is none.
    missing, new
        Features of the profile that events lack, and features that the profile lacks.
    """

    rows: Rows
    probabilities: FloatArray
    lower: FloatArray
    upper: FloatArray
    guard: NDArray[np.uint8]
    missing: int
    new: int


def arrange(predictions: Sequence[Prediction], schema: Schema, times: Sequence[float] | None = None) -> Arranged:
    """Arrange a batch; what does not fit is missing, and guarded with the reason.

    `times` are epoch seconds of the events, None for what they say themselves.
    """
    guard = np.zeros(len(predictions), dtype=np.uint8)
    numeric, categorical, missing, new = _features(predictions, schema, guard)
    outputs = [each.output or _EMPTY for each in predictions]
    n = len(outputs)
    label = [label_text(each.label) for each in outputs]
    nothing = np.full(n, np.nan)
    probabilities = np.empty((n, 0))
    value, lower, upper = nothing, nothing, nothing
    if schema.task == "classification":
        probabilities = _probabilities(outputs, schema.classes, guard)
        label, confidence = _labels(label, probabilities, schema.classes)
        size = np.where(np.isnan(confidence), np.nan, prediction_sets(probabilities, schema.size_threshold).sum(axis=1))
        doubt = entropy(np.nan_to_num(probabilities))
        doubt = np.where(np.isnan(confidence), np.nan, doubt)
        absent = np.array([each is None for each in label])
    else:
        value, lower, upper, spread = (
            _floats([getattr(each, name) for each in outputs]) for name in ("value", "lower", "upper", "spread")
        )
        confidence, size, doubt = _doubt(value, lower, upper, spread), upper - lower, nothing
        value = np.where(np.abs(value) >= _INFINITE, np.inf, value)
        absent = ~np.isfinite(value)
        guard[~np.isnan(value) & absent & (guard == 0)] = _INVALID_OUTPUT
    guard[absent & (guard == 0)] = _NO_OUTPUT
    rows = Rows(numeric, categorical, label, confidence, doubt, np.asarray(size, dtype=float), value)
    if schema.wanted:
        rows = schema.wanted.add(rows, predictions, times)
    return Arranged(rows, probabilities, lower, upper, guard, missing, new)


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
    read, pack = _reader(names), struct.Struct(f"{len(names)}d").pack
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


def _reader(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Any]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda table: tuple(table[name] for name in names)


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


def _floats(values: list[float | None]) -> FloatArray:
    return np.array(values, dtype=np.float64)


def _probabilities(outputs: Sequence[Output], classes: tuple[str, ...], guard: NDArray[np.uint8]) -> FloatArray:
    """(events, classes); rows that are no probabilities over these classes are NaN and guarded."""
    blank, read = (np.nan,) * len(classes), _reader(classes)
    table: list[Sequence[float]] = []
    given = np.array([each.probabilities is not None or each.logits is not None for each in outputs], dtype=bool)
    for output in outputs:
        row: Sequence[float] | None = None
        if output.probabilities is not None:
            row = _over_classes(output.probabilities, classes, read)
        elif output.logits is not None:
            row = _softmax(output.logits, len(classes))
        table.append(row or blank)
    matrix = np.fromiter(chain.from_iterable(table), np.float64).reshape(len(outputs), len(classes))
    bad = given & invalid_probabilities(matrix)
    matrix[bad] = np.nan
    guard[bad & (guard == 0)] = _INVALID_OUTPUT
    return matrix


def _over_classes(
    stated: dict[str, float] | list[float], classes: tuple[str, ...], read: Callable[[Mapping[str, Any]], Any]
) -> Sequence[float] | None:
    if isinstance(stated, list):
        return stated if len(stated) == len(classes) else None
    try:
        row: Sequence[float] = read(stated)
    except KeyError:
        row = [stated.get(name, 0.0) for name in classes]
    # a class that the profile does not know makes the sum fall short, which is found with the other faults,
    # or exceed it beside all that are known
    return row if len(stated) <= len(classes) or math.isclose(sum(stated.values()), sum(row)) else None


def _softmax(logits: list[float], classes: int) -> list[float] | None:
    if len(logits) != classes or max(map(abs, logits), default=math.inf) >= _INFINITE:
        return None
    powers = np.exp(np.array(logits) - max(logits))
    row: list[float] = (powers / powers.sum()).tolist()
    return row


def _labels(
    stated: list[str | None], probabilities: FloatArray, classes: tuple[str, ...]
) -> tuple[list[str | None], FloatArray]:
    """The answers, and how sure the model is of them: the probability of the label given, else of the likeliest."""
    place = {name: i for i, name in enumerate(classes)}
    known = ~np.isnan(probabilities).any(axis=1) if len(classes) else np.zeros(len(stated), dtype=bool)
    likeliest = np.nan_to_num(probabilities).argmax(axis=1) if len(classes) else np.zeros(len(stated), dtype=int)
    chosen = np.array([place.get(name, -1) if name is not None else -2 for name in stated], dtype=np.int64)
    chosen = np.where((chosen == -2) & known, likeliest, chosen)
    sure = known & (chosen >= 0)
    confidence = np.full(len(stated), np.nan)
    confidence[sure] = probabilities[sure, chosen[sure]]
    labels = [
        name if name is not None else (classes[at] if at >= 0 else None)
        for name, at in zip(stated, chosen, strict=True)
    ]
    return labels, confidence


def _doubt(value: FloatArray, lower: FloatArray, upper: FloatArray, spread: FloatArray) -> FloatArray:
    """Confidence of each value: minus the width, else minus the spread, else the same for all."""
    confidence = value_confidence(len(value))
    confidence = np.where(np.isnan(spread), confidence, -spread)
    confidence = np.where(np.isnan(upper - lower), confidence, lower - upper)
    return np.where(np.isfinite(value), confidence, np.nan)
