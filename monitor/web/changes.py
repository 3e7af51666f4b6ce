"""What an operator may change over HTTP, with a token: the breaker, and this replica's kill switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

import msgspec
from msgspec import UNSET, Meta
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from monitor.config import parse_duration
from monitor.errors import RunError
from monitor.overruling import KillSwitch, Orders
from monitor.summaries import OperatorOrder
from monitor.web.replies import json_reply, words_reply
from monitor.web.tokens import Bearer

__all__ = ["BREAKER", "KILL_SWITCH", "LONGEST_BODY", "BreakerChange", "Changes", "KillChange"]

BREAKER: Final = "/api/v1/breaker"
KILL_SWITCH: Final = "/api/v1/kill-switch"
LONGEST_BODY: Final = 4096
_JUDGED_WITHIN: Final = 5.0
_Name = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"\S", description="Who says so.")]
_Text = Annotated[str, Meta(max_length=256)]
_Reason = Annotated[
    str, Meta(min_length=1, max_length=1000, pattern=r"\S", description="Why; the next on call will read it.")
]


class BreakerChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """An order about the breaker: `open` and `close` hold `for` a while, such as 30m."""

    order: Literal["open", "close", "auto", "accept"]
    actor: _Name
    reason: _Reason
    for_: Annotated[_Text | None, Meta(description="How long it holds, such as 30m; at most 7d.")] = None
    version: Annotated[_Text | None, Meta(description="Of the model; all of them by default.")] = None
    segment: Annotated[
        _Text | None, Meta(description="The breaker of one group, `name=value`; else the version's.")
    ] = None


class KillChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Turns this replica's kill switch."""

    on: bool
    actor: _Name
    reason: _Reason


class Changes:
    """Checks who asks and what for, and hands it on.

    Parameters
    ----------
    token
        The operator's; None, and nothing can be changed.
    orders, kill_switch
        Where it goes.
    """

    def __init__(self, token: str | None, orders: Orders, kill_switch: KillSwitch) -> None:
        self._operator = Bearer(token)
        self._orders, self._kill_switch = orders, kill_switch

    @property
    def possible(self) -> bool:
        """Whether anything can be changed here at all."""
        return self._operator.possible

    async def breaker(self, request: Request) -> Response:
        """Give the judge an order, and say what came of it: 200 done, 409 refused, 202 not judged yet."""
        if (refused := self._refusal(request)) is not None:
            return refused
        try:
            change = msgspec.json.decode(await request.body(), type=BreakerChange)
            order = _order(change)
            self._orders.give(order)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            return words_reply(400, f"This is no order for the breaker: {error}.")
        except RunError as error:
            return words_reply(503, f"{error}.")
        record = await run_in_threadpool(self._orders.outcome, order.id, _JUDGED_WITHIN)
        return json_reply(*_outcome(order, record))

    async def kill_switch(self, request: Request) -> Response:
        """Turn the kill switch; it holds at once, and the ledger hears of it when it can."""
        if (refused := self._refusal(request)) is not None:
            return refused
        try:
            change = msgspec.json.decode(await request.body(), type=KillChange)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return words_reply(400, f"The kill switch is not turned: {error}.")
        turn = self._kill_switch.turn_on if change.on else self._kill_switch.turn_off
        try:
            await run_in_threadpool(turn, change.actor, change.reason)
        except RunError as error:
            return words_reply(500, f"{error}.")
        return json_reply(200, {"on": change.on})

    def _refusal(self, request: Request) -> Response | None:
        if not self._operator.possible:
            return words_reply(403, "Nothing can be changed here: `security.token_file` is not set.")
        if not self._operator.admits(request):
            return words_reply(401, "The operator's token is missing or wrong.", **{"www-authenticate": "Bearer"})
        return None


def _order(change: BreakerChange) -> OperatorOrder:
    holds = change.order in ("open", "close")
    if holds != (change.for_ is not None):
        raise ValueError(f"`{change.order}` needs `for`, such as 30m" if holds else f"`{change.order}` takes no `for`")
    return OperatorOrder(
        id=uuid4().hex,
        order=change.order,
        actor=change.actor,
        reason=change.reason,
        seconds=None if change.for_ is None else _seconds(change.for_),
        version=change.version,
        segment=UNSET if change.segment is None else change.segment,
    )


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"`for` {text!r} is not a duration such as 30s, 30m, 2h or 1d") from error


def _outcome(order: OperatorOrder, record: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
    told: dict[str, Any] = {"id": order.id, "order": order.order, "judged": record is not None}
    if record is None:
        why = f"nobody judged it within {_JUDGED_WITHIN:.0f} s; it is carried out as soon as a judge is there"
        return 202, {**told, "refused": None, "detail": why}
    refused = record.get("refused")
    return (200 if refused is None else 409), {**told, "refused": refused, "ledger_record": record.get("seq")}
