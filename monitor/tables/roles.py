"""Which column of a flat file is what, checked against the columns that there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.config import Columns
from monitor.errors import UsageError
from monitor.events import label_text

__all__ = ["PLAIN_NUMBERS", "Roles", "binary_classes", "resolve"]

_SHOWN = 30
PLAIN_NUMBERS = ("value", "lower", "upper", "spread", "label_probability", "logprob", "margin", "length")
"""Roles of one column with a number in it, which goes into the output as it is."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The configured columns of a file, all of them there.

    `probability` and `logits` are (class, column) for each class; where one column is of the positive class alone,
    `positive_column` is that one. `open_features` says that every column without another role is a feature.
    """

    features: tuple[str, ...]
    open_features: bool
    id: str | None
    time: str | None
    label: str | None
    probability: tuple[tuple[str, str], ...]
    positive_column: str | None
    value: str | None
    lower: str | None
    upper: str | None
    spread: str | None
    logits: tuple[tuple[str, str], ...]
    label_probability: str | None
    samples: tuple[str, ...]
    logprob: str | None
    margin: str | None
    length: str | None
    outcome: str | None
    flag: str | None
    segment: tuple[str, ...]
    version: str | None
    client: str | None

    @property
    def labelled(self) -> tuple[str, ...]:
        """Columns in which labels are found."""
        return tuple(name for name in (self.label, self.outcome) if name is not None)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that must hold numbers."""
        single = tuple(getattr(self, role) for role in ("positive_column", *PLAIN_NUMBERS))
        by_class = (*self.probability, *self.logits)
        return tuple(name for name in (*single, *self.samples, *(column for _, column in by_class)) if name is not None)

    @property
    def all(self) -> tuple[str, ...]:
        """Every column that is read."""
        return tuple(dict.fromkeys([*sorted(self._taken()), *self.features]))

    def features_of(self, names: Sequence[str]) -> tuple[str, ...]:
        """Features among these columns: JSON lines may bring new ones at any time."""
        return tuple(name for name in names if name not in self._taken()) if self.open_features else self.features

    def _taken(self) -> set[str]:
        single = (self.id, self.time, self.version, self.client, self.flag)
        return {name for name in (*single, *self.labelled, *self.numbers, *self.segment) if name is not None}


def resolve(columns: Columns, names: Sequence[str], origin: str) -> Roles:
    """The roles of a file's columns.

    Raises UsageError that names every column that is not there, with those that are.
    """
    if faults := [_absent(role, name, names) for role, name in _named(columns) if name not in set(names)]:
        raise UsageError(
            "\n  ".join([f"{origin} does not have the columns of the configuration:", *faults, _there(names)])
        )
    roles = _roles(columns)
    found = roles.features_of(names)
    if not found:
        raise UsageError(f"{origin}: no column is left to be a feature; {_there(names)}")
    return Roles(**{field: getattr(roles, field) for field in Roles.__slots__ if field != "features"}, features=found)


def binary_classes(labels: Sequence[str], positive: object, origin: str) -> tuple[str, str]:
    """The (negative, positive) class that one column of probabilities is about, from the labels that are known.

    Numbers compare as numbers. A single label gets a counterpart: "1" for "0", "0" for "1", else "not ...".

    Raises UsageError if there are more than two, or if `positive` is none of them.
    """
    known = sorted(set(labels), key=_order)
    chosen = _positive(known, positive)
    if len(known) > 2:
        names = ", ".join(map(repr, known[:10]))
        raise UsageError(
            f"{origin}: `columns.probability` is one column, which is enough for two classes, but the labels are "
            f"{names}; give one column for each class: probability: {{class: column, ...}}"
        )
    if len(known) == 2 and chosen not in known:
        raise UsageError(
            f"{origin}: `columns.positive` is {chosen!r}, but the labels are {known[0]!r} and {known[1]!r}"
        )
    others = [label for label in known if label != chosen]
    return (others[0] if others else _counterpart(chosen)), chosen


def _named(columns: Columns) -> Iterator[tuple[str, str]]:
    for role in ("id", "time", "label", *PLAIN_NUMBERS, "outcome", "flag", "version", "client"):
        if (name := getattr(columns, role)) is not None:
            yield role, name
    if isinstance(columns.probability, str):
        yield "probability", columns.probability
    for label, name in columns.probability.items() if isinstance(columns.probability, dict) else ():
        yield f"probability.{label}", name
    yield from ((f"logits.{label}", name) for label, name in (columns.logits or {}).items())
    yield from (("samples", name) for name in columns.samples or ())
    yield from (("features", name) for name in columns.features or ())
    yield from (("segment", name) for name in columns.segment)


def _absent(role: str, name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"columns.{role}: no column {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _there(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"its columns are {', '.join(map(repr, names[:_SHOWN]))}{rest}"


def _roles(c: Columns) -> Roles:
    by_class = c.probability if isinstance(c.probability, dict) else {}
    return Roles(
        features=tuple(c.features or ()),
        open_features=c.features is None,
        id=c.id,
        time=c.time,
        label=c.label,
        probability=tuple(by_class.items()),
        positive_column=c.probability if isinstance(c.probability, str) else None,
        value=c.value,
        lower=c.lower,
        upper=c.upper,
        spread=c.spread,
        logits=tuple((c.logits or {}).items()),
        label_probability=c.label_probability,
        samples=tuple(c.samples or ()),
        logprob=c.logprob,
        margin=c.margin,
        length=c.length,
        outcome=c.outcome,
        flag=c.flag,
        segment=tuple(c.segment),
        version=c.version,
        client=c.client,
    )


def _positive(known: Sequence[str], positive: object) -> str:
    if positive is None:
        return known[-1] if known else "1"
    text = label_text(positive) if isinstance(positive, str | int | float) else str(positive)
    # YAML's true is written True by Python's tools and TRUE by others.
    alike = [label for label in known if isinstance(positive, bool) and label.lower() == text]
    return alike[0] if alike else str(text)


def _counterpart(label: str) -> str:
    return {"0": "1", "1": "0", "true": "false", "false": "true", "True": "False", "False": "True"}.get(
        label, f"not {label}"
    )


def _order(label: str) -> tuple[bool, float, str]:
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label
