"""Whoever gives an order hears what came of it, and is not kept waiting by what the judge says besides."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping

import msgspec
import pytest

from monitor.errors import RunError
from monitor.logs.types import Chunk
from monitor.operating.orders_sent import _heard
from monitor.summaries import OperatorOrder

ORDER = OperatorOrder(id="1", order="open", actor="ada", reason="bad release", seconds=60.0)
STEP = {"kind": "transition", "version": "1", "from": "closed", "to": "forced_open"}


class BusyLedger:
    """A ledger to which the judge adds a verdict whenever somebody looks; `said` comes in between."""

    def __init__(self, *said: Mapping[str, object]) -> None:
        self._said = iter(said)
        self.looks = 0
        self._give_up = time.monotonic() + 10.0

    def tail(self, offset: int) -> Chunk:
        """One or two more records."""
        assert time.monotonic() < self._give_up, "it goes on reading"
        self.looks += 1
        verdict = {"kind": "verdict", "version": "1", "verdict": {"state": f"state {self.looks}"}}
        records = [*itertools.islice(self._said, 1), verdict]
        values = [msgspec.json.encode(each) for each in records]
        return Chunk("ledger", 0, range(offset, offset + len(values)), values, [0.0] * len(values))


def test_a_judge_that_never_falls_silent_keeps_nobody_waiting() -> None:
    """What came of the order is there at once; the verdicts that follow it day and night are none of its."""
    ledger = BusyLedger({"kind": "order", "id": "0"}, {"kind": "order", "id": "1", "refused": None}, STEP)
    heard = _heard(ledger.tail, 0, ORDER, 30.0)
    assert heard.refused is None
    assert heard.states == {"1": "state 2"}


def test_without_a_word_the_wait_ends_however_much_is_said() -> None:
    """Verdicts are no answer; after the wait it says so."""
    with pytest.raises(RunError, match="nobody judged the order within"):
        _heard(BusyLedger().tail, 0, ORDER, 0.1)
