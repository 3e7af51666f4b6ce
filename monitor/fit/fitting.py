"""Fitting a profile: a recorded reference becomes what is normal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from detectors.errors import ProfileError, ProgramError, UnfitReference
from detectors.groups.fitted import Groups
from detectors.method import known_rows
from detectors.profile import ERROR_MEMORY, Fitted, Profile, Reference, fit
from detectors.profile_bytes import dump, load
from detectors.proxy import Proxy
from detectors.selective import LABELS_TO_LEARN, Selective, SelectiveReference
from detectors.sets import conformal_quantile
from detectors.types import RANK_CELLS, FloatArray, Rows
from monitor.config import Config
from monitor.errors import UsageError
from monitor.events import decode_predictions
from monitor.fit.calibration_report import calibration_report
from monitor.fit.error_memory import memory_of_errors
from monitor.fit.gathering import MOST_ROWS, Gathered, gather
from monitor.fit.long_run import LongRun
from monitor.fit.notes import error_notes, notes_on, passing_note, replay_notes, unsure_note
from monitor.fit.quality import Quality, examine
from monitor.fit.reading import Part, scores_of, with_sizes, wrong_of
from monitor.fit.replay import Half, Replay, replay
from monitor.fit.second_pass import Again, second_pass
from monitor.fit.uncertainty import differences, settle
from monitor.fit.viewing import view_settings
from monitor.rows import Schema
from monitor.scoring import DIGEST
from monitor.tables import RawBatch

__all__ = ["Learnt", "fit_profile", "load_profiles", "read_profile"]

_Progress = Callable[[float, int], None]


@dataclass(frozen=True, slots=True)
class Learnt:
    """A profile with its bytes, and what was noticed about the reference.

    Attributes
    ----------
    profile, data
        The profile, and its bytes.
    quality
        What is odd about the rows; of a large reference, about the sample.
    notes
        All that a person should know, in sentences.
    unreadable
        Rows that could not be read.
    replay
        The second half against the first; None for a reference too small to be cut in half.
    sampled
        Rows that the views were fitted on one half of; all there are, unless the reference is large.
    calibration
        How honest probabilities were, and what the surest are worth; of a large reference, on the sample.
    """

    profile: Profile
    data: bytes
    quality: Quality
    notes: tuple[str, ...]
    unreadable: int
    replay: Replay | None = None
    sampled: int = 0
    calibration: dict[str, Any] = field(default_factory=dict)


def fit_profile(
    batches: Iterable[RawBatch],
    config: Config,
    progress: _Progress = lambda _share, _rows: None,
    *,
    again: Again | None = None,
) -> Learnt:
    """Fit the profile of a configured model on a recorded reference.

    With `again`, which reads the same rows anew, more than 200,000 rows are read in bounded memory: the views are
    fitted on a sample, and all other rows are counted in a second pass. Without it all rows are held.

    Raises UsageError if there is too little to go by.
    """
    gathered = gather(batches, config, progress, MOST_ROWS if again is not None else None)
    if gathered is None:
        raise UsageError(f"the reference has no readable event{_first_fault(again, config)}")
    settled = settle(gathered.part, gathered.schema, config)
    part, schema = settled.part, settled.schema
    gathered = replace(gathered, part=part, schema=schema, spent=settled.places)
    scores = np.where(settled.spent, np.nan, scores_of(part, schema))
    known = ~np.isnan(scores)
    bar = conformal_quantile(scores[known], np.ones(int(known.sum())), round(1 - config.promise.coverage, 12))
    wrong = np.where(settled.spent, np.nan, wrong_of(part, schema, config.promise.within, bar))
    rows = with_sizes(part, schema, bar)
    reference = Reference(rows, schema.numeric, schema.categorical, wrong, scores[known], gathered.events_per_day)
    fitted = _fit(reference, config)
    if gathered.whole or again is None:
        replayed = replay(Half(rows, part.times, part.segments), reference, config, timed=gathered.timed)
    else:
        fitted, replayed = second_pass(again, gathered, fitted, reference, bar, config, progress)
    if replayed is not None:
        fitted = replace(fitted, memory=_memory(fitted, replayed))
    # of a large reference, the sample alone tells the groups
    fitted = replace(fitted, groups=Groups.fit(part.segments, fitted.rank(rows.confidence), wrong, scores))
    remembered, memory = _error_memory(fitted, gathered, rows.confidence, wrong)
    facts = _facts(gathered, bar, replayed) | _proxy(reference, config) | {ERROR_MEMORY: round(memory, 3)}
    profile = Profile(fitted, config.model, config.version or "", schema.task, schema.classes, facts, schema.method)
    data, _ = dump(profile)
    quality = _examined(part, rows, schema)
    notes = (
        *notes_on(fitted.n, fitted.labelled, gathered.unreadable, config.evidence.batch),
        *unsure_note(_unsure(part, schema), len(part)),
        *replay_notes(replayed),
        *error_notes(remembered, memory),
        *_passing(fitted, config),
        *quality.sentences(),
    )
    calibration = calibration_report(settled, fitted, wrong)
    # as whoever reads the file will know it
    return Learnt(load(data), data, quality, notes, gathered.unreadable, replayed, len(part), calibration)


def _error_memory(
    fitted: Fitted, gathered: Gathered, confidence: FloatArray, wrong: FloatArray
) -> tuple[LongRun, float]:
    """What the kept rows' errors remember, (rows,) each, and how much that makes for all rows, at least 1."""
    in_time = np.argsort(gathered.part.times, kind="stable")
    remembered = memory_of_errors(fitted.rank(confidence)[in_time], wrong[in_time])
    # rows between those of a sample are missing from the spells as well
    return remembered, 1 + (remembered.temper - 1) * gathered.n / len(gathered.part)


