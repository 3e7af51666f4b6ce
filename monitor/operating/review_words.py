"""What a reviewer sees of a request, and what is taken for an answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from fallback.agreement import Counted
from fallback.desk import Held
from fallback.reviews import ReviewItem, Settled
from monitor.config import Config
from monitor.errors import UsageError
from monitor.events import format_time

__all__ = ["came_of_it", "parse_answer", "result", "row", "sheet", "shown"]

_SHOWN = 20


def parse_answer(item: ReviewItem, text: str, config: Config, *, unlisted: bool) -> str | float:
    """The answer as its request needs it: a number in regression, else one of the classes.

    Raises UsageError for anything else; `unlisted` lets a class through that the model does not know.
    """
    output: Mapping[str, Any] = item.payload.get("output") or {}  # type: ignore[assignment]  # as it was decoded
    classes = _classes(output)
    if _is_number(output, config):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise UsageError(f"the answer {text!r} is no number, and this request needs one")
        return number
    if classes and text not in classes and not unlisted:
        known = ", ".join(classes[:_SHOWN]) + (", ..." if len(classes) > _SHOWN else "")
        raise UsageError(
            f"the answer {text!r} is none of the model's classes: {known}. If it is right all the same, "
            'add --unlisted (over HTTP `"unlisted": true`)'
        )
    return text


def result(told: Settled | Counted, *, new: bool) -> dict[str, Any]:
    """What came of an answer, as JSON."""
    found: dict[str, Any] = {"decision_id": told.decision_id, "id": told.request_id, "new": new}
    if isinstance(told, Counted):
        return found | {"settled": False, "votes": told.votes, "needed": told.needed}
    said = {"answer": told.answer, "answered_by": told.answered_by, "time": format_time(told.at)}
    return found | {"settled": True} | said


def came_of_it(told: Settled | Counted, *, new: bool) -> str:
    """The same in one line."""
    if isinstance(told, Counted):
        counted = "your answer counts" if new else "you have answered it already, and your first answer counts"
        answered = f"{told.votes} {'has' if told.votes == 1 else 'have'} answered"
        return f"{told.decision_id}: {counted}; {answered}, and {told.needed} have to say the same"
    who = f"{told.answered_by} at {format_time(float(int(told.at)))}: {told.answer}"
    if new:
        return f"{told.decision_id}: answered by {who}"
    return f"{told.decision_id} was answered by {who}; nothing changed"


def _is_number(output: Mapping[str, Any], config: Config) -> bool:
    if output:
        return output.get("value") is not None and output.get("label") is None
    return config.promise.within is not None or config.columns.value is not None


def _classes(output: Mapping[str, Any]) -> list[str]:
    stated = output.get("probabilities")
    if not isinstance(stated, Mapping):
        return []
    said = output.get("label")
    return [*stated, *([] if said is None or str(said) in stated else [str(said)])]


def shown(held: Held, now: float, max_age: float) -> dict[str, Any]:
    """An item as JSON."""
    item = held.item
    return {
        "decision_id": item.decision_id,
        "id": item.request_id,
        "kind": item.kind.value,
        "priority": item.priority,
        "expires": format_time(item.offered_at + max_age),
        "claimed_by": held.reviewer if held.until > now else None,
        "claimed_until": format_time(held.until) if held.until > now else None,
        # not what they said: the next reviewer is to think for themselves
        "votes": len(held.votes),
        "review": item.payload,
    }


def row(held: Held, now: float, max_age: float) -> str:
    """An item in one line."""
    item = held.item
    left = _span(item.offered_at + max_age - now)
    whose = f"claimed by {held.reviewer} for {_span(held.until - now)}" if held.until > now else "free"
    why, votes = item.payload.get("reason"), f", answered by {len(held.votes)}" if held.votes else ""
    start = f"{item.decision_id}  id {item.request_id[:60]}: {why}, priority {item.priority:.2f}"
    return f"{start}, {left} left, {whose}{votes}"


def sheet(item: ReviewItem, now: float, max_age: float) -> Iterator[str]:
    """An item on a page: who wants to know, what came in, what the model said."""
    payload: Mapping[str, Any] = item.payload
    left = _span(item.offered_at + max_age - now)
    yield f"{item.decision_id}  id {item.request_id}, version {payload['version']}: {payload['reason']}, {left} left"
    for name, value in payload["segment"].items():
        yield f"  {name}: {value}"
    yield f"  the model says: {_output(payload.get('output'))}"
    features = payload["features"]
    named = features.items() if isinstance(features, Mapping) else enumerate(features)
    for name, value in named:
        yield f"  {name!s:<20} {_plain(value)}"


def _output(output: Mapping[str, Any] | None) -> str:
    if not output:
        return "nothing"
    said = output.get("label", output.get("value"))
    stated = output.get("probabilities")
    if isinstance(stated, Mapping):
        ranked = sorted(stated.items(), key=lambda pair: -pair[1])[:_SHOWN]
        return f"{said} ({', '.join(f'{name} {share:.1%}' for name, share in ranked)})"
    ends = [f"{word} {_plain(output[name])}" for word, name in _ENDS if output.get(name) is not None]
    return _plain(said) + (f" ({' and '.join(ends)})" if ends else "")


_ENDS = (("at least", "lower"), ("at most", "upper"))


def _plain(value: object) -> str:
    return "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _span(seconds: float) -> str:
    return f"{max(seconds, 0) / 60:.0f} min" if seconds >= 60 else f"{max(seconds, 0):.0f} s"
