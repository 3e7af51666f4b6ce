"""What models say, as arrays: classes, numbers, ensembles and generated answers, checked and in one shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from operator import itemgetter
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.method import Method, known_rows
from detectors.scores import Stated, energy, invalid_probabilities, max_logit
from detectors.types import FloatArray, IntArray
from fallback.types import Reason, reason_code
from monitor.draws import INFINITE, disagreement, members, tokens
from monitor.events import Output, label_text

__all__ = ["Said", "Task", "read", "reader", "together_said"]

Task = Literal["classification", "regression"]
_INVALID_OUTPUT = reason_code(Reason.INVALID_OUTPUT)
_NO_OUTPUT = reason_code(Reason.NO_OUTPUT)


@dataclass(frozen=True, slots=True)
class Said:
    """The outputs of some events.

    Attributes
    ----------
    label
        The answers; the likeliest class where the model gave probabilities alone, None where it gave neither.
    chosen
        (events,) index of the answer among the classes; negative where it is none of them.
    probabilities
        (events, classes), before any calibration; NaN where the model gave none.
    sure
        (events,) confidence that the output itself says: the label's probability, or what the method asks for.
    stated
        The predicted numbers with their interval and spread.
    tokens
        (events, 4): what is known of a generated answer; no column where nobody asks for it.
    """

    label: list[str | None]
    chosen: IntArray
    probabilities: FloatArray
    sure: FloatArray
    stated: Stated
    tokens: FloatArray

    def __len__(self) -> int:
        return len(self.chosen)

    def confidence(self, method: Method, task: Task, probabilities: FloatArray) -> FloatArray:
        """Confidence of each answer by a method, `probabilities` being calibrated ones: (events,)."""
        if task == "regression":
            return _width(self.stated)
        if method.confidence == "language":
            return np.full(len(self), np.nan) if method.tokens is None else method.tokens.confidence(self.tokens)
        return method.sureness(probabilities, self.chosen, self.sure)

    def taken(self, which: IntArray) -> Said:
        """The events at these places, in that order."""
        label = [self.label[i] for i in which.tolist()]
        stated = Stated(*(getattr(self.stated, each.name)[which] for each in fields(Stated)))
        tokens_of = self.tokens[which]
        return Said(label, self.chosen[which], self.probabilities[which], self.sure[which], stated, tokens_of)


class _Wanted(NamedTuple):
    """Of classes: their names, where each is, and how to read one row of probabilities by name."""

    classes: tuple[str, ...]
    place: Mapping[str, int]
    row: Callable[[Mapping[str, Any]], Any]


def together_said(parts: Sequence[Said]) -> Said:
    """The events of all parts, one part after the other."""
    stated = Stated(*(np.concatenate([getattr(p.stated, each.name) for p in parts]) for each in fields(Stated)))
    return Said(
        [each for part in parts for each in part.label],
        np.concatenate([part.chosen for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.sure for part in parts]),
        stated,
        np.concatenate([part.tokens for part in parts]),
    )


def read(
    outputs: Sequence[Output], task: Task, classes: tuple[str, ...], method: Method, guard: NDArray[np.uint8]
) -> Said:
    """Read outputs; what is none of the task, or no number, is missing, and `guard` gets the reason."""
    n = len(outputs)
    nothing = np.full(n, np.nan)
    label = [label_text(each.label) for each in outputs]
    asked = tokens(outputs, guard) if method.confidence == "language" else np.empty((n, 0))
    if task == "regression":
        stated = _stated(outputs, guard)
        absent = ~np.isfinite(stated.value)
        guard[~np.isnan(stated.value) & absent & (guard == 0)] = _INVALID_OUTPUT
        guard[absent & (guard == 0)] = _NO_OUTPUT
        return Said(label, np.full(n, -1), np.empty((n, 0)), nothing, stated, asked)
    wanted = _Wanted(classes, {name: i for i, name in enumerate(classes)}, reader(classes))
    probabilities = _probabilities(outputs, wanted, guard)
    label, chosen = _labels(label, probabilities, wanted)
    sure = _sure(outputs, method, wanted, guard)
    guard[np.array([each is None for each in label], dtype=np.bool_) & (guard == 0)] = _NO_OUTPUT
    return Said(label, chosen, probabilities, sure, Stated(*[nothing] * 4), asked)


def reader(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Any]:
    """Values by name, as a tuple of as many; KeyError if one is missing."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda table: tuple(table[name] for name in names)


def _probabilities(outputs: Sequence[Output], wanted: _Wanted, guard: NDArray[np.uint8]) -> FloatArray:
    """(events, classes); rows that are no probabilities over these classes are NaN and guarded."""
    blank = (np.nan,) * len(wanted.classes)
    table: list[Sequence[float]] = []
    given: list[bool] = []
    for output in outputs:
        if output.probabilities is not None:
            given.append(True)
            table.append(_over_classes(output.probabilities, wanted) or blank)
        else:
            given.append(output.logits is not None or output.samples is not None)
            table.append(_otherwise(output, wanted) or blank)
    matrix = np.fromiter(chain.from_iterable(table), np.float64).reshape(len(outputs), len(wanted.classes))
    bad = np.array(given, dtype=np.bool_) & invalid_probabilities(matrix)
    if bad.any():
        matrix[bad] = np.nan
        guard[bad & (guard == 0)] = _INVALID_OUTPUT
    return matrix


def _otherwise(output: Output, wanted: _Wanted) -> Sequence[float] | None:
    """Probabilities from what is said in place of them: logits, draws, or one of two classes."""
    if output.logits is not None:
        logits = _logits(output, wanted)
        return None if logits is None else _softmax(logits)
    if output.samples is not None:
        drawn = members(output.samples, len(wanted.classes))
        return None if drawn is None else drawn.mean(axis=0).tolist()
    if output.probability is not None and len(wanted.classes) == 2:
        return _of_two(output, wanted.place)
    return None


