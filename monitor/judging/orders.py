"""What comes of an operator's order: the judge carries it out on the breakers that it names, or refuses it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fallback.errors import FallbackError
from fallback.records import Command, Order, Transition
from monitor.judging.version_judge import VersionJudge
from monitor.summaries import OperatorOrder

__all__ = ["obey"]


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
    try:
        until = None if order.seconds is None else clock + order.seconds
        command = Command(Order(order.order), order.actor, order.reason, until)
        refusals = [why for version in named if (why := versions[version].refuses(command, clock)) is not None]
        if refusals:
            return {}, refusals[0]
        return {version: versions[version].command(command, clock) for version in named}, None
    except FallbackError as error:
        return {}, str(error)
