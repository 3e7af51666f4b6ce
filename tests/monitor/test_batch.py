"""`evidence.batch`: how many events are counted together."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.backtest import backtest, rows_of
from monitor.config import Config
from monitor.fit.notes import notes_on
from tests.monitor.streams import configured, fitted, raw, stream

DRIFT = 1005


def told(config: Config) -> tuple[list[dict[str, Any]], list[int]]:
    """Alarms of a backtest with a change within a batch, and how many rows were told of at once."""
    blocks: list[int] = []
    rows = rows_of([raw(*stream(1500, 1, DRIFT))])
    result = backtest(config, {"1": fitted(config)}, rows, tell=lambda block: blocks.append(block.rows))
    return result["alarms"], blocks


@pytest.mark.parametrize("batch", [10, 100])
def test_a_change_is_noticed_at_the_end_of_a_batch(batch: int) -> None:
    """Alarms stand at the last event of a batch, and a change of 1.5 sigma is noticed within two of 10, or of 100."""
    alarms, blocks = told(configured(evidence={"batch": batch}))
    assert set(blocks) == {batch}
    assert {each["event"] % batch for each in alarms} == {batch - 1}
    first = min(each["event"] for each in alarms)
    assert DRIFT <= first < DRIFT + max(2 * batch, 40)


def test_a_small_reference_is_enough_for_small_batches() -> None:
    """300 rows are fewer than ten batches of 100, and more than ten of 10."""
    assert "evidence.batch" in next(notes_on(300, 300, 0, 100))
    assert not list(notes_on(300, 300, 0, 10))
