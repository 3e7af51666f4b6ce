"""How each version stands, as the end of the ledger tells it; and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec
import pytest

from detectors.profile import Profile
from fallback.policy import Policy, Recovery
from fallback.records import BreakerRecord, Cause, Override
from fallback.types import BreakerState
from monitor.building import breaker_policy
from monitor.config import Config
from monitor.errors import RunError
from monitor.ledger.standings import Standing, standings
from monitor.ledger.topic import is_base, since_base
from monitor.ledger.waits import waits_for
from monitor.summaries import OperatorOrder
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, outcome, stream

S = BreakerState


@pytest.fixture(scope="module")
def prepared() -> tuple[Config, Profile]:
    config = configured()
    return config, fitted(config)


@pytest.fixture
def run(prepared: tuple[Config, Profile]) -> Iterator[Run]:
    """A replica that judges."""
    config, profile = prepared
    started = Run(config, profile, broker(config))
    started.drain()
    yield started
    started.parts.close()


def feed(run: Run, n: int, drift_at: int | None = None) -> None:
    """A stream, with the truth right away."""
    predictions, truth = stream(n, 1, drift_at)
    for start in range(0, n, 100):
        ids = range(start, start + 100)
        run.feed([msgspec.json.encode(predictions[i]) for i in ids], [outcome(str(i), truth[i]) for i in ids])


def order(run: Run, what: str) -> None:
    """An operator's word."""
    given = msgspec.json.encode(
        {"kind": "order", "id": "1", "order": what, "actor": "ada", "reason": "why not", "seconds": 60.0}
    )
    assert isinstance(msgspec.json.decode(given, type=OperatorOrder), OperatorOrder)
    run.broker.append(run.topics.summaries, [given], time=FIRST)
    run.drain()


def now_of(lines: Sequence[bytes]) -> Standing:
    (found,) = standings(lines, breaker_policy(configured()), FIRST + 1000)
    return found


def tail(lines: Sequence[bytes], kind: bytes) -> list[bytes]:
    """From the last line of a kind on."""
    at = max(i for i, line in enumerate(lines) if b'"kind":"%b"' % kind in line[:200])
    return list(lines[at:])


def test_it_stands_as_the_judge_knows_it_from_whichever_base(run: Run) -> None:
    """From the start of the ledger and from its last snapshot the same, which is what the judge itself remembers."""
    feed(run, 3000, 1500)
    breaker = run.judge.versions["1"].breaker
    assert breaker.seq > 1
    lines = run.ledger()
    first, last = now_of(lines), now_of(tail(lines, b"snapshot"))
    assert first == last
    assert (last.state, last.reason, last.cause) == (breaker.state.value, breaker.reason, str(breaker.cause))
    assert last.waits_for == waits_for(breaker, breaker_policy(configured()))


def test_an_order_is_told_with_its_actor_reason_and_end(run: Run) -> None:
    """Beside what the evidence alone would have; when it is over, nothing is left of it."""
    feed(run, 200)
    order(run, "close")
    found = now_of(run.ledger())
    assert (found.state, found.would_have, found.guarantee) == ("forced_closed", "closed", "none")
    assert found.override is not None
    assert (found.override.actor, found.override.reason) == ("ada", "why not")
    assert found.override.until.startswith("2026-01-01T00:04:19")
    assert "2026-01-01T00:04:19Z" in found.waits_for
    order(run, "auto")
    found = now_of(run.ledger())
    assert (found.override, found.state, found.cause) == (None, "closed", "released")


def test_whoever_has_heard_nothing_for_long_is_blind(run: Run) -> None:
    """The age of the last verdict; a promise that nobody watches is none."""
    feed(run, 100)
    lines, policy = run.ledger(), breaker_policy(configured())
    said = FIRST + 99
    ages = [standings(lines, policy, said + more)[0] for more in (0, 40, 500)]
    assert [each.health for each in ages] == ["fresh", "stale", "blind"]
    # the reference bears the first epoch's certificate out
    assert [each.guarantee for each in ages] == ["certified", "certified", "none"]


def test_an_empty_ledger_has_no_standing() -> None:
    """The message says what to look at."""
    with pytest.raises(RunError, match="nobody has judged yet"):
        standings([], Policy(), 0.0)


def test_the_base_is_found_however_far_back_it_lies(run: Run) -> None:
    """Near the end at first, then farther, and the whole of a ledger without one."""
    feed(run, 1000)
    topic, lines = run.topics.ledger, run.ledger()
    assert since_base(run.broker, topic) == tail(lines, b"snapshot")
    run.broker.append(topic, [b'{"kind":"verdict"}'] * 5000)
    found = since_base(run.broker, topic)
    assert is_base(found[0])
    assert len(found) == len(tail(lines, b"snapshot")) + 5000
    assert since_base(run.broker, run.topics.joined) == []


OPEN = BreakerRecord("m/1", live=S.OPEN, retry_at=FIRST, opened_by=Cause.PROMISE, recovery=Recovery.EVIDENCE)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (BreakerRecord("m/1"), ""),
        (BreakerRecord("m/1", live=S.DEGRADED), "no warning and no open harm has stood for 10 min"),
        (OPEN, "it is probed from 2026-01-01T00:00:00Z on; then it closes once labels show"),
        (OPEN, "at most 2 % are wrong at a threshold that lets 5 % pass (none wrong of 149 would do)"),
        (replace(OPEN, recovery=Recovery.AUTO), "it closes after 10 probes that went well"),
        (replace(OPEN, latched=True, retry_at=None), "a person has to say that the cause is gone"),
        (replace(OPEN, live=S.HALF_OPEN, wait_until=FIRST), "by 2026-01-01T00:00:00Z; else it opens again"),
        (
            BreakerRecord("m/1", override=Override(S.FORCED_OPEN, "ada", "why", FIRST)),
            "the order ends at 2026-01-01T00:00:00Z, or at once with `holdback breaker auto`; then it is probed",
        ),
        (
            BreakerRecord("m/1", live=S.DEGRADED, override=Override(S.FORCED_CLOSED, "ada", "why", FIRST)),
            "then what the evidence says holds, which is degraded now",
        ),
    ],
)
def test_what_it_waits_for_is_told_in_words(record: BreakerRecord, says: str) -> None:
    """With times and numbers; nothing for one that is closed."""
    assert says in waits_for(record, Policy())
    assert bool(waits_for(record, Policy())) == bool(says)
