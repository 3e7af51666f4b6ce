"""A recorded reference as arrays: what of each row is learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detectors.method import ConfidenceName, Method, known_rows
from detectors.rows import joined
from detectors.types import BoolArray, FloatArray, IntArray, Rows
from monitor.config import Config
from monitor.errors import UsageError
from monitor.events import Output, Prediction, decode_predictions, label_text
from monitor.fit.contexts import Segment
from monitor.fit.row_sets import taken
from monitor.nonconformity import drawn_by_place
from monitor.outputs import Said, together_said
from monitor.rows import Schema, arrange, conclude
from monitor.scoring import Scorer
from monitor.tables import RawBatch
from monitor.wanted import Wanted

__all__ = [
    "Part",
    "concluded",
    "part_of",
    "scores_of",
    "taken_part",
    "together",
    "true_of",
    "with_sizes",
    "wrong_of",
]

_FITTED_FIRST = 8192


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of the reference.

    Attributes
    ----------
    rows, probabilities
        As arranged; (events, classes), calibrated, NaN where the model gave none.
    said
        The outputs as they came.
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
    said: Said

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
        arranged.said,
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
        together_said([part.said for part in parts]),
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
        part.said.taken(which),
    )


def scores_of(part: Part, schema: Schema) -> FloatArray:
    """Nonconformity score of each row; NaN where there is no outcome or no output to compare it with."""
    if schema.task == "regression":
        return schema.method.values.scores(_numbers(part.truth), part.said.stated)
    if not schema.classes:
        return np.full(len(part), np.nan)
    true, known = true_of(part, schema)
    draws = drawn_by_place(part.places)
    return np.where(known, schema.method.classes.scores(part.probabilities, true, draws), np.nan)


def true_of(part: Part, schema: Schema) -> tuple[IntArray, BoolArray]:
    """Index of each true class, -1 for none of them; and where both the outcome and probabilities are known."""
    place = {name: i for i, name in enumerate(schema.classes)}
    true = np.array([place.get(str(each), -1) for each in part.truth], dtype=np.int64)
    there = np.array([each is not None for each in part.truth], dtype=np.bool_)
    return true, there & known_rows(part.probabilities)


def concluded(part: Part, schema: Schema) -> Part:
    """The same rows by another method: calibrated probabilities, and the confidence that is made of them."""
    told = conclude(part.said, schema)
    rows = replace(part.rows, confidence=told.confidence, entropy=told.entropy, size=told.size)
    return replace(part, rows=rows, probabilities=told.probabilities)


def wrong_of(part: Part, schema: Schema, within: float | None, bar: float) -> FloatArray:
    """1 where the model was wrong, 0 where it was right, NaN where nobody knows."""
    if schema.task == "regression":
        apart = np.abs(_numbers(part.truth) - part.rows.value) if within is not None else scores_of(part, schema)
        return np.where(np.isnan(apart), np.nan, apart > (bar if within is None else within))
    pairs = zip(part.truth, part.rows.label, strict=True)
    return np.array([np.nan if t is None or label is None else float(str(t) != label) for t, label in pairs])


def with_sizes(part: Part, schema: Schema, bar: float) -> Rows:
    """The rows, with the size of each set of classes whose score is at most `bar`."""
    if not schema.classes:
        return part.rows
    size = schema.method.sizes(part.probabilities, bar)
    return replace(part.rows, size=np.where(part.said.chosen < 0, np.nan, size))


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
        if prediction.output is not None:
            classes |= dict.fromkeys(_classes_in(prediction.output))
    labelled = any(each.output is not None and each.output.label is not None for each in predictions)
    task: Literal["classification", "regression"] = "classification" if classes or labelled else "regression"
    wanted = Wanted.by(predictions[:_FITTED_FIRST], config.views.context or "")
    scorer = Scorer.of(config)
    if scorer is not None and task == "regression":
        raise UsageError("uncertainty.scorer gives probabilities of classes, and no event of the reference has a label")
    names_of = scorer.classes if scorer is not None else tuple(classes) or _two_labels(predictions[:_FITTED_FIRST])
    method = Method(confidence=_confidence(predictions[:_FITTED_FIRST], names_of, config))
    return Schema(numeric, categorical, task, names_of, wanted=wanted, method=method, scorer=scorer)


def _classes_in(output: Output) -> Iterable[str]:
    """Names of the classes that an output has something of; their numbers where it gives a list."""
    stated: Sequence[object] | Mapping[str, object] | None = output.probabilities or output.logits
    if stated is None and output.samples and isinstance(output.samples[0], list):
        stated = output.samples[0]
    return stated if isinstance(stated, Mapping) else map(str, range(len(stated or ())))


def _two_labels(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    """The two classes that labels with one probability each are about; none if there are more, or fewer."""
    outputs = [each.output for each in predictions if each.output is not None]
    if not any(each.probability is not None for each in outputs):
        return ()
    labels = sorted({text for each in outputs if (text := label_text(each.label)) is not None})
    return tuple(labels) if len(labels) == 2 else ()


def _confidence(predictions: Sequence[Prediction], classes: tuple[str, ...], config: Config) -> ConfidenceName:
    """As configured; else the label's probability, or what the log-probabilities of a generated answer say."""
    chosen = config.uncertainty.confidence
    if chosen != "auto":
        return chosen
    generated = any(
        each.output is not None and (each.output.token_logprobs is not None or each.output.logprob is not None)
        for each in predictions
    )
    return "language" if generated and not classes else "probability"


def _segment(prediction: Prediction) -> Segment:
    return tuple(sorted((prediction.segment or {}).items()))


def _numbers(truth: Sequence[str | float | None]) -> FloatArray:
    return np.array([np.nan if each is None or isinstance(each, str) else each for each in truth], dtype=float)
