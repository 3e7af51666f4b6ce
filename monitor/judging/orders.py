"""What comes of an operator's order: the judge carries it out on the breakers that it names, or refuses it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from fallback.errors import FallbackError
from fallback.records import Command, Order, Transition
from monitor.judging.version_judge import VersionJudge
from monitor.summaries import OperatorOrder

__all__ = ["obey", "told"]


def obey(
    order: OperatorOrder, versions: Mapping[str, VersionJudge], clock: float
) -> tuple[dict[str, tuple[Transition, ...]], str | None]:
    """Carry an order out; returns the steps by version, and why it was refused.

    It counts from the judge's clock on, so whoever judges again comes to the same.
    """
    named = list(versions) if order.version is None else [order.version]
    unknown = [version for version in named if version not in versions]
    if unknown or not named:
        known = ", ".join(versions) or "none"
        return {}, f"there is no version {', '.join(unknown) or 'at all'}; versions with a profile: {known}"
    if not math.isfinite(clock):
        return {}, "nothing has been counted yet, so no time has begun; send it again once events flow"
    if order.segment is not UNSET and (why := _no_group(order.segment, [versions[each] for each in named])):
        return {}, why
    try:
        until = None if order.seconds is None else clock + order.seconds
        command = Command(Order(order.order), order.actor, order.reason, until)
        refusals = [why for version in named if (why := versions[version].refuses(command, clock)) is not None]
        if refusals:
            return {}, refusals[0]
        return {version: _carried_out(versions[version], order, command, clock) for version in named}, None
    except FallbackError as error:
        return {}, str(error)


def told(order: OperatorOrder) -> dict[str, Any]:
    """Its fields, for the ledger."""
    fields = msgspec.structs.asdict(order)
    return {name: value for name, value in fields.items() if value is not UNSET}


def _carried_out(judge: VersionJudge, order: OperatorOrder, command: Command, clock: float) -> tuple[Transition, ...]:
    """On the version's breaker, or on that of one of its groups."""
    if order.segment is UNSET:
        return judge.command(command, clock)
    return judge.command_group(order.segment, command, clock)


def _no_group(segment: str, judges: Sequence[VersionJudge]) -> str | None:
    """Why there is no breaker of that name; None if all versions have one."""
    for judge in judges:
        labels = () if judge.groups is None else judge.groups.groups.labels
        if segment not in labels:
            known = ", ".join(labels) or "none: its profile was fitted without segments"
            return f"version {judge.profile.version!r} has no group {segment!r}; groups of its profile: {known}"
    return None
