"""Fitting a profile: a recorded reference becomes what is normal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from detectors.counting import ViewSettings
from detectors.errors import ProfileError, UnfitReference
from detectors.profile import Profile, Reference, fit
from detectors.profile_bytes import dump, load
from detectors.rows import joined
from detectors.scores import absolute_residual, lac
from detectors.sets import conformal_quantile
from detectors.types import FloatArray, Rows
from monitor.config import Config
from monitor.errors import UsageError
from monitor.events import Prediction, decode_predictions
from monitor.quality import Quality, examine
from monitor.rows import Arranged, Schema, arrange
from monitor.tables import RawBatch
from monitor.wanted import Wanted

__all__ = ["Learnt", "fit_profile", "load_profiles", "read_profile"]

_DAY = 86400.0
_ENOUGH = 1000
_FITTED_FIRST = 8192
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Learnt:
    """A profile with its bytes, and what was noticed about the reference."""

    profile: Profile
    data: bytes
    quality: Quality
    notes: tuple[str, ...]
    unreadable: int


def fit_profile(
    batches: Iterable[RawBatch], config: Config, progress: Callable[[float, int], None] = lambda _share, _rows: None
) -> Learnt:
    """Fit the profile of a configured model on a recorded reference.

    Raises UsageError if there is too little to go by.
    """
    parts, times, truth, schema, unreadable = _read(batches, config, progress)
    if schema is None:
        raise UsageError(
            "the reference has no readable event; its first fault: see `holdback backtest` on the same file"
        )
    rows = joined([part.rows for part in parts])
    probabilities = np.concatenate([part.probabilities for part in parts])
    scores = _scores(rows, probabilities, truth, schema)
    known = ~np.isnan(scores)
    bar = conformal_quantile(scores[known], np.ones(int(known.sum())), round(1 - config.promise.coverage, 12))
    wrong = _wrong(rows, truth, schema, config.promise.within, bar)
    if schema.classes:
        within = (1 - probabilities) <= bar
        rows = replace(rows, size=np.where(np.isnan(rows.confidence), np.nan, within.sum(axis=1).astype(float)))
    day = _events_per_day(np.array(times))
    reference = Reference(rows, schema.numeric, schema.categorical, wrong, scores[known], day)
    views = config.views
    settings = ViewSettings(config.evidence.bins, views.joint, views.projections, views.pairs)
    try:
        fitted = fit(reference, settings)
    except UnfitReference as error:
        raise UsageError(str(error)) from error
    facts: dict[str, str | float] = {"size_threshold": bar if math.isfinite(bar) else 1e308}
    profile = Profile(fitted, config.model, config.version or "", schema.task, schema.classes, facts)
    data, digest = dump(profile)
    quality = examine(
        schema.numeric,
        rows.numeric,
        dict(zip(schema.categorical, rows.categorical, strict=True)),
        truth,
        np.random.default_rng(0),
    )
    notes = (*_notes(fitted.n, int(known.sum()), unreadable), *quality.sentences())
    return Learnt(load(data) if digest else profile, data, quality, notes, unreadable)


def read_profile(path: str | Path) -> Profile:
    """A profile from its file; raises UsageError with what to do."""
    try:
        return load(Path(path).read_bytes())
    except (OSError, ProfileError) as error:
        raise UsageError(f"profile {path}: {error}") from error


def load_profiles(config: Config, given: str | Path | None = None) -> dict[str, Profile]:
    """The configured profiles by version, or the given one; raises UsageError if one does not fit the configuration."""
    paths = {"": str(given)} if given is not None else config.versioned_profiles
    profiles = {}
    for version, path in paths.items():
        profile = read_profile(path)
        if profile.model != config.model:
            raise UsageError(
                f"profile {path} is of model {profile.model!r}, the configuration of {config.model!r}: fit it again"
            )
        profiles[version or config.version or profile.version] = profile
    return profiles


def _read(
    batches: Iterable[RawBatch], config: Config, progress: Callable[[float, int], None]
) -> tuple[list[Arranged], list[float], list[str | float | None], Schema | None, int]:
    schema: Schema | None = None
    parts: list[Arranged] = []
    times: list[float] = []
    truth: list[str | float | None] = []
    unreadable = 0
    for batch in batches:
        predictions, faults = decode_predictions(batch.predictions, config.kafka.max_bytes)
        unreadable += len(faults)
        kept = [i for i, each in enumerate(predictions) if each is not None]
        found = [each for each in predictions if each is not None]
        if found:
            schema = schema or _schema(found, config)
            parts.append(arrange(found, schema))
            times += batch.times[kept].tolist()
            truth += [batch.truth[i] for i in kept]
        progress(batch.progress, len(truth))
    return parts, times, truth, schema, unreadable


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
    return Schema(numeric, categorical, task, tuple(classes), wanted=Wanted.by(predictions[:_FITTED_FIRST]))


def _scores(rows: Rows, probabilities: FloatArray, truth: Sequence[str | float | None], schema: Schema) -> FloatArray:
    """Nonconformity score of each row; NaN where there is no outcome or no output to compare it with."""
    if schema.task == "regression":
        return absolute_residual(_numbers(truth), rows.value)
    if not schema.classes:
        return np.full(len(truth), np.nan)
    place = {name: i for i, name in enumerate(schema.classes)}
    true = np.array([place.get(str(each), -1) for each in truth])
    known = np.array([each is not None for each in truth]) & ~np.isnan(probabilities).any(axis=1)
    return np.where(known, lac(probabilities, true), np.nan)


def _wrong(
    rows: Rows, truth: Sequence[str | float | None], schema: Schema, within: float | None, bar: float
) -> FloatArray:
    if schema.task == "regression":
        apart = np.abs(_numbers(truth) - rows.value)
        return np.where(np.isnan(apart), np.nan, apart > (bar if within is None else within))
    pairs = zip(truth, rows.label, strict=True)
    return np.array([np.nan if t is None or label is None else float(str(t) != label) for t, label in pairs])


def _numbers(truth: Sequence[str | float | None]) -> FloatArray:
    return np.array([np.nan if each is None or isinstance(each, str) else each for each in truth], dtype=float)


def _events_per_day(times: FloatArray) -> float:
    span = float(times.max() - times.min()) if len(times) else 0.0
    return float((len(times) - 1) / span * _DAY) if span > 0 else _DAY


def _notes(rows: int, labelled: int, unreadable: int) -> list[str]:
    notes = []
    if rows < _ENOUGH:
        notes.append(
            f"the reference has {rows:,} rows: with fewer than {_ENOUGH:,} a batch of {_BATCH} is more than a tenth of "
            "it, and false alarms are not as rare as promised; take more if there are any"
        )
    if labelled == 0:
        notes.append("no row has an outcome: errors are unknown, so nothing passes until 200 outcomes have come")
    if unreadable:
        notes.append(f"{unreadable:,} rows could not be read and were left out")
    return notes
