"""Orders that are given at this replica: they go out with its next turn, and the ledger says what came of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from monitor.errors import RunError
from monitor.summaries import Examples, KillNotice, OperatorOrder

__all__ = ["Orders", "OrdersFull"]

_MOST: Final = 100
"""Orders that wait to be written, and outcomes that are remembered: people give a few a day."""


class OrdersFull(RunError):
    """As many orders wait already as are taken."""


class Orders:
    """Between whoever gives orders, in any thread, and the loop, which writes them into the summaries.

    They are written in a turn's transaction. A turn that fails leaves them here for the next; none is written twice.

    Examples
    --------
    >>> orders = Orders()
    >>> orders.give(OperatorOrder(id="1", order="auto", actor="ada"))
    >>> waiting = orders.waiting()
    >>> orders.written(waiting)
    >>> orders.hear({"kind": "order", "id": "1", "refused": None})
    >>> orders.outcome("1", 0.0), orders.waiting()
    ({'kind': 'order', 'id': '1', 'refused': None}, [])
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[OperatorOrder | KillNotice | Examples] = []
        self._heard: dict[str, Mapping[str, Any]] = {}

    def give(self, order: OperatorOrder) -> None:
        """Give the judge an order.

        Raises
        ------
        OrdersFull
            The broker has been away for so long that a hundred of them wait.
        """
        with self._changed:
            if sum(not isinstance(each, Examples) for each in self._waiting) >= _MOST:
                raise OrdersFull(f"{_MOST} orders wait for the broker already; the kill switch works without it")
            self._waiting.append(order)

    def note(self, notice: KillNotice) -> None:
        """Let the ledger know of the kill switch once it can be written; of too many, the oldest is let go."""
        with self._changed:
            notices = [each for each in self._waiting if isinstance(each, KillNotice)]
            if len(notices) >= _MOST:
                self._waiting.remove(notices[0])
            self._waiting.append(notice)

    def explain(self, found: Sequence[Examples]) -> None:
        """Let the judge know of examples for its alarms; of too many, what is new is let go: they are no orders."""
        with self._changed:
            room = _MOST - sum(isinstance(each, Examples) for each in self._waiting)
            self._waiting += found[:room]

    def waiting(self) -> list[OperatorOrder | KillNotice | Examples]:
        """What the next turn has to write."""
        with self._changed:
            return list(self._waiting)

    def written(self, orders: Sequence[OperatorOrder | KillNotice | Examples]) -> None:
        """A turn that wrote them was committed."""
        if not orders:
            return
        with self._changed:
            done = {id(each) for each in orders}
            self._waiting = [each for each in self._waiting if id(each) not in done]

    def hear(self, record: Mapping[str, Any]) -> None:
        """The ledger has a word on an order, wherever it was given."""
        with self._changed:
            self._heard[str(record.get("id"))] = record
            while len(self._heard) > _MOST:
                self._heard.pop(next(iter(self._heard)))
            self._changed.notify_all()

    def outcome(self, order_id: str, timeout: float) -> Mapping[str, Any] | None:
        """The ledger's record of an order; None if there is none within `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: order_id in self._heard, timeout)
            return self._heard.get(order_id)
