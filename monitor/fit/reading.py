"""A recorded reference as arrays: what of each row is learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detectors.rows import joined
from detectors.scores import absolute_residual, lac
from detectors.types import FloatArray, IntArray, Rows
from monitor.config import Config
from monitor.events import Prediction, decode_predictions
from monitor.fit.contexts import Segment
from monitor.fit.row_sets import taken
from monitor.rows import Schema, arrange
from monitor.tables import RawBatch
from monitor.wanted import Wanted

__all__ = ["Part", "part_of", "scores_of", "taken_part", "together", "with_sizes", "wrong_of"]

_FITTED_FIRST = 8192


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of the reference.

    Attributes
    ----------
    rows, probabilities
        As arranged; (events, classes), NaN where the model gave none.
    times
        Epoch seconds.
    truth
        The recorded outcomes.
    segments
        The segment of each row.
    places
        Position of each among all readable rows.
    """

    rows: Rows
    probabilities: FloatArray
    times: FloatArray
    truth: list[str | float | None]
    segments: list[Segment]
    places: IntArray

    def __len__(self) -> int:
        return len(self.truth)


def part_of(batch: RawBatch, config: Config, schema: Schema | None, first: int) -> tuple[Part | None, Schema | None]:
    """The readable rows of a batch, the first of them at place `first`; and the schema, theirs if there is none yet."""
    predictions, _ = decode_predictions(batch.predictions, config.kafka.max_bytes)
    kept = [i for i, each in enumerate(predictions) if each is not None]
    found = [each for each in predictions if each is not None]
    if not found:
        return None, schema
    schema = schema or _schema(found, config)
    arranged = arrange(found, schema)
    part = Part(
        arranged.rows,
        arranged.probabilities,
        batch.times[kept],
        [batch.truth[i] for i in kept],
        [_segment(each) for each in found],
        np.arange(first, first + len(found)),
    )
    return part, schema


def together(parts: Sequence[Part]) -> Part:
    """All rows of `parts`, one part after the other."""
    return Part(
        joined([part.rows for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.times for part in parts]),
        [each for part in parts for each in part.truth],
        [each for part in parts for each in part.segments],
        np.concatenate([part.places for part in parts]),
    )


def taken_part(part: Part, which: IntArray) -> Part:
    """The rows at `which`, counted within the part."""
    chosen = which.tolist()
    return Part(
        taken(part.rows, which),
        part.probabilities[which],
        part.times[which],
        [part.truth[i] for i in chosen],
        [part.segments[i] for i in chosen],
        part.places[which],
    )


def scores_of(part: Part, schema: Schema) -> FloatArray:
    """Nonconformity score of each row; NaN where there is no outcome or no output to compare it with."""
    if schema.task == "regression":
        return absolute_residual(_numbers(part.truth), part.rows.value)
    if not schema.classes:
        return np.full(len(part), np.nan)
    place = {name: i for i, name in enumerate(schema.classes)}
    true = np.array([place.get(str(each), -1) for each in part.truth])
    known = np.array([each is not None for each in part.truth]) & ~np.isnan(part.probabilities).any(axis=1)
    return np.where(known, lac(part.probabilities, true), np.nan)


def wrong_of(part: Part, schema: Schema, within: float | None, bar: float) -> FloatArray:
    """1 where the model was wrong, 0 where it was right, NaN where nobody knows."""
    if schema.task == "regression":
        apart = np.abs(_numbers(part.truth) - part.rows.value)
        return np.where(np.isnan(apart), np.nan, apart > (bar if within is None else within))
    pairs = zip(part.truth, part.rows.label, strict=True)
    return np.array([np.nan if t is None or label is None else float(str(t) != label) for t, label in pairs])


def with_sizes(part: Part, schema: Schema, bar: float) -> Rows:
    """The rows, with the size of each set of classes whose score is at most `bar`."""
    if not schema.classes:
        return part.rows
    within = (1 - part.probabilities) <= bar
    size = np.where(np.isnan(part.rows.confidence), np.nan, within.sum(axis=1).astype(float))
    return replace(part.rows, size=size)


def _schema(predictions: Sequence[Prediction], config: Config) -> Schema:
    """Features and classes, as the first events have them; a feature is a category if a text was seen in it."""
    names: dict[str, bool] = {}
    for prediction in predictions[:_FITTED_FIRST]:
        if isinstance(prediction.features, list):
            names |= {f"f{i}": False for i in range(len(prediction.features))}
        else:
            for name, value in prediction.features.items():
                names[name] = names.get(name, False) or isinstance(value, str)
    watched = [name for name in names if name not in config.views.ignore]
    categorical = tuple(name for name in watched if names[name] or name in config.views.categorical)
    numeric = tuple(name for name in watched if name not in categorical)
    classes: dict[str, None] = {}
    for prediction in predictions[:_FITTED_FIRST]:
        output = prediction.output
        if output is not None and output.probabilities is not None:
            stated = output.probabilities
            classes |= dict.fromkeys(stated if isinstance(stated, dict) else map(str, range(len(stated))))
        elif output is not None and output.logits is not None:
            classes |= dict.fromkeys(map(str, range(len(output.logits))))
    labelled = any(each.output is not None and each.output.label is not None for each in predictions)
    task: Literal["classification", "regression"] = "classification" if classes or labelled else "regression"
    wanted = Wanted.by(predictions[:_FITTED_FIRST], config.views.context or "")
    return Schema(numeric, categorical, task, tuple(classes), wanted=wanted)


def _segment(prediction: Prediction) -> Segment:
    return tuple(sorted((prediction.segment or {}).items()))


def _numbers(truth: Sequence[str | float | None]) -> FloatArray:
    return np.array([np.nan if each is None or isinstance(each, str) else each for each in truth], dtype=float)
