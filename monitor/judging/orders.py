"""What comes of an operator's order: the judge carries it out on the breakers that it names, or refuses it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from fallback.errors import FallbackError
from fallback.records import Command, Order, Transition
from fallback.rules import refusal
from monitor.judging.version_judge import VersionJudge
from monitor.summaries import OperatorOrder

__all__ = ["Obeyed", "obey", "told"]

_NAMED = 10


class Obeyed(NamedTuple):
    """What came of an order: steps by version, and what the ledger says of it.

    That is why it was `refused`, and, in words by version, what was accepted.
    """

    steps: Mapping[str, tuple[Transition, ...]]
    said: dict[str, Any]


def obey(order: OperatorOrder, versions: Mapping[str, VersionJudge], clock: float) -> Obeyed:
    """Carry an order out, or refuse it.

    It counts from the judge's clock on, so whoever judges again comes to the same.
    """
    named = list(versions) if order.version is None else [order.version]
    unknown = [version for version in named if version not in versions]
    if unknown or not named:
        known = ", ".join(versions) or "none"
        return _refused(f"there is no version {', '.join(unknown) or 'at all'}; versions with a profile: {known}")
    if not math.isfinite(clock):
        return _refused("nothing has been counted yet, so no time has begun; send it again once events flow")
    if order.segment is not UNSET and (why := _no_group(order.segment, [versions[each] for each in named])):
        return _refused(why)
    try:
        until = None if order.seconds is None else clock + order.seconds
        command = Command(Order(order.order), order.actor, order.reason, until)
        refusals = [refusal(command, clock, versions[version].policy) for version in named]
        if refused := next((why for why in refusals if why is not None), None):
            return _refused(refused)
        # groups have no views of their own
        accepts = order.order == "accept" and order.segment is UNSET
        accepted = {version: versions[version].accept() for version in named} if accepts else {}
        steps = {version: _carried_out(versions[version], order, command, clock) for version in named}
        rebased = {version: _rebased(views) for version, views in accepted.items()}
        return Obeyed(steps, {"refused": None} | ({"rebased": rebased} if rebased else {}))
    except FallbackError as error:
        return _refused(str(error))


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


def _refused(why: str) -> Obeyed:
    return Obeyed({}, {"refused": why})


def _rebased(views: Mapping[str, int]) -> str:
    """What was accepted, in words."""
    if not views:
        return "nothing had moved, so what is normal stays as it was"
    names = ", ".join(list(views)[:_NAMED]) + (f" and {len(views) - _NAMED} more" if len(views) > _NAMED else "")
    most = f"{max(views.values()):,}"
    if len(views) == 1:
        return f"normal is now, of {names}, the {most} events since it moved"
    return f"normal is now, of {len(views)} views, the events since they moved ({most} at most): {names}"
