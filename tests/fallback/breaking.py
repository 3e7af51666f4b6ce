"""Short cuts to a breaker in any state."""

from __future__ import annotations

from dataclasses import replace

from fallback.breaker import step
from fallback.policy import Policy
from fallback.records import BreakerRecord, Command, Order, Signals, Transition
from fallback.types import BreakerState as S

__all__ = ["POLICY", "T0", "opened_by", "override", "probing", "record", "run"]

POLICY = Policy()
T0 = 1_000_000.0


def record(live: S = S.CLOSED, **changes: object) -> BreakerRecord:
    return replace(BreakerRecord("m/1", live=live, since=T0, time=T0, seq=1), **changes)  # type: ignore[arg-type]


def run(start: BreakerRecord, *signals: Signals) -> tuple[BreakerRecord, list[Transition]]:
    done: list[Transition] = []
    for one in signals:
        start, new = step(start, one, POLICY)
        done += new
    return start, done


def opened_by(**signal: object) -> BreakerRecord:
    now, _ = run(record(), Signals(time=T0, **signal))  # type: ignore[arg-type]
    assert now.live is S.OPEN
    return now


def probing(**signal: object) -> BreakerRecord:
    now = opened_by(**signal)
    assert now.retry_at is not None
    now, _ = run(now, Signals(time=now.retry_at))
    assert now.live is S.HALF_OPEN
    return now


def override(order: Order = Order.OPEN, until: float = T0 + 100) -> Command:
    return Command(order, "ada", "why", until)
