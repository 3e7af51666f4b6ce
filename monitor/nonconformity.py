"""How far off the model was, once the truth is known: by the score that its sets or intervals are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detectors.method import Method
from detectors.scores import Stated
from detectors.types import BoolArray, FloatArray, IntArray
from fallback.routing import uniform
from monitor.events import id_hashes
from monitor.joins.records import Match, Pending

__all__ = ["drawn", "drawn_by_place", "is_wrong", "scored"]

_SET = 0xA0761D6478BD642F
"""Salt of the draws for sets: they have nothing to do with those for audits."""


def drawn(ids: Sequence[str], method: Method) -> FloatArray:
    """The uniform number that an event's set is drawn with, a hash of its id: (events,); 0 where none is needed."""
    return uniform(id_hashes(ids), _SET) if method.classes.draws else np.zeros(len(ids))


def drawn_by_place(places: IntArray) -> FloatArray:
    """The same for rows of a reference, by their place in it."""
    return uniform(places.astype(np.uint64), _SET)


def scored(matches: Sequence[Match], classes: tuple[str, ...], method: Method) -> tuple[FloatArray, BoolArray]:
    """Nonconformity score of each truth, NaN where the model gave nothing to compare with; and who was not covered.

    Covered is what was in the set or interval that was served; without one nothing is missed.
    """
    n = len(matches)
    if not n:
        return np.empty(0), np.zeros(0, dtype=np.bool_)
    bars = np.array([np.inf if match.pending.score_bar is None else match.pending.score_bar for match in matches])
    if not classes:
        scores = _of_values(matches, method)
        return scores, scores > bars
    place = {name: i for i, name in enumerate(classes)}
    scores, missed = np.full(n, np.nan), np.zeros(n, dtype=np.bool_)
    given = [i for i, match in enumerate(matches) if match.pending.probabilities is not None]
    if given:
        stated = b"".join(matches[i].pending.probabilities or b"" for i in given)
        table = np.frombuffer(stated, dtype=np.float64).reshape(len(given), len(classes))
        true = np.array([place.get(matches[i].truth_label or "", -1) for i in given])
        draws = drawn([matches[i].pending.id for i in given], method)
        scores[given] = found = method.classes.scores(table, true, draws)
        missed[given] = ~_covered(method, table, true, bars[given], draws, found)
    return scores, missed


def is_wrong(pending: Pending, label: str | None, value: float | None, within: float | None, method: Method) -> bool:
    """Whether the model's answer was wrong: another label, or a value too far from the truth.

    Too far is farther than `promise.within`, or, without that, outside the interval that was served.
    """
    if pending.value is not None and value is not None:
        if within is not None:
            return not abs(value - pending.value) <= within
        if pending.score_bar is None:
            return False
        if method.values.name == "residual":
            return not abs(value - pending.value) <= pending.score_bar
        return not float(method.values.scores(np.array([value]), _stated([pending]))[0]) <= pending.score_bar
    return pending.label != label


def _covered(
    method: Method, table: FloatArray, true: IntArray, bars: FloatArray, draws: FloatArray, scores: FloatArray
) -> BoolArray:
    if not method.classes.draws:
        return scores <= bars
    sets = method.classes.sets(table, bars[:, None], draws)
    inside = sets[np.arange(len(true)), np.maximum(true, 0)]
    # a truth that is none of the classes is in no set but that of everything, which is infinite
    return np.where(true < 0, np.isinf(bars), inside).astype(np.bool_)


def _of_values(matches: Sequence[Match], method: Method) -> FloatArray:
    truth = np.array([math.nan if match.truth_value is None else match.truth_value for match in matches])
    return method.values.scores(truth, _stated([match.pending for match in matches]))


def _stated(pending: Sequence[Pending]) -> Stated:
    value = np.array([math.nan if each.value is None else each.value for each in pending])
    nothing = np.full(3, np.nan).tobytes()
    table = np.frombuffer(b"".join(each.probabilities or nothing for each in pending)).reshape(len(pending), 3)
    return Stated(value, table[:, 0], table[:, 1], table[:, 2])
