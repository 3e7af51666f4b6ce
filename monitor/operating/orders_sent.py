"""Gives the judge an operator's order, and waits for what comes of it in the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fallback.types import BreakerState, GroupRuling
from monitor.config import Config
from monitor.errors import RunError
from monitor.logs.types import Chunk
from monitor.operating.clients import producer, reader, require
from monitor.summaries import OperatorOrder
from monitor.topics import Topics

__all__ = ["Heard", "give"]

_SEND_SECONDS = 30.0
_PAUSE = 0.05
_REST = 0.5
"""Seconds after the order's own record in which all that came of it has been read: it was written at once. Waiting for
the ledger to fall silent would not do: a busy one never does."""


@dataclass(slots=True)
class Heard:
    """The ledger's record of an order, and the transitions and verdicts that came of it."""

    record: Mapping[str, Any]
    transitions: list[Mapping[str, Any]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    """By version: how it stands now."""

    @property
    def refused(self) -> str | None:
        """Why it was not carried out."""
        why: str | None = self.record["refused"]
        return why


def give(config: Config, order: OperatorOrder, wait: float) -> Heard:
    """Send an order, and wait for the judge's word on it.

    Raises
    ------
    RunError
        The broker is away, or nobody judged it within `wait` seconds.
    """
    topics = Topics.of(config)
    with reader(config, "breaker") as ledger, producer(config, "breaker") as out:
        require(ledger, config, "summaries", "ledger")
        begin = ledger.end(topics.ledger, 0)
        out.partitions_for(topics.summaries)
        out.send(topics.summaries, msgspec.json.encode(order), partition=0).get(timeout=_SEND_SECONDS)
        return _heard(lambda offset: ledger.tail(topics.ledger, 0, offset, 1000), begin, order, wait)


def _heard(tail: Callable[[int], Chunk], offset: int, order: OperatorOrder, wait: float) -> Heard:
    give_up, heard = time.monotonic() + wait, None
    while time.monotonic() < give_up:
        chunk, waits = tail(offset), heard is None
        for line in chunk.values:
            heard = _take(heard, msgspec.json.decode(line), order.id)
        if waits and heard is not None:
            give_up = time.monotonic() + _REST
        if chunk.values:
            offset = chunk.offsets[-1] + 1
        else:
            time.sleep(_PAUSE)
    if heard is None:
        held = "" if order.seconds is None else ", and its time begins then"
        raise RunError(
            f"nobody judged the order within {wait:g} s. Does a replica run? `holdback doctor` shows who is in the "
            f"group. The order stays in the topic of the summaries: a judge that comes later still carries it out{held}"
        )
    return heard


def _take(heard: Heard | None, record: Mapping[str, Any], order_id: str) -> Heard | None:
    if heard is None:
        return Heard(record) if record["kind"] == "order" and record.get("id") == order_id else None
    if record["kind"] == "transition" and record["version"] not in heard.states:
        heard.transitions.append(record)
    elif record["kind"] == "verdict":
        # the first one after the order is its own; what follows is the judge's daily work
        heard.states.setdefault(record["version"], _state(record["verdict"], heard.record.get("segment")))
    return heard


def _state(verdict: Mapping[str, Any], segment: str | None) -> str:
    """The state of the breaker that an order was about: the version's, or that of one group."""
    if segment is None:
        return str(verdict["state"])
    rulings = [GroupRuling.from_wire(each) for each in verdict.get("groups", [])]
    return next((each.state for each in rulings if each.group == segment), BreakerState.CLOSED).value
