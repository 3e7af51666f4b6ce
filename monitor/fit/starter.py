"""A starter configuration from a sample of events: which column is probably what."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec
import yaml

from monitor.errors import UsageError
from monitor.tables.sources import separated_by_commas

__all__ = ["Guess", "guess", "read_sample", "starter_yaml"]

_SAMPLE_ROWS = 1000
_DISTINCT = 20  # a prediction with more distinct numbers than this, not all whole, is a regression's
_USUAL = MappingProxyType(
    {
        "id": ("id", "row", "row_id", "request_id", "event_id", "uuid"),
        "time": ("time", "timestamp", "ts", "datetime", "date", "created_at", "event_time"),
        "predicted": ("y_pred", "prediction", "predicted", "pred", "predicted_label", "output", "yhat", "y_hat"),
        "probability": ("y_pred_proba", "probability", "proba", "prob", "y_proba", "y_score", "score", "p"),
        "outcome": ("target", "outcome", "y_true", "truth", "actual", "label", "y", "class", "ground_truth"),
        "version": ("version", "model_version"),
        "client": ("client", "client_id", "user_id", "caller"),
    }
)
"""Names that such columns usually have, the likeliest first."""

_Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Guess:
    """Which column is probably what; `nested` events (with a `features` field) need no columns."""

    nested: bool = False
    roles: dict[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()


def read_sample(text: str, origin: str = "the sample") -> list[_Row]:
    """The first rows of CSV or JSON lines, whichever it is; `origin` is its name. Raises UsageError."""
    head = text.lstrip()[:1]
    rows = _json_lines(text, origin) if head == "{" else _csv_rows(text, origin)
    if not rows:
        raise UsageError(
            f"{origin} has no events: it must have a header with the columns' names and rows below it, separated by "
            "commas, or be JSON lines"
        )
    return rows


def guess(rows: Sequence[_Row]) -> Guess:
    """Roles by the columns' usual names; whatever has none is a feature."""
    if isinstance(rows[0].get("features"), dict | list):
        return Guess(nested=True)
    columns = list(rows[0])
    roles = {role: name for role, names in _USUAL.items() if (name := _first(columns, names)) is not None}
    predicted = roles.pop("predicted", None)
    if predicted is not None and "probability" not in roles and _is_number(row.get(predicted) for row in rows):
        roles["value"] = predicted
    elif predicted is not None:
        roles["label"] = predicted
    taken = set(roles.values())
    return Guess(roles=roles, features=tuple(c for c in columns if c not in taken))


def starter_yaml(model: str, found: Guess) -> str:
    """A commented configuration with the guesses filled in."""
    return "\n".join([*_head(model), *_columns(found), *_TAIL]) + "\n"


def _json_lines(text: str, origin: str) -> list[_Row]:
    rows: list[_Row] = []
    for number, line in enumerate(text.splitlines()[:_SAMPLE_ROWS], 1):
        if not line.strip():
            continue
        try:
            rows.append(msgspec.json.decode(line, type=_Row))
        except (msgspec.DecodeError, UnicodeError) as error:
            raise UsageError(f"line {number} of {origin} is not a JSON object: {error}") from None
    return rows


def _csv_rows(text: str, origin: str) -> list[_Row]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        separated_by_commas(reader.fieldnames or (), origin)
        return [dict(row) for row, _ in zip(reader, range(_SAMPLE_ROWS), strict=False)]
    except csv.Error as error:
        raise UsageError(f"line {reader.line_num} of {origin} is not CSV: {error}") from None


def _first(columns: Sequence[str], names: Iterable[str]) -> str | None:
    by_lower = {column.lower(): column for column in columns}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _is_number(values: Iterable[object]) -> bool:
    """Whether these are a regression's predictions: many distinct numbers that are not all whole."""
    try:
        numbers = {float(str(value)) for value in values if value not in (None, "")}
    except ValueError:
        return False
    return len(numbers) > _DISTINCT and not all(number.is_integer() for number in numbers)


def _head(model: str) -> list[str]:
    return [
        "# Holdback's configuration. Only `model` and `promise` are required. `holdback schema config` lists every key",
        "# with its default and the reason for it; `holdback check -c FILE` reports every fault.",
        "# HOLDBACK_A__B in the environment overrides a.b.",
        f"model: {_scalar(model)}",
        '# version: "1"              # default: from each event',
        "",
        "promise:                    # the two numbers that Holdback is held to: set your own",
        "  max_error: 2%             # at most so many wrong among the answers that the model was allowed to give",
        "  false_pages: 1 per 90d    # without a real change, a page at most this often; or: 1 per 1000000 events",
        "",
        f"profile: {_scalar(model + '.profile')}   # written by: holdback fit -c FILE --reference DATA --out PROFILE",
        "",
        "outcomes:",
        "  known: all                # asked: the truth comes only for what was held back or audited",
        "  delay: 500                # rows or a duration: when a backtest learns of them",
        "  expire: 7d                # one that was asked for and has not come by then counts as an error",
    ]


def _columns(found: Guess) -> list[str]:
    if found.nested:
        return ["", "# The events name their own features and output, so `columns` is not needed."]
    missing = [f"  # {role}:" for role in ("id", "time", "outcome") if role not in found.roles]
    if not {"label", "value"} & found.roles.keys():
        missing.append("  # label:                  # the predicted class; or value: the predicted number")
    return [
        "",
        "columns:                    # guessed from the names in the sample: please check",
        *(f"  {role}: {_scalar(name)}" for role, name in found.roles.items()),
        *missing,
        f"  features: {_flow(found.features)}",
    ]


_TAIL = (
    "",
    "route:",
    "  chain: [human, refuse]    # who answers instead; another model: {http: 'http://host/v2/models/NAME/infer'}",
    "  when_blind: static        # what holds when verdicts stop coming: static, open, degraded or closed",
    "",
    "# kafka: {bootstrap: 'broker:9092'}",
)


def _scalar(text: str) -> str:
    return _flow([text])[1:-1]


def _flow(names: Sequence[str]) -> str:
    return yaml.safe_dump(list(names), default_flow_style=True, width=10**6, allow_unicode=True).strip()