def _over_classes(stated: dict[str, float] | list[float], wanted: _Wanted) -> Sequence[float] | None:
    classes = wanted.classes
    if isinstance(stated, list):
        return stated if len(stated) == len(classes) else None
    try:
        row: Sequence[float] = wanted.row(stated)
    except KeyError:
        row = [stated.get(name, 0.0) for name in classes]
    # a class that the profile does not know makes the sum fall short, which is found with the other faults,
    # or exceed it beside all that are known
    return row if len(stated) <= len(classes) or math.isclose(sum(stated.values()), sum(row)) else None


def _logits(output: Output, wanted: _Wanted) -> Sequence[float] | None:
    """Logits in the order of the classes; None unless there is one for each, and all of them are numbers."""
    logits = output.logits
    if logits is None or len(logits) != len(wanted.classes):
        return None
    try:
        row: Sequence[float] = logits if isinstance(logits, list) else wanted.row(logits)
    except KeyError:
        return None
    return row if all(abs(each) < INFINITE for each in row) else None


def _softmax(logits: Sequence[float]) -> list[float]:
    powers = np.exp(np.array(logits) - max(logits))
    row: list[float] = (powers / powers.sum()).tolist()
    return row


def _of_two(output: Output, place: Mapping[str, int]) -> Sequence[float] | None:
    """Of two classes the label's probability says the other's; what is none is found where it is read by itself."""
    at, p = place.get(label_text(output.label) or "", -1), output.probability
    if at < 0 or p is None or not 0 <= p <= 1:
        return None
    return (p, 1 - p) if at == 0 else (1 - p, p)


def _labels(stated: list[str | None], probabilities: FloatArray, wanted: _Wanted) -> tuple[list[str | None], IntArray]:
    """The answers, the likeliest class where none is given, and their places; before any calibration of ours."""
    classes = wanted.classes
    chosen = np.array([wanted.place.get(name, -1) if name is not None else -2 for name in stated], dtype=np.int64)
    if len(classes):
        bare = (chosen == -2) & known_rows(probabilities)
        if bare.any():
            chosen[bare] = probabilities[bare].argmax(axis=1)
    labels = [
        name if name is not None else (classes[at] if at >= 0 else None)
        for name, at in zip(stated, chosen.tolist(), strict=True)
    ]
    return labels, chosen


def _sure(outputs: Sequence[Output], method: Method, wanted: _Wanted, guard: NDArray[np.uint8]) -> FloatArray:
    """What an output itself says of its confidence, (events,); NaN where it does not."""
    if method.confidence == "probability":
        said = [each.probability for each in outputs]
        if said.count(None) == len(said):
            return np.full(len(said), np.nan)
        found = np.array(said, dtype=np.float64)
        bad = ~np.isnan(found) & ~((found >= 0) & (found <= 1))
        guard[bad & (guard == 0)] = _INVALID_OUTPUT
        return np.where(bad, np.nan, found)
    if method.confidence in ("energy", "max-logit"):
        rows = [_logits(each, wanted) for each in outputs]
        found = np.full(len(outputs), np.nan)
        given = [i for i, row in enumerate(rows) if row]
        if given:
            logits = np.array([rows[i] for i in given], dtype=np.float64)
            found[given] = energy(logits) if method.confidence == "energy" else max_logit(logits)
        return found
    if method.confidence == "mutual-information":
        return -disagreement(outputs, len(wanted.classes))
    return np.full(len(outputs), np.nan)


def _stated(outputs: Sequence[Output], guard: NDArray[np.uint8]) -> Stated:
    """Numbers, intervals and spreads; those of quantiles and draws where they are not given themselves."""
    value, lower, upper, spread = (
        np.array([getattr(each, name) for each in outputs], dtype=np.float64)
        for name in ("value", "lower", "upper", "spread")
    )
    for i, output in enumerate(outputs):
        if output.samples is not None:
            drawn = members(output.samples, 0)
            if drawn is None:
                guard[i] = guard[i] or _INVALID_OUTPUT
                continue
            with np.errstate(over="ignore", invalid="ignore"):  # draws may lie farther apart than numbers go
                value[i] = drawn.mean() if np.isnan(value[i]) else value[i]
                if np.isnan(spread[i]) and len(drawn) > 1:
                    spread[i] = drawn.std(ddof=1)
        if output.quantiles is not None:
            levels = _levels(output.quantiles)
            if not levels:
                guard[i] = guard[i] or _INVALID_OUTPUT
                continue
            if np.isnan(lower[i]) and np.isnan(upper[i]) and len(levels) > 1:
                lower[i], upper[i] = levels[min(levels)], levels[max(levels)]
            value[i] = levels.get(0.5, np.nan) if np.isnan(value[i]) else value[i]
    return Stated(np.where(np.abs(value) >= INFINITE, np.inf, value), lower, upper, spread)


def _levels(quantiles: Mapping[str, float]) -> dict[float, float]:
    """Quantiles by level; empty if one is no level or no number."""
    try:
        levels = {float(level): value for level, value in quantiles.items()}
    except ValueError:
        return {}
    fine = all(0 < level < 1 and abs(value) < INFINITE for level, value in levels.items())
    return levels if fine else {}


def _width(stated: Stated) -> FloatArray:
    """Confidence of each value: minus the width, else minus the spread, else the same for all."""
    confidence = np.zeros(len(stated.value))
    confidence = np.where(np.isnan(stated.spread), confidence, -stated.spread)
    confidence = np.where(np.isnan(stated.width), confidence, -stated.width)
    return np.where(np.isfinite(stated.value), confidence, np.nan)
