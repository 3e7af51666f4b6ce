"""Short cuts to a breaker in any state, and whatever it may see there."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import strategies as st

from fallback.breaker import step
from fallback.policy import Policy
from fallback.records import BreakerRecord, Command, Order, Signals, Token, Transition
from fallback.types import BreakerState as S

__all__ = ["POLICY", "T0", "at", "opened_by", "override", "probing", "record", "run", "signals"]

NAN = math.nan

POLICY = Policy()
T0 = 1_000_000.0

signals = st.builds(
    Signals,
    time=st.just(0.0),
    fresh=st.sampled_from([True, True, True, False]),
    warning=st.booleans(),
    harm=st.sampled_from([(), (), (), ("error",), ("flags:eu", "coverage")]),
    harm_open=st.booleans(),
    promise_broken=st.sampled_from([False, False, False, True]),
    could_pass=st.sampled_from([NAN, 0.0, 0.04, 0.5]),
    labels=st.integers(0, 1000),
    schema_break=st.sampled_from([False, False, False, True]),
    call_error_rate=st.sampled_from([NAN, 0.0, 0.0, 0.49, 1.0]),
    call_slow=st.sampled_from([False, False, True]),
    risk_upper=st.sampled_from([NAN, 0.001, 0.02, 0.5]),
    probes=st.integers(0, 30),
    new_profile=st.sampled_from([False] * 9 + [True]),
    label_delay=st.sampled_from([NAN, 1.0, 3000.0]),
    token=st.sampled_from([None, None, Token("m", 0, 1)]),
)


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


def at(seen: Signals, time: float, command: Command | None = None) -> Signals:
    """The same, seen at some time."""
    fields = {name: getattr(seen, name) for name in Signals.__dataclass_fields__}
    return Signals(**fields | {"time": time, "command": command})
