from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger.chain import Chain
from monitor.ledger.watch import LedgerWatch


def ledger(n: int, start: str = "a") -> list[bytes]:
    """Some records that follow each other."""
    chain = Chain()
    return [chain.append("verdict", 1_767_225_600.0 + i, {"version": start, "i": i}) for i in range(n)]


@given(st.integers(0, 9), st.lists(st.integers(1, 4), max_size=5))
def test_a_whole_ledger_is_whole_from_wherever_it_is_read(first: int, sizes: list[int]) -> None:
    """A replica begins near the end, and reads in chunks of any size."""
    lines, watch = ledger(10)[first:], LedgerWatch()
    for size in [*sizes, 10]:
        watch.read(lines[:size])
        lines = lines[size:]
    assert not watch.broken


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda lines: [*lines[:3], *lines[4:]], "record 4 follows the one with hash"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "record 2 follows"),
        (lambda lines: [*lines[:3], ledger(10, "b")[3], *lines[4:]], "record 3 follows"),
        (lambda lines: [*lines[:3], lines[3].replace(b'"i":3', b'"i":4'), *lines[4:]], "it was changed"),
        (lambda lines: [*lines[:3], b"\x00", *lines[4:]], "it does not end in"),
    ],
    ids=["missing", "repeated", "foreign", "changed", "unreadable"],
)
def test_damage_is_seen_when_it_is_read_and_stays(damage: Callable[[list[bytes]], list[bytes]], what: str) -> None:
    """A record missing, twice, of another chain, changed or unreadable: broken from then on, by the first of them."""
    lines, watch, said = damage(ledger(10)), LedgerWatch(), []
    for part in (lines[:3], lines[3:5], lines[5:]):
        watch.read(part)
        said.append((watch.broken, watch.what))
    assert said[0] == (False, "")
    assert said[1] == said[2]
    assert said[1][0]
    assert what in said[1][1]