def _passing(fitted: Fitted, config: Config) -> Iterable[str]:
    """A note if the first threshold lets next to nothing pass; none where too little is known to set one."""
    if fitted.rank_counts.sum() < LABELS_TO_LEARN:
        return ()
    promise, reference = config.promise, SelectiveReference(fitted.rank_counts, fitted.n, fitted.events_per_day)
    passing = Selective(reference, promise.max_error, promise.confidence).reading().could_pass
    right, wrong = fitted.rank_counts[-RANK_CELLS // 10 :].sum(axis=0).tolist()
    return passing_note(passing, wrong / max(right + wrong, 1), config)


def _first_fault(again: Again | None, config: Config) -> str:
    """What is wrong with the first event; nothing if there is none, or it cannot be read anew."""
    batch = next(iter(again()), None) if again is not None else None
    _, faults = decode_predictions(batch.predictions if batch is not None else [], config.kafka.max_bytes)
    where = "" if not faults else f"; the first, row {faults[0].index}, is refused: {faults[0].detail}"
    return f"{where}. `holdback schema prediction` says how events are written" if where else ""


def _unsure(part: Part, schema: Schema) -> list[int]:
    """Places of the rows that lack probabilities, of a model that gives some."""
    without = ~known_rows(part.probabilities) if schema.classes else np.zeros(len(part), np.bool_)
    found: list[int] = part.places[without].tolist()
    return found


def _examined(part: Part, rows: Rows, schema: Schema) -> Quality:
    """What is odd about the rows."""
    categories = dict(zip(schema.categorical, rows.categorical, strict=True))
    return examine(schema.numeric, rows.numeric, categories, part.truth, np.random.default_rng(0), part.places)


def read_profile(path: str | Path) -> Profile:
    """A profile from its file; raises UsageError with what to do."""
    try:
        return load(Path(path).read_bytes())
    except FileNotFoundError:
        raise UsageError(
            f"profile {path} does not exist: `holdback fit -c FILE --reference DATA --out {path}` writes it"
        ) from None
    except OSError as error:
        raise UsageError(f"profile {path} cannot be read: {error.strerror or error}") from error
    except ProfileError as error:
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
        if faults := differences(profile, config):
            raise UsageError(f"profile {path} was fitted otherwise: {'; '.join(faults)}: fit it again")
        profiles[version or config.version or profile.version] = profile
    return profiles


def _fit(reference: Reference, config: Config) -> Fitted:
    settings = view_settings(config, config.views.context or "")
    try:
        return fit(reference, settings)
    except UnfitReference as error:
        raise UsageError(str(error)) from error
    except ProgramError as error:
        raise UsageError(f"views.encoder {config.views.encoder!r}: {error}") from error


def _memory(fitted: Fitted, replayed: Replay) -> FloatArray:
    """What bets on each view are divided by if they are tempered: (views,)."""
    found = {each.view: each.temper for each in replayed.memory}
    return np.array([found.get(name, 1.0) for name in fitted.views.layout().names])


def _proxy(reference: Reference, config: Config) -> dict[str, str | float]:
    """Facts on the proxy, if one is configured; raises UsageError if it is no numeric feature, or nothing is known."""
    name = config.views.proxy
    if name is None:
        return {}
    if name not in reference.numeric:
        raise UsageError(
            f"views.proxy is {name!r}, which is no numeric feature; there are {', '.join(reference.numeric)}"
        )
    proxy = Proxy.fit(name, reference.rows.numeric[reference.numeric.index(name)], reference.wrong)
    if proxy is None:
        raise UsageError(f"views.proxy {name!r}: fewer than 20 rows of the reference have it and an outcome")
    return proxy.facts()


def _facts(gathered: Gathered, bar: float, replayed: Replay | None) -> dict[str, str | float]:
    facts: dict[str, str | float] = {
        "size_threshold": bar if math.isfinite(bar) else 1e308,
        "data_sha256": gathered.digest,
        "data_rows": gathered.n + gathered.unreadable,
    }
    if gathered.schema.scorer is not None:
        facts[DIGEST] = gathered.schema.scorer.members.digest
    if replayed is not None:
        facts["context_proposed"] = replayed.context or ""
    return facts
