"""Observations as the page shows them: texts from outside cut, histograms and images bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from monitor.observing import Alarm, Decided, Explained, Frame, Queue, Transition
from monitor.page.picture import AlarmNote, Decision, Picture, QueueNote, Step

__all__ = [
    "MAX_BINS",
    "MAX_SIDE",
    "MAX_TEXT",
    "MOST_ALARMS",
    "alarm",
    "cut",
    "decision",
    "explained",
    "is_joint",
    "most_telling",
    "picture",
    "queue_note",
    "step",
]

MAX_TEXT: Final = 300
MAX_BINS: Final = 80
MAX_SIDE: Final = 32
MOST_ALARMS: Final = 12
_PAIR_BINS: Final = 2
_SCALARS: Final = ("projection ", "mean score", "distance", "residual", "nearest cluster")


def cut(text: str) -> str:
    """At most 300 characters of `text`."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def decision(seen: Decided) -> Decision:
    """One of the last decisions."""
    answer = None if seen.answer is None else cut(seen.answer)
    return Decision(
        cut(seen.id), seen.time, seen.route, cut(seen.reason), answer, seen.confidence, seen.threshold, seen.guarantee
    )


def alarm(seen: Alarm) -> AlarmNote:
    """Show what moved."""
    return AlarmNote(
        seen.time,
        seen.event,
        seen.level,
        cut(seen.view),
        seen.log10_evidence,
        cut(seen.why),
        cut(seen.version),
        [cut(str(bin_)) for bin_ in seen.bins[:MAX_BINS]],
        [round(float(share), 5) for share in seen.before[:MAX_BINS]],
        [round(float(share), 5) for share in seen.now[:MAX_BINS]],
        seen.since,
        len(seen.moved),
        cut(seen.segment),
        [cut(each) for each in seen.examples],
    )


def explained(alarms: Sequence[Alarm], told: Explained) -> list[Alarm]:
    """Alarms with the examples that were found for one of them."""
    name = (told.version, told.view, told.event)
    return [
        replace(each, examples=told.ids) if (each.version, each.view, each.event) == name else each for each in alarms
    ]


def most_telling(alarms: Sequence[Alarm]) -> list[Alarm]:
    """The alarms worth a person's while, in their order: a thousand pairs may move with the one thing that changed.

    First harm as a whole, then the views whose histogram changed most, then pairs and bands of confidence.
    """
    kept = set(sorted(range(len(alarms)), key=lambda i: _told(alarms[i]), reverse=True)[:MOST_ALARMS])
    return [seen for i, seen in enumerate(alarms) if i in kept]


def is_joint(view: str) -> bool:
    """Whether a view is of several features: what is of one alone comes first, as it says more."""
    return " with " in view or view.startswith(_SCALARS)


def _told(seen: Alarm) -> float:
    if not seen.before:
        return 1.0 if "confidence rank" in seen.view else 3.0
    moved = sum(abs(float(a) - float(b)) for a, b in zip(seen.before, seen.now, strict=False)) / 2
    return moved if len(seen.before) == _PAIR_BINS else 1.0 + moved


def picture(seen: Frame) -> Picture:
    """One request of the demo, and whether its answer was right."""
    right = None if seen.answer is None or seen.truth is None else seen.answer == seen.truth
    image = [[int(grey) for grey in row[:MAX_SIDE]] for row in seen.image[:MAX_SIDE]]
    return Picture(cut(seen.id), image, seen.answered_by, seen.answer, seen.truth, right, seen.angle)


def step(seen: Transition) -> Step:
    """Show a transition, its states in lower case."""
    states = (seen.before.lower(), seen.after.lower())
    return Step(seen.time, seen.event, cut(seen.version), *states, cut(seen.words), cut(seen.segment))


def queue_note(seen: Queue) -> QueueNote:
    """How the queue of people stands."""
    return QueueNote(**{name: getattr(seen, name) for name in QueueNote.__struct_fields__})
